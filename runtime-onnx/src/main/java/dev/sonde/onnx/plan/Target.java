package dev.sonde.onnx.plan;

import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.file.TurnedWeights;
import dev.sonde.onnx.reuse.Extent;
import dev.sonde.onnx.reuse.Forms;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The model that programs are written for. Safe for many threads. */
public final class Target {
    /** The operator set of programs without a model. */
    public static final int EPILOGUE_OPSET = 21;

    private static final int KEPT = 256;

    private final ModelGraph graph;
    private final Wiring wiring;
    private final Segmentation segmentation;
    private final Evaluator evaluator;
    private final Map<String, List<Size>> products;
    private final Supplier<ModelGraph> byHead;
    private @Nullable Target withHeads;
    private final Map<String, Place> places = new ConcurrentHashMap<>();
    private @Nullable Forms forms;
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
        this(
                graph,
                wiring,
                new Segmentation(graph.model(), Long.MAX_VALUE),
                Evaluator.NONE,
                new TurnedProducts(graph, TurnedWeights.NONE),
                () -> graph);
    }

    /**
     * Returns the target of a model and the places of its sites.
     *
     * @param evaluator tells what its masks are
     * @param products says how products with large matrices are written
     * @param byHead the model for experiments that need products written head by head
     */
    public Target(
            ModelGraph graph,
            Wiring wiring,
            Segmentation segmentation,
            Evaluator evaluator,
            TurnedProducts products,
            Supplier<ModelGraph> byHead) {
        this(graph, wiring, segmentation, evaluator, products.rows(wiring), byHead);
    }

    private Target(
            ModelGraph graph,
            Wiring wiring,
            Segmentation segmentation,
            Evaluator evaluator,
            Map<String, List<Size>> products,
            Supplier<ModelGraph> byHead) {
        this.products = products;
        this.byHead = byHead;
        this.segmentation = segmentation;
        this.graph = graph;
        this.wiring = wiring;
        this.evaluator = evaluator;
    }

    /** Returns the target for an experiment: this one, or that of the model written head by head. */
    Target of(InterventionGraph experiment) {
        boolean heads =
                experiment.nodes().stream().anyMatch(node -> node instanceof Node.Read read && needsHeads(read.site()))
                        || experiment.effects().stream().anyMatch(this::needsHeads);
        return heads ? withHeads() : this;
    }

    private boolean needsHeads(Effect effect) {
        return (effect instanceof Effect.Write write && needsHeads(write.site()))
                || (effect instanceof Effect.Stop stop && needsHeads(stop.site()));
    }

    private boolean needsHeads(String site) {
        return wiring.manifest()
                .find(site)
                .filter(each -> wiring.needsHeads(each.name()))
                .isPresent();
    }

    private synchronized Target withHeads() {
        if (withHeads == null) {
            ModelGraph model = byHead.get();
            withHeads = new Target(model, wiring, segmentation, evaluator, products, () -> model);
        }
        return withHeads;
    }

    /** Returns where the model's values have their positions; found when it is first asked for. */
    synchronized Forms forms() {
        if (forms == null) {
            List<String> tokens = wiring.manifest().inputs().stream()
                    .filter(input -> input.role() == ModelInput.Role.TOKENS || input.role() == ModelInput.Role.OTHER)
                    .map(ModelInput::name)
                    .toList();
            forms = new Forms(graph.model().getGraph(), wiring::shape, tokens);
        }
        return forms;
    }

    /** Returns how many entries of a value's first axis belong to a row of the input; 0 if rows are not there. */
    long rowsOf(String value) {
        Extent first = forms().extents(value).stream().findFirst().orElse(new Extent(1, 0, 0));
        return first.batches() == 1 && first.positions() == 0 ? first.factor() : 0;
    }

    /** Returns the masks of a run over such an input, as far as they can be computed. */
    Map<String, Tensor> masks(RunInput input, Collection<String> names) {
        return evaluator.values(graph, input, names);
    }

    /** Returns the model's graph. */
    public ModelGraph graph() {
        return graph;
    }

    /** Returns where its sites are. */
    public Wiring wiring() {
        return wiring;
    }

    /** Returns the parts in which a program runs. */
    List<Segment> segments(Program program) {
        return segmentation.of(program);
    }

    /** Returns whether a row of the input never changes what the model computes for another. */
    boolean rowsAreApart() {
        return graph.rowsAreApart();
    }

    /** Returns an estimate of the memory that one row takes while the model runs, in bytes. */
    long bytesKeptOfRow(Map<String, Long> sizes) {
        return wiring.bytesKeptOfRow(sizes);
    }

    long bytesOfRow(Map<String, Long> sizes) {
        return wiring.bytesOfRow(sizes);
    }

    /** Returns the model's products that have few rows in a call. */
    Set<String> few(Batch batch) {
        if (products.isEmpty() || batch.isEmpty()) {
            return Set.of();
        }
        ShapeRules rules = new ShapeRules(wiring.manifest());
        Map<String, Long> sizes = new HashMap<>();
        batch.inputs().forEach(input -> rules.sizes(input).forEach((name, size) -> sizes.merge(name, size, Math::max)));
        sizes.put("batch", batch.rows().stream().mapToLong(Long::longValue).sum());
        return TurnedProducts.few(products, sizes);
    }

    Place place(String site) {
        return places.computeIfAbsent(
                site, name -> wiring.place(wiring.manifest().site(name).name()));
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
            Optional<Turn> turn,
            List<String> notes) {
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
                turn,
                notes);
    }
}
