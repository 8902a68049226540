package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Multiplies rows of several values with one of the file's matrices at once: a large matrix, such as the unembedding, is then
 * read once and not for each of them. Where only some columns of the products are looked at, only these are computed.
 */
final class Products {
    /** So many times fewer columns are worth gathering them from the matrix. */
    private static final int FEWER = 4;

    /** A product of more numbers gains nothing by more rows, and takes memory. */
    private static final long LARGE = 32L << 20;

    private static final Set<String> JOINABLE = Set.of("MatMul", "Gemm", "MatMulNBits");

    private final ModelGraph graph;
    private final Emitter emitter;
    private final Predicate<String> edited;
    private final boolean together;
    private final Map<Factor, List<Member>> groups = new LinkedHashMap<>();
    private final Map<String, Member> members = new HashMap<>();

    /** What rows are multiplied with: equal factors make one product. */
    private record Factor(String type, List<String> inputs, List<ByteString> attributes) {}

    /** Rows to be multiplied. */
    private record Member(NodeProto node, String rows, List<Long> lead, String to, boolean picked, List<Picked> picks) {
        long count() {
            return lead.stream().reduce(1L, Math::multiplyExact);
        }

        long columns() {
            return picks.stream().mapToLong(pick -> pick.columns().size()).sum();
        }
    }

    private record Picked(List<Long> columns, boolean single, String to) {}

    /** {@code edited} says of a value whether runs change it, {@code together} whether products with one matrix become one. */
    Products(ModelGraph graph, Emitter emitter, Predicate<String> edited, boolean together) {
        this.edited = edited;
        this.graph = graph;
        this.emitter = emitter;
        this.together = together;
    }

    /** Returns whether a node multiplies its first input with a matrix of at least so many columns. */
    boolean isProduct(NodeProto node, long columns) {
        return JOINABLE.contains(node.getOpType())
                && Attributes.number(node, "transA", 0) == 0
                && columns(node) >= columns
                && node.getInputList().stream()
                        .skip(1)
                        .allMatch(name -> name.isEmpty() || (graph.isConstant(name) && !edited.test(name)));
    }

    private long columns(NodeProto node) {
        if (node.getOpType().equals("MatMulNBits")) {
            return Attributes.number(node, "N", 0);
        }
        List<Long> shape = graph.matrix(node.getInput(1));
        return shape.isEmpty() ? 0 : shape.get(Attributes.number(node, "transB", 0) == 0 ? 1 : 0);
    }

    private long terms(NodeProto node) {
        if (node.getOpType().equals("MatMulNBits")) {
            return Attributes.number(node, "K", 0);
        }
        return graph.matrix(node.getInput(1)).get(Attributes.number(node, "transB", 0) == 0 ? 0 : 1);
    }

    /**
     * Returns the name of a product.
     *
     * @param node of the model that multiplies so
     * @param rows name of what takes the place of its first input
     * @param lead sizes of the axes of {@code rows} but the last
     * @param picked whether only columns are looked at, for which {@link #pick} is to be asked
     */
    String multiply(NodeProto node, String rows, List<Long> lead, boolean picked) {
        String to = emitter.fresh();
        Member member = new Member(node, rows, lead, to, picked, new ArrayList<>());
        Factor factor = new Factor(
                node.getOpType(),
                node.getInputList().subList(1, node.getInputCount()),
                node.getAttributeList().stream()
                        .map(attribute -> attribute.toByteString())
                        .toList());
        groups.computeIfAbsent(factor, unused -> new ArrayList<>()).add(member);
        members.put(to, member);
        return to;
    }

    /** Returns whether a value is a product of which only columns are looked at. */
    boolean isPicked(String product) {
        Member member = members.get(product);
        return member != null && member.picked();
    }

    /** Returns the name of some columns of a product, or of one of them without its axis. */
    String pick(String product, List<Long> columns, boolean single) {
        Picked picked = new Picked(List.copyOf(columns), single, emitter.fresh());
        java.util.Objects.requireNonNull(members.get(product)).picks().add(picked);
        return picked.to();
    }

    /** Emits all products. */
    void flush() {
        groups.values().forEach(group -> {
            long columns = group.stream().mapToLong(Member::columns).sum();
            List<Member> whole =
                    group.stream().filter(member -> !isNarrow(member, columns)).toList();
            List<Member> narrow =
                    group.stream().filter(member -> isNarrow(member, columns)).toList();
            parts(whole).forEach(this::emitWhole);
            emitNarrow(narrow);
        });
    }

