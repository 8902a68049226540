package dev.sonde.onnx.structure;

import dev.sonde.DType;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.structure.AttentionSites.Heads;
import dev.sonde.onnx.structure.Products.Product;
import dev.sonde.onnx.unfuse.HeadProduct;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What each attention head adds to the stream. No file has such a value: the product behind the heads is written head by head. */
final class HeadResults {
    private final Graph graph;
    private final Shapes shapes;
    private final Points points;
    private final SiteList sites;
    private final Products products;
    private final List<HeadProduct> written = new ArrayList<>();
    private final Map<String, Shape> made = new HashMap<>();
    private final Set<String> names = new HashSet<>();

    HeadResults(Graph graph, Shapes shapes, Points points, SiteList sites) {
        this.graph = graph;
        this.shapes = shapes;
        this.points = points;
        this.sites = sites;
        this.products = new Products(graph);
    }

    /** Adds the site where there is one plain product with a matrix. */
    void add(String name, Heads z) {
        int node = products.behind(z.reader());
        long heads = fixed(z.dims().get(2));
        long width = fixed(z.dims().get(3));
        products.at(node)
                .filter(product -> heads > 0 && products.size(product, 0) == heads * width && isPlain(node))
                .ifPresent(product -> add(name, z, product, heads, width));
        sites.absent(
                name,
                "the heads' values do not go into one plain product with a matrix but into "
                        + (node == Graph.NONE ? "nothing" : graph.op(node)));
    }

    private void add(String name, Heads z, Product product, long heads, long width) {
        Optional<DType> dtype = shapes.find(z.value()).map(Shape::dtype);
        int rank = shapes.rank(graph.input(product.node(), 0));
        HeadProduct each =
                new HeadProduct(graph.nodes.get(product.node()), z.value(), heads, width, product.turned(), rank == 2);
        if (dtype.isEmpty() || names.contains(name) || (rank != 2 && rank != 3)) {
            return;
        }
        List<Size> dims = new ArrayList<>(z.dims());
        dims.set(3, Size.of(products.size(product, 1)));
        written.add(each);
        made.put(each.result(), new Shape(dtype.get(), dims));
        names.add(name);
        sites.addMade(
                name,
                "HeadResults",
                dtype.get(),
                Axes.named(dims, "batch", "position", "head", "d_model"),
                points.produced(each.result()));
    }

    /** Whether the product has no factors beside. */
    private boolean isPlain(int node) {
        return Set.of("MatMul", "Gemm").contains(graph.op(node))
                && graph.nodes.get(node).getAttributeList().stream()
                        .noneMatch(each -> Set.of("alpha", "beta").contains(each.getName()) && each.getF() != 1);
    }

    private static long fixed(Size size) {
        return size.symbols().isEmpty() ? size.in(Map.of()).orElse(-1) : -1;
    }

    List<HeadProduct> written() {
        return written;
    }

    /** Returns the shapes of the values that are made. */
    Map<String, Shape> made() {
        return made;
    }

    /** Returns the names of the sites. */
    Set<String> names() {
        return names;
    }
}
