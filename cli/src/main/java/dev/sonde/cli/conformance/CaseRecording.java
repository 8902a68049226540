package dev.sonde.cli.conformance;

import com.google.gson.JsonElement;
import dev.sonde.Input;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Records a case in a session: its runs in order, with all that it expects saved as {@code run/name}. */
final class CaseRecording {
    private final Suite suite;
    private final Session session;
    private final Map<String, Value<Any>> known = new LinkedHashMap<>();

    CaseRecording(Suite suite, Session session) {
        this.suite = suite;
        this.session = session;
    }

    /** Returns handles of all expected values by {@code run/name}. */
    Map<String, Supplier<Tensor>> record(Case one) {
        Map<String, Supplier<Tensor>> saved = new LinkedHashMap<>();
        for (CaseRun run : one.runs()) {
            if (run.newTokens() > 0) {
                saved.putAll(new GenerateRecording(suite, session, run, known).record());
                continue;
            }
            List<Map<String, Value<Any>>> cells = new ArrayList<>();
            for (Map<String, JsonElement> cell : Sweep.cells(run.sweep())) {
                cells.add(record(run, cell));
            }
            List<Integer> sizes = run.sweep().values().stream().map(List::size).toList();
            for (String name : run.expected().keySet()) {
                Value<Any> value =
                        stack(cells.stream().map(cell -> bound(cell, run, name)).toList(), sizes);
                Saved<Tensor> handle = value.save(run.id() + "/" + name);
                saved.put(run.id() + "/" + name, handle::value);
            }
            if (run.sweep().isEmpty()) {
                cells.get(0).forEach((name, value) -> known.put(run.id() + "." + name, value));
            }
        }
        return saved;
    }

    private static Value<Any> bound(Map<String, Value<Any>> cell, CaseRun run, String name) {
        Value<Any> value = cell.get(name);
        if (value == null) {
            throw new SondeException(
                    "bad-suite", "Run '" + run.id() + "' expects '" + name + "' and binds only " + cell.keySet());
        }
        return value;
    }

    private Map<String, Value<Any>> record(CaseRun run, Map<String, JsonElement> cell) {
        Bindings bindings = new Bindings(known);
        session.run(input(run), trace -> {
            Expression expression = new Expression(suite, session, trace, bindings);
            for (int i = 0; i < run.blocks().size(); i++) {
                Rows rows = run.batched() ? Rows.only(i) : Rows.ALL;
                new Steps(trace, rows, expression, bindings)
                        .record(Sweep.substitute(run.blocks().get(i).steps(), cell)
                                .getAsJsonArray());
            }
        });
        return bindings.own();
    }

    private RunInput input(CaseRun run) {
        List<Map<String, Tensor>> prompts = new ArrayList<>();
        for (CaseRun.Block block : run.blocks()) {
            Map<String, Tensor> inputs = new LinkedHashMap<>();
            block.inputs().forEach((name, key) -> inputs.put(name, suite.tensor(key)));
            prompts.add(inputs);
        }
        return Input.tensors(run.batched() ? new LeftPadding(session.manifest()).batch(prompts) : prompts.get(0));
    }

    /** Returns the values of all cells as one, with an axis for each variable in front. */
    private Value<Any> stack(List<Value<Any>> cells, List<Integer> sizes) {
        List<Value<Any>> level = cells;
        for (int i = sizes.size() - 1; i >= 0; i--) {
            int size = sizes.get(i);
            List<Value<Any>> shorter = new ArrayList<>();
            for (int at = 0; at < level.size(); at += size) {
                shorter.add(session.stack("", level.subList(at, at + size)));
            }
            level = shorter;
        }
        return level.get(0);
    }
}
