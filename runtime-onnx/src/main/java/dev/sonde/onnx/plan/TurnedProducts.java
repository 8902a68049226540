package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.DType;
import dev.sonde.Tensor;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.file.ElementTypes;
import dev.sonde.onnx.file.TurnedWeights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Writes products with large matrices so that ONNX Runtime reads the matrix once and in order, without a copy that it has laid
 * out anew for each session: rows times a turned matrix, or, where there are few rows, the turned matrix times the rows as
 * columns. Which of the two follows from the sizes of a call, so that equal plans give equal bits. Safe for many threads.
 *
 * <p>ONNX Runtime copies parts of the second factor of a product into a buffer before it multiplies; with few rows that takes as
 * long as the product. Few columns are copied in no time.
 */
public final class TurnedProducts {
    /** Of more rows, rows times the turned matrix is faster. */
    private static final long FEW = 64;

    private static final String PREFIX = "sonde:turned:";
    private static final int SHAPE_HAS_ENDS = 15;
    private static final int SLICE_HAS_INPUTS = 10;

    private final ModelGraph graph;
    private final TurnedWeights weights;

    /** Returns one for a model and its turned matrices; without these it writes nothing anew. */
    public TurnedProducts(ModelGraph graph, TurnedWeights weights) {
        this.graph = graph;
        this.weights = weights;
    }

    /** Returns whether any product is written anew. */
    public boolean turnsAny() {
        return weights != TurnedWeights.NONE;
    }

    /** Returns one that writes nothing anew, for sessions that pack the matrices themselves. */
    public TurnedProducts plain() {
        return new TurnedProducts(graph, TurnedWeights.NONE);
    }

    /** Nodes, and the initialisers that they read beside the model's own. */
    public record Written(List<NodeProto> nodes, List<TensorProto> initializers) {
        /** Copies its lists. */
        public Written {
            nodes = List.copyOf(nodes);
            initializers = List.copyOf(initializers);
        }
    }

    /** A product of rows with a matrix of the file. */
    private record Product(NodeProto node, TensorProto turned, boolean gemm) {
        String rows() {
            return node.getInput(0);
        }

        String to() {
            return node.getOutput(0);
        }

        long columns() {
            return turned.getDims(0);
        }

        long terms() {
            return turned.getDims(1);
        }
    }

    /** Returns the products of a model that may have few rows, as formulas of their numbers of rows. */
    Map<String, List<Size>> rows(Wiring wiring) {
        Map<String, List<Size>> rows = new LinkedHashMap<>();
        for (NodeProto node : graph.model().getGraph().getNodeList()) {
            product(node)
                    .ifPresent(product -> wiring.shape(product.rows())
                            .filter(shape -> !shape.sizes().isEmpty())
                            .ifPresent(shape -> rows.put(
                                    product.to(),
                                    shape.sizes().subList(0, shape.sizes().size() - 1))));
        }
        return rows;
    }

    /** Returns those products that have few rows at some sizes of the model's inputs. */
    static Set<String> few(Map<String, List<Size>> products, Map<String, Long> sizes) {
        Set<String> few = new HashSet<>();
        Map<List<Size>, Boolean> known = new HashMap<>();
        products.forEach((to, rows) -> {
            if (known.computeIfAbsent(rows, each -> isFew(each, sizes))) {
                few.add(to);
            }
        });
        return few;
    }

    private static boolean isFew(List<Size> rows, Map<String, Long> sizes) {
        long count = 1;
        for (Size size : rows) {
            OptionalLong known = size.in(sizes);
            if (known.isEmpty() || known.getAsLong() > FEW) {
                return false;
            }
            count *= known.getAsLong();
        }
        return count > 0 && count <= FEW;
    }

    /**
     * Writes products anew, others as they are.
     *
     * @param few names of products that have few rows
     */
    public Written write(List<NodeProto> nodes, Set<String> few) {
        Writer writer = new Writer(graph.opset());
        for (NodeProto node : nodes) {
            Optional<Product> product = product(node);
            if (product.isEmpty()) {
                writer.nodes.add(node);
            } else if (few.contains(product.get().to())) {
                writer.few(product.get());
            } else {
                writer.many(product.get());
            }
        }
        return new Written(writer.nodes, new ArrayList<>(writer.initializers.values()));
    }

    private Optional<Product> product(NodeProto node) {
        if (!turnsAny()) {
            return Optional.empty();
        }
        boolean gemm = node.getOpType().equals("Gemm");
        boolean plain = (gemm || node.getOpType().equals("MatMul"))
                && Domains.isStandard(node.getDomain())
                && node.getInputCount() > 1
                && is(node, "transA", 0)
                && one(node, "alpha")
                && one(node, "beta");
        if (!plain) {
            return Optional.empty();
        }
        return graph.tensor(node.getInput(1))
                .filter(TurnedProducts::isLarge)
                .flatMap(tensor -> is(node, "transB", 0) ? weights.of(tensor.getName()) : Optional.of(tensor))
                .map(turned -> new Product(node, turned, gemm));
    }

