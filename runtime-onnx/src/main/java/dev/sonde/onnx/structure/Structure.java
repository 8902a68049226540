package dev.sonde.onnx.structure;

import ai.onnxruntime.OrtEnvironment;
import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.reuse.ValueShape;
import dev.sonde.onnx.structure.Modules.Instance;
import dev.sonde.onnx.unfuse.HeadProduct;
import dev.sonde.onnx.unfuse.Unfused;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What one ONNX file is made of: its modules, its sites, and where in the graph they lie.
 *
 * <p>Immutable and safe for use by many threads.
 */
public final class Structure {
    /** What these make lies where what they read lies. */
    private static final Set<String> ALIASES = Set.of("Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity");

    /** A value lives until its last reader has run; so many of the largest ones live at a time, from experience. */
    private static final int LIVING = 6;

    private final Unfused unfused;
    private final Unfused byHead;
    private final HeadResults results;
    private final Graph graph;
    private final Shapes shapes;
    private final Modules modules;
    private final Ports ports;
    private final ModelManifest manifest;
    private final Map<String, Binding> bindings;
    private final Map<List<String>, Set<String>> nodeNames = new ConcurrentHashMap<>();

    private Structure(Unfusing opened, Modules modules, Ports ports, SiteBook book) {
        this.results = book.results();
        this.byHead = opened.unfused().byHead(results.written(), opened.known());
        this.unfused = opened.unfused().withConstants(byHead);
        this.graph = opened.graph();
        this.shapes = opened.shapes();
        this.modules = modules;
        this.ports = ports;
        this.manifest = book.manifest();
        this.bindings = Map.copyOf(book.sites().bindings());
    }

    /**
     * Reads the structure of a file. The first time, this runs the model on a few made-up inputs to learn the shapes of all
     * values; they are kept beside the model in the cache.
     *
     * @param environment is asked for only if something is to be run
     * @throws SondeException {@code unrunnable-model} if ONNX Runtime cannot run the model
     */
    public static Structure of(OnnxFile file, Supplier<OrtEnvironment> environment) {
        InputRoles roles = InputRoles.of(new Graph(file));
        Unfusing opened = Unfusing.of(file, roles.list(), environment);
        Graph graph = opened.graph();
        Shapes shapes = opened.shapes();
        DataPath data = new DataPath(graph, shapes, roles.seeds());
        Placer.Result placed = Placer.place(graph, shapes, data, opened.unfused());
        Modules modules = new Modules(placed.places());
        Ports ports = new Ports(graph, shapes, data, modules);
        SiteBook book = new SiteBook(graph, shapes, data, modules, ports, roles.list());
        book.write(placed);
        return new Structure(opened, modules, ports, book);
    }

    /**
     * Returns the model with its fused operators written out: sites and modules are places in this graph, not in the file's.
     */
    public Unfused unfused() {
        return unfused;
    }

    /** Returns the same with the products behind attentions written head by head, for those who look at {@link #needsHeads}. */
    public Unfused byHead() {
        return byHead;
    }

    /** Returns whether a site lies in {@link #byHead} only. */
    public boolean needsHeads(String site) {
        return results.names().contains(site);
    }

    /** Runs the model on a few made-up inputs, as the first {@link #of} does, and keeps what it learns in the cache. */
    public static void probe(OnnxFile file, OrtEnvironment environment) {
        Unfusing.of(file, InputRoles.of(new Graph(file)).list(), () -> environment);
    }

    /** Returns what the model offers. */
    public ModelManifest manifest() {
        return manifest;
    }

    /** Returns type and sizes of a value of the file, if they are known. */
    public Optional<ValueShape> shape(String value) {
        return find(value).map(shape -> new ValueShape(shape.dtype(), shape.dims()));
    }

    /** Returns the element type of a value that is no constant, if it is known. */
    public Optional<DType> dtype(String value) {
        return find(value).map(Shape::dtype);
    }

    /** Returns the sizes of a value that is no constant, as formulas; none if nothing is known of it. */
    public List<Size> axes(String value) {
        return find(value).map(Shape::dims).orElse(List.of());
    }

    private Optional<Shape> find(String value) {
        return shapes.find(value).or(() -> Optional.ofNullable(results.made().get(value)));
    }

    /** Returns an estimate of the bytes that the values of one row take while the model runs at these sizes. */
    public long bytesOfRow(Map<String, Long> sizes) {
        return LIVING * bytes(sizes, value -> true).max().orElse(0);
    }

    /** Returns an estimate of the bytes of one row's values when all of them are kept. */
    public long bytesKeptOfRow(Map<String, Long> sizes) {
        return bytes(sizes, value -> graph.producer(value) < 0 || !ALIASES.contains(graph.op(graph.producer(value))))
                .sum();
    }

    private LongStream bytes(Map<String, Long> sizes, Predicate<String> which) {
        Map<String, Long> one = new HashMap<>(sizes);
        one.put("batch", 1L);
        return shapes.values().stream()
                .filter(value -> !graph.isOutput(value)) // logits are seldom wanted whole
                .filter(which)
                .mapToLong(value ->
                        shapes.find(value).map(shape -> shape.bytes(one)).orElse(0L));
    }

    /**
     * Returns where a site of the manifest lies.
     *
     * @param name canonical, as {@code SiteInfo.name()} has it
     * @throws SondeException {@code unknown-site} if the manifest has no such site
     */
    public Binding site(String name) {
        @Nullable Binding binding = bindings.get(name);
        if (binding == null) {
            throw new SondeException("unknown-site", "No site '" + name + "' in '" + manifest.name() + "'");
        }
        return binding;
    }

    /**
     * Returns the names of the nodes of one call of a module, those of the modules in it included.
     *
     * @throws SondeException {@code unknown-module} if there is no such module, or it has fewer calls
     */
    public Set<String> moduleNodes(String path, int call) {
        Instance module = instance(path, call);
        return nodeNames.computeIfAbsent(module.key(), unused -> names(module));
    }

    private Set<String> names(Instance module) {
        Set<String> names = module.nodes().stream()
                .mapToObj(node -> graph.nodes.get(node).getName())
                .collect(Collectors.toSet());
        for (HeadProduct product : results.written()) {
            if (names.contains(product.node().getName())) {
                names.addAll(product.nodes(byHead.model()));
            }
        }
        return names;
    }

    /**
     * Returns what crosses the boundary of one call of a module.
     *
     * @throws SondeException {@code unknown-module} if there is no such module, or it has fewer calls
     */
    public ModuleIo io(String path, int call) {
        return ports.of(instance(path, call));
    }

    private Instance instance(String path, int call) {
        List<Instance> calls = modules.calls(path);
        if (call < 0 || call >= calls.size()) {
            throw new SondeException(
                    "unknown-module",
                    calls.isEmpty()
                            ? "No module '" + path + "' in '" + manifest.name() + "'"
                            : "Module '" + path + "' is called " + calls.size() + " times: there is no call " + call);
        }
        return calls.get(call);
    }
}
