package dev.sonde.data;

import dev.sonde.Model;
import dev.sonde.Recording;
import dev.sonde.Session;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.spi.Cost;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/** Records a body once for each row. */
final class OverRecorder implements BatchRecorder {
    /** From so many tokens on, more of them make a processor no faster. */
    private static final long TOKENS = 4096;

    private static final long RESULT_BYTES = 64L << 20;
    private static final int ROWS = 256;

    private final Model model;
    private final BiConsumer<Session, Row> body;

    OverRecorder(Model model, BiConsumer<Session, Row> body) {
        this.model = model;
        this.body = body;
    }

    @Override
    public Batch record(Iterator<Row> rows, int rowsAtOnce) {
        Recording<List<Row>> recording = model.record(session -> {
            List<Row> taken = new ArrayList<>();
            while (rows.hasNext() && !isFull(session, taken.size(), rowsAtOnce)) {
                Row row = rows.next();
                taken.add(row);
                session.within(scope(row), () -> record(session, row));
            }
            return taken;
        });
        List<Row> taken = recording.result();
        return new Batch(taken.get(0).index(), taken.size(), recording.graph(), saved -> divide(taken, saved));
    }

    private static boolean isFull(Session session, int rows, int rowsAtOnce) {
        if (rows == 0 || rowsAtOnce > 0) {
            return rows > 0 && rows >= rowsAtOnce;
        }
        Cost cost = session.cost();
        return rows >= ROWS || cost.tokens() >= TOKENS || cost.resultBytes() >= RESULT_BYTES;
    }

    private void record(Session session, Row row) {
        try {
            body.accept(session, row);
        } catch (SondeException e) {
            throw e.problem().contains(row.toString())
                    ? e
                    : new SondeException(e.code(), "In " + row + ": " + e.problem(), e);
        }
    }

    private static String scope(Row row) {
        return "row " + row.index();
    }

    private static List<Map<String, Tensor>> divide(List<Row> rows, Map<String, Tensor> saved) {
        Map<String, Map<String, Tensor>> byScope = new LinkedHashMap<>();
        rows.forEach(row -> byScope.put(scope(row), new LinkedHashMap<>()));
        saved.forEach((name, tensor) -> {
            int slash = name.indexOf('/');
            byScope.getOrDefault(name.substring(0, Math.max(0, slash)), new LinkedHashMap<>())
                    .put(name.substring(slash + 1), tensor);
        });
        return List.copyOf(byScope.values());
    }
}