    private static boolean isLarge(TensorProto tensor) {
        return tensor.getDimsCount() == 2
                && ElementTypes.dtype(tensor.getDataType())
                        .filter(DType.FLOAT32::equals)
                        .isPresent()
                && DType.FLOAT32.bytes() * ElementTypes.count(tensor.getDimsList()) >= TurnedWeights.LEAST;
    }

    private static boolean is(NodeProto node, String attribute, long value) {
        return Attributes.number(node, attribute, 0) == value;
    }

    private static boolean one(NodeProto node, String attribute) {
        return node.getAttributeList().stream().noneMatch(each -> each.getName().equals(attribute) && each.getF() != 1);
    }

    /** Collects nodes. */
    private static final class Writer {
        private final int opset;
        private final List<NodeProto> nodes = new ArrayList<>();
        private final Map<String, TensorProto> initializers = new LinkedHashMap<>();
        private final Map<String, String> columns = new HashMap<>();

        Writer(int opset) {
            this.opset = opset;
        }

        /** Rows times the turned matrix, which ONNX Runtime reads row by row. */
        void many(Product product) {
            initializers.put(product.turned().getName(), product.turned());
            NodeProto.Builder node =
                    product.node().toBuilder().setInput(1, product.turned().getName());
            if (!product.gemm()) {
                node.setOpType("FusedMatMul").setDomain("com.microsoft");
            }
            for (int i = node.getAttributeCount() - 1; i >= 0; i--) {
                if (node.getAttribute(i).getName().equals("transB")) {
                    node.removeAttribute(i);
                }
            }
            nodes.add(node.addAttribute(Attributes.of("transB", 1)).build());
        }

        /** The turned matrix times the rows as columns, turned back. */
        void few(Product product) {
            initializers.put(product.turned().getName(), product.turned());
            String name = PREFIX + product.to();
            String given = columns.computeIfAbsent(product.rows(), rows -> columns(product, rows));
            node("MatMul", name + ":product", List.of(product.turned().getName(), given));
            boolean biased = product.gemm() && product.node().getInputCount() > 2;
            String bias = biased ? product.node().getInput(2) : "";
            String back = product.gemm() && bias.isEmpty() ? product.to() : name + ":rows";
            nodes.add(transpose(name + ":product", back));
            if (!bias.isEmpty()) {
                node("Add", product.to(), List.of(back, bias));
            } else if (!product.gemm()) {
                node("Reshape", product.to(), List.of(back, shape(product, name)));
            }
        }

        /** Returns the rows as the columns of a matrix. */
        private String columns(Product product, String rows) {
            String name = PREFIX + rows + ":columns";
            String flat = rows;
            if (!product.gemm()) {
                flat = name + ":flat";
                node("Reshape", flat, List.of(rows, constant(-1, product.terms())));
            }
            nodes.add(transpose(flat, name));
            return name;
        }

        /** Returns the shape of the product: that of the rows, but for the last axis. */
        private String shape(Product product, String name) {
            String lead = PREFIX + product.rows() + ":lead";
            if (columns.putIfAbsent(lead, lead) == null) {
                lead(product.rows(), lead);
            }
            nodes.add(NodeProto.newBuilder()
                    .setOpType("Concat")
                    .setName(name + ":shape")
                    .addInput(lead)
                    .addInput(constant(product.columns()))
                    .addOutput(name + ":shape")
                    .addAttribute(Attributes.of("axis", 0))
                    .build());
            return name + ":shape";
        }

        private void lead(String rows, String lead) {
            NodeProto.Builder shape = NodeProto.newBuilder().setOpType("Shape").addInput(rows);
            if (opset >= SHAPE_HAS_ENDS) {
                nodes.add(shape.setName(lead)
                        .addOutput(lead)
                        .addAttribute(Attributes.of("end", -1))
                        .build());
                return;
            }
            String all = lead + ":all";
            nodes.add(shape.setName(all).addOutput(all).build());
            NodeProto.Builder slice = NodeProto.newBuilder()
                    .setOpType("Slice")
                    .setName(lead)
                    .addInput(all)
                    .addOutput(lead);
            if (opset >= SLICE_HAS_INPUTS) {
                slice.addInput(constant(0)).addInput(constant(-1));
            } else {
                slice.addAttribute(Attributes.of("starts", List.of(0)))
                        .addAttribute(Attributes.of("ends", List.of(-1)));
            }
            nodes.add(slice.build());
        }

        private String constant(long... numbers) {
            String name = PREFIX + "constant:" + java.util.Arrays.toString(numbers);
            initializers.computeIfAbsent(name, unused -> Emitter.tensor(name, Tensor.of(numbers, numbers.length)));
            return name;
        }

        private void node(String type, String to, List<String> inputs) {
            nodes.add(NodeProto.newBuilder()
                    .setOpType(type)
                    .setName(to)
                    .addAllInput(inputs)
                    .addOutput(to)
                    .build());
        }

        private static NodeProto transpose(String from, String to) {
            return NodeProto.newBuilder()
                    .setOpType("Transpose")
                    .setName(to)
                    .addInput(from)
                    .addOutput(to)
                    .addAttribute(Attributes.of("perm", List.of(1, 0)))
                    .build();
        }
    }
}
