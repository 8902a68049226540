package dev.sonde.onnx.plan;

import dev.sonde.SondeException;
import dev.sonde.manifest.SiteInfo;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The model that programs are written for. Safe for many threads. */
public final class Target {
    /** The operator set of programs without a model. */
    public static final int EPILOGUE_OPSET = 21;

    private static final int KEPT = 256;

    private final ModelGraph graph;
    private final Wiring wiring;
    private final Map<Splice, Assembled> assemblies = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Splice, Assembled> eldest) {
            return size() > KEPT;
        }
    };

    /** Programs of one structure share the splice too. */
    private record Assembled(Splice splice, Assembly assembly) {}

    /** Returns the target of a model and the places of its sites. */
    public Target(ModelGraph graph, Wiring wiring) {
        this.graph = graph;
        this.wiring = wiring;
    }

    /** Returns the model's graph. */
    public ModelGraph graph() {
        return graph;
    }

    /** Returns where its sites are. */
    public Wiring wiring() {
        return wiring;
    }

    /** Returns whether a row of the input never changes what the model computes for another. */
    boolean rowsAreApart() {
        return graph.rowsAreApart();
    }

    /** Returns an estimate of the memory that one row takes while the model runs, in bytes. */
    long bytesOfRow(Map<String, Long> sizes) {
        return wiring.bytesOfRow(sizes);
    }

    Place place(String site) {
        return wiring.place(wiring.manifest().site(site).name());
    }

    Place editable(String site) {
        SiteInfo info = wiring.manifest().site(site);
        if (!info.editable()) {
            throw new SondeException(
                    "not-editable", "Site '" + site + "' can only be read: expected a write to an editable site");
        }
        return wiring.place(info.name());
    }

    Program program(
            Batch batch,
            Splice splice,
            Map<String, Feed> feeds,
            Map<Integer, String> values,
            List<Integer> locals,
            Optional<Turn> turn) {
        Assembled assembled;
        synchronized (assemblies) {
            assembled = assemblies.computeIfAbsent(splice, key -> new Assembled(key, Assembly.of(graph, key)));
        }
        return new Program(
                batch.runs(),
                batch.isEmpty() ? Optional.empty() : Optional.of(batch.together()),
                assembled.splice(),
                assembled.assembly(),
                feeds,
                values,
                locals,
                turn);
    }
}
