package dev.sonde.onnx.structure;

import dev.sonde.DType;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.structure.Attention.Tap;
import dev.sonde.onnx.structure.AttentionSites.Heads;
import dev.sonde.onnx.structure.Products.Product;
import dev.sonde.onnx.structure.Projections.Projection;
import dev.sonde.onnx.structure.Sums.Addend;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Writes the weights of attention, MLP and unembedding under TransformerLens' names and in its orientation. */
final class Weights {
    private static final long ANY = -1;
    private static final Set<String> PASSED =
            Set.of("Reshape", "Cast", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear");

    private final Graph graph;
    private final Shapes shapes;
    private final Points points;
    private final SiteList sites;
    private final Products products;
    private final Projections projections;

    Weights(Graph graph, Shapes shapes, DataPath data, Points points, SiteList sites) {
        this.graph = graph;
        this.shapes = shapes;
        this.points = points;
        this.sites = sites;
        this.products = new Products(graph);
        this.projections = new Projections(graph, shapes, data, products);
    }

    void attention(String prefix, Attention attention, Optional<Heads> heads) {
        heads.ifPresent(z -> output(prefix, z));
        long stream = heads.flatMap(this::projection)
                .filter(unused -> !prefix.endsWith("cross_")) // which reads another stream
                .map(product -> products.size(product, 1))
                .orElse(ANY);
        attention.q().ifPresent(q -> side(prefix, "q", "head", q, stream));
        attention.k().ifPresent(k -> side(prefix, "k", keyHeads(attention, k), k, stream));
        attention.v().ifPresent(v -> side(prefix, "v", keyHeads(attention, v), v, stream));
        for (String name : List.of("q_pre", "k_pre", "W_Q", "b_Q", "W_K", "b_K", "W_V", "b_V", "W_O", "b_O")) {
            sites.absent(
                    prefix + name,
                    name.startsWith("b_")
                            ? "this projection has no bias that could be found"
                            : "the graph does not show one projection that it comes from");
        }
    }

    private String keyHeads(Attention attention, Tap keys) {
        return sizes(keys).get(1).equals(sizes(attention.scores()).get(1)) ? "head" : "kv_head";
    }

    private List<Size> sizes(Tap tap) {
        return shapes.find(tap.value())
                .map(shape -> tap.view().sizes(shape.dims()))
                .orElse(List.of());
    }

    private void side(String prefix, String name, String heads, Tap tap, long stream) {
        List<Size> sizes = sizes(tap);
        int number = fixed(sizes.get(1));
        int width = fixed(sizes.get(3));
        if (number < 1 || width < 1) {
            return;
        }
        projections.ofHeads(tap, number, width).ifPresent(found -> {
            if (!name.equals("v")) {
                before(prefix + name + "_pre", heads, found.features());
            }
            String letter = name.toUpperCase(java.util.Locale.ROOT);
            Product product = found.product();
            long read = products.size(product, 0);
            if (stream != ANY && read != stream) {
                sites.absent(
                        prefix + "W_" + letter,
                        "its projection does not read the stream of " + stream + " numbers but " + read
                                + " that another projection makes of it");
                return;
            }
            weight(
                    prefix + "W_" + letter,
                    product.weight(),
                    found.layout().matrix(product.turned()),
                    heads,
                    "d_model",
                    "d_head");
            weight(prefix + "b_" + letter, product.bias(), found.layout().bias(), heads, "d_head");
        });
    }

    private static int fixed(Size size) {
        return size.symbols().isEmpty() ? (int) size.in(java.util.Map.of()).orElse(-1) : -1;
    }

    private void before(String name, String heads, Tap features) {
        List<AxisInfo> axes = Axes.named(sizes(features), "batch", "position", heads, "d_head");
        sites.add(name, "Any", axes, Points.seen(points.leaving(features.value(), features.reader()), features.view()));
    }

    private void output(String prefix, Heads z) {
        long heads = fixed(z.dims().get(2));
        long width = fixed(z.dims().get(3));
        projection(z)
                .filter(product -> heads > 0 && products.size(product, 0) == heads * width)
                .ifPresent(product -> {
                    View rows = View.of(new View.Reshape(List.of(heads, width, -1L), List.of(heads * width, -1L)));
                    View whole = product.turned()
                            ? View.of(new View.Transpose(List.of(1, 0))).then(rows)
                            : rows;
                    weight(prefix + "W_O", product.weight(), whole, "head", "d_head", "d_model");
                    weight(prefix + "b_O", product.bias(), View.IDENTITY, "d_model");
                });
    }

    private Optional<Product> projection(Heads z) {
        int reader = z.reader();
        while (PASSED.contains(graph.op(reader))) {
            reader = next(reader);
        }
        return products.at(reader);
    }

    private int next(int node) {
        List<Integer> readers = graph.consumers(graph.output(node));
        return readers.size() == 1 ? readers.get(0) : Graph.NONE;
    }

    /**
     * The weights around hidden features.
     *
     * @param pre what the activation receives
     * @param linear what it is multiplied with, in gated MLPs
     * @param down number of the last product
     */
    void mlp(String prefix, Addend pre, Optional<Addend> linear, int down) {
        features(prefix, linear.isPresent() ? "gate" : "in", pre.value());
        linear.ifPresent(each -> features(prefix, "in", each.value()));
        products.at(down).ifPresent(product -> {
            View view = product.turned() ? View.of(new View.Transpose(List.of(1, 0))) : View.IDENTITY;
            weight(prefix + "W_out", product.weight(), view, "d_mlp", "d_model");
            weight(prefix + "b_out", product.bias(), View.IDENTITY, "d_model");
        });
    }

    private void features(String prefix, String name, String value) {
        projection(value).ifPresent(found -> {
            Product product = found.product();
            weight(prefix + "W_" + name, product.weight(), found.layout().plain(product.turned()), "d_model", "d_mlp");
            weight(prefix + "b_" + name, product.bias(), found.layout().plainBias(), "d_mlp");
        });
    }

    private Optional<Projection> projection(String value) {
        return shapes.find(value)
                .filter(shape -> shape.rank() >= 2 && shape.fixed(-1) > 0)
                .flatMap(shape -> projections.ofFeatures(value, (int) shape.fixed(-1)));
    }

    void unembedding(String logits) {
        projection(logits).ifPresent(found -> {
            Product product = found.product();
            weight("W_U", product.weight(), found.layout().plain(product.turned()), "d_model", "vocab");
            weight("b_U", product.bias(), found.layout().plainBias(), "vocab");
        });
    }

    void absent(String name, String reason) {
        sites.absent(name, reason);
    }

    /** Adds a parameter, seen through a view; nothing where there is none. */
    void weight(String name, String value, View view, String... axes) {
        graph.file.constant(value).ifPresent(constant -> {
            List<Size> sizes =
                    java.util.Arrays.stream(constant.shape()).mapToObj(Size::of).toList();
            Optional<DType> dtype = constant.dtype().filter(DType::isFloat);
            dtype.ifPresent(each -> sites.addParameter(
                    name, each, Axes.named(view.sizes(sizes), axes), Points.seen(points.produced(value), view)));
        });
    }
}
