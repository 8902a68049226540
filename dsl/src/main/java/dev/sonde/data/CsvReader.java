package dev.sonde.data;

import dev.sonde.SondeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads CSV as RFC 4180 describes it: commas between fields, quotes around those that hold commas, quotes or line ends. */
final class CsvReader extends RowReader {
    private final List<String> header;

    CsvReader(Path file) {
        super(file);
        @Nullable String first = filledLine();
        this.header = first == null ? List.of() : split(first);
    }

    @Override
    @Nullable
    Row read() {
        @Nullable String first = filledLine();
        if (first == null) {
            return null;
        }
        String where = where();
        List<String> values = split(first);
        if (values.size() != header.size()) {
            throw new SondeException(
                    "bad-dataset",
                    "Expected " + header.size() + " fields " + header + " in " + where + " but there are "
                            + values.size() + ": " + values);
        }
        Map<String, String> fields = new LinkedHashMap<>();
        for (int i = 0; i < values.size(); i++) {
            fields.put(header.get(i), values.get(i));
        }
        return new Row(0, where, fields);
    }

    private List<String> split(String first) {
        List<String> fields = new ArrayList<>();
        StringBuilder field = new StringBuilder();
        String text = first;
        boolean quoted = false;
        for (int i = 0; i < text.length() || quoted; i++) {
            if (i == text.length()) {
                field.append('\n');
                text = continued();
                i = -1;
            } else if (quoted && text.startsWith("\"\"", i)) {
                field.append('"');
                i++;
            } else if (text.charAt(i) == '"') {
                quoted = !quoted;
            } else if (text.charAt(i) == ',' && !quoted) {
                fields.add(field.toString());
                field.setLength(0);
            } else {
                field.append(text.charAt(i));
            }
        }
        fields.add(field.toString());
        return fields;
    }

    private String continued() {
        @Nullable String more = line();
        if (more == null) {
            throw new SondeException("bad-dataset", "A quote is opened and never closed: the file ends at " + where());
        }
        return more;
    }
}
