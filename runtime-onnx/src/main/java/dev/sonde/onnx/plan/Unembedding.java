package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.graph.Dim;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.Selection;
import dev.sonde.graph.ValueType;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Computes only those rows of a large product that are looked at: positions are selected before the product with a matrix of
 * weights, not behind it. Logits at the last position then cost one row of the unembedding and not one for each token.
 */
final class Unembedding {
    /** Products with fewer columns are not worth another node. */
    private static final long COLUMNS = 1024;

    private final Target target;
    private final List<ValueType> types;
    private final Products products;
    private final Source source;
    private final InterventionGraph experiment;
    private final BitSet allColumns = new BitSet();
    private final Set<Seen> whole = new HashSet<>();

    /** A value of the file as a run sees it. */
    private record Seen(int run, String value, int version) {}

    /** What a node reads. */
    interface Source {
        /** Returns the name of a selection of the rows that {@code node} reads first, if nothing has edited what it makes. */
        Optional<String> of(int node, Node.Read read, Place made, ValueType type, Selection selection);
    }

    Unembedding(Target target, InterventionGraph experiment, List<ValueType> types, Products products, Source source) {
        this.target = target;
        this.experiment = experiment;
        this.types = types;
        this.products = products;
        this.source = source;
        experiment.saves().values().forEach(this::needWhole);
        experiment.effects().forEach(effect -> effect.inputs().forEach(this::needWhole));
        for (int id = 0; id < experiment.nodes().size(); id++) {
            Node node = experiment.nodes().get(id);
            boolean rows = node instanceof Node.Select select && isOfRows(select);
            boolean columns = node instanceof Node.Select select && isOfColumns(select);
            if (!rows) {
                node.inputs().forEach(this::readWhole);
            }
            if (!columns) {
                node.inputs().forEach(allColumns::set);
            }
        }
    }

    /** A value that is needed whole as well is computed once, and selections are taken from it: equal bits for equal places. */
    private void needWhole(int id) {
        allColumns.set(id);
        readWhole(id);
    }

    private void readWhole(int id) {
        if (experiment.nodes().get(id) instanceof Node.Read read) {
            whole.add(seen(read));
        }
    }

    private Seen seen(Node.Read read) {
        return new Seen(read.run(), target.place(read.site()).value(), read.version());
    }

    private boolean isOfRows(Node.Select select) {
        int last = types.get(select.input()).rank() - 1;
        List<Selection.Pick> picks = select.selection().picks();
        return !picks.isEmpty() && picks.stream().allMatch(pick -> pick.axis() < last);
    }

    /** Whether it selects on the last axis only, the same for all rows. */
    private boolean isOfColumns(Node.Select select) {
        List<Selection.Pick> picks = select.selection().picks();
        return picks.size() == 1
                && picks.get(0).axis() == types.get(select.input()).rank() - 1
                && !picks.get(0).perRow();
    }

    /** Returns the name of columns of a selection that was made before its product, if that is what is asked for. */
    Optional<String> columns(Node.Select select, String input) {
        if (!products.isPicked(input)) {
            return Optional.empty();
        }
        Selection.Pick pick = select.selection().picks().get(0);
        return Optional.of(products.pick(input, pick.rows().get(0), pick.single()));
    }

    /** Returns the name of a selection that was made before its product, if that is possible. */
    Optional<String> select(int id, Node.Select select) {
        if (!isOfRows(select)
                || !(experiment.nodes().get(select.input()) instanceof Node.Read read)
                || whole.contains(seen(read))
                || showsOnlyItsOwn(read)) {
            return Optional.empty();
        }
        Place place = target.place(read.site());
        ValueType type = types.get(select.input());
        int maker = target.graph().producer(place.value());
        if (maker < 0
                || !place.steps().isEmpty()
                || !isUnembedding(target.graph().node(maker), type)) {
            return Optional.empty();
        }
        return source.of(maker, read, place, type, select.selection()).map(rows -> {
            List<Dim> dims = types.get(id).dims();
            List<Long> lead =
                    dims.subList(0, dims.size() - 1).stream().map(Dim::size).toList();
            return products.multiply(target.graph().node(maker), rows, lead, !allColumns.get(id));
        });
    }

    /** A step that computes all positions anew shows its own: index 0 of that is not index 0 of the product. */
    private boolean showsOnlyItsOwn(Node.Read read) {
        return experiment.runs().get(read.run()) instanceof RunInput.Steps
                && !Stepping.isCached(target.wiring().manifest());
    }

    /** Whether it multiplies rows with a matrix of the file: rows of the result then need only their own rows. */
    private boolean isUnembedding(NodeProto node, ValueType type) {
        return type.rank() == 3
                && type.dims().stream().noneMatch(dim -> dim.size() == Dim.UNKNOWN)
                && !node.getOpType().equals("Gemm")
                && products.isProduct(node, COLUMNS);
    }
}