    /** Divides a group into products that are not too large. */
    private List<List<Member>> parts(List<Member> group) {
        List<List<Member>> parts = new ArrayList<>();
        long numbers = 0;
        for (Member member : group) {
            long own = member.count() * columns(member.node());
            if (parts.isEmpty() || numbers + own > LARGE) {
                parts.add(new ArrayList<>());
                numbers = 0;
            }
            parts.get(parts.size() - 1).add(member);
            numbers += own;
        }
        return parts;
    }

    private boolean isNarrow(Member member, long columns) {
        return member.picked()
                && member.node().getOpType().equals("MatMul")
                && FEWER * columns <= columns(member.node());
    }

    private void emitWhole(List<Member> group) {
        if (!together || group.size() == 1) {
            group.forEach(member -> finish(member, product(member.node(), member.rows())));
        } else if (!group.isEmpty()) {
            String all = product(group.get(0).node(), flat(group));
            List<String> parts = split(all, group);
            for (int i = 0; i < group.size(); i++) {
                finish(group.get(i), leading(parts.get(i), group.get(i)));
            }
        }
    }

    private void emitNarrow(List<Member> group) {
        if (group.isEmpty()) {
            return;
        }
        List<Long> columns = new ArrayList<>();
        group.forEach(member -> member.picks().forEach(pick -> columns.addAll(pick.columns())));
        String matrix = emitter.node(
                "Gather", List.of(group.get(0).node().getInput(1), emitter.list(columns)), Attributes.of("axis", 1));
        String all = emitter.node("MatMul", List.of(flat(group), matrix));
        List<String> parts = group.size() == 1 ? List.of(all) : split(all, group);
        Layout layout = new Layout(emitter);
        long next = 0;
        for (int i = 0; i < group.size(); i++) {
            for (Picked pick : group.get(i).picks()) {
                String own = layout.slice(
                        parts.get(i), 1, next, next + pick.columns().size());
                next += pick.columns().size();
                shape(own, group.get(i).lead(), pick);
            }
        }
    }

    private void shape(String own, List<Long> lead, Picked pick) {
        List<Long> shape = new ArrayList<>(lead);
        if (!pick.single()) {
            shape.add((long) pick.columns().size());
        }
        emitter.node("Reshape", List.of(own, emitter.list(shape)), pick.to());
    }

    /** Makes the product known by its name and gives its columns to those that wait for them. */
    private void finish(Member member, String product) {
        emitter.node("Identity", List.of(product), member.to());
        for (Picked pick : member.picks()) {
            String index = pick.single()
                    ? emitter.given(
                            dev.sonde.Tensor.of(new long[] {pick.columns().get(0)}))
                    : emitter.list(pick.columns());
            emitter.node(
                    "Gather",
                    List.of(member.to(), index),
                    pick.to(),
                    Attributes.of("axis", member.lead().size()));
        }
    }

    private String product(NodeProto node, String rows) {
        List<String> inputs = new ArrayList<>(node.getInputList());
        inputs.set(0, rows);
        String name = emitter.fresh();
        emitter.add(node.toBuilder()
                .clearInput()
                .addAllInput(inputs)
                .clearOutput()
                .addOutput(name)
                .setName(name)
                .build());
        return name;
    }

    private String flat(List<Member> group) {
        List<String> rows = group.stream()
                .map(member -> member.lead().size() == 1
                        ? member.rows()
                        : emitter.node("Reshape", List.of(member.rows(), emitter.ints(-1, terms(member.node())))))
                .toList();
        return rows.size() == 1 ? rows.get(0) : emitter.node("Concat", rows, Attributes.of("axis", 0));
    }

    private List<String> split(String all, List<Member> group) {
        List<Long> counts = group.stream().map(Member::count).toList();
        List<String> parts = group.stream().map(unused -> emitter.fresh()).toList();
        NodeProto.Builder split = NodeProto.newBuilder()
                .setOpType("Split")
                .setName(emitter.fresh())
                .addInput(all)
                .addAllOutput(parts)
                .addAttribute(Attributes.of("axis", 0));
        if (emitter.opset() < 13) {
            split.addAttribute(
                    Attributes.of("split", counts.stream().map(Math::toIntExact).toList()));
        } else {
            split.addInput(emitter.list(counts));
        }
        emitter.add(split.build());
        return parts;
    }

    /** Returns the product in the shape of its rows. */
    private String leading(String part, Member member) {
        if (member.lead().size() == 1) {
            return part;
        }
        List<Long> shape = new ArrayList<>(member.lead());
        shape.add(columns(member.node()));
        return emitter.node("Reshape", List.of(part, emitter.list(shape)));
    }
}
