package dev.sonde.onnx.file;

import dev.sonde.SondeException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The errors of this package: one sentence, expected and found, then the file. */
final class Problems {
    private static final int LISTED = 10;

    private Problems() {}

    static SondeException in(Path file, String code, String what) {
        return in(file, code, what, null);
    }

    static SondeException in(Path file, String code, String what, @Nullable Throwable cause) {
        return new SondeException(code, what + "\n    in " + file, cause);
    }

    /** Joins names for a message, the first ten and how many more there are. */
    static String list(List<String> names) {
        String shown = String.join(", ", names.subList(0, Math.min(LISTED, names.size())));
        return names.size() > LISTED ? shown + " and " + (names.size() - LISTED) + " more" : shown;
    }
}
