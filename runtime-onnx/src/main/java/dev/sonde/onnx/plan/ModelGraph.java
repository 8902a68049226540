package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.Tensor;
import dev.sonde.onnx.file.ElementTypes;
import dev.sonde.onnx.file.Uses;
import dev.sonde.onnx.grad.TensorType;
import dev.sonde.onnx.unfuse.Unfused;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A model's nodes by what they make and read. Immutable. */
public final class ModelGraph {
    /** Operators whose numbers depend on all rows together, or on chance, or of whose bodies nothing is known. */
    private static final Set<String> MIXING = Set.of(
            "DynamicQuantizeLinear",
            "DynamicQuantizeMatMul",
            "DynamicQuantizeLSTM",
            "Loop",
            "Scan",
            "If",
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
            "Multinomial",
            "Bernoulli",
            "Unique");

    private final ModelProto model;
    private final List<FusedOperator> fused = new ArrayList<>();
    private final List<Set<String>> uses = new ArrayList<>();
    private final Map<String, Integer> producers = new HashMap<>();
    private final Map<String, List<Integer>> consumers = new HashMap<>();
    private final Map<String, Integer> byName = new HashMap<>();
    private final Set<String> inputs = new HashSet<>();
    private final Set<String> constants = new HashSet<>();
    private final Map<String, List<Long>> matrices = new HashMap<>();
    private final Map<String, TensorProto> tensors = new HashMap<>();

    /** Indexes a model without fused operators. */
    public ModelGraph(ModelProto model) {
        this(Unfused.nothing(model));
    }

    /** Indexes a model of which fused operators are written out. */
    public ModelGraph(Unfused unfused) {
        this.model = unfused.model();

        model.getGraph().getInputList().forEach(input -> inputs.add(input.getName()));
        model.getGraph().getInitializerList().forEach(tensor -> {
            constants.add(tensor.getName());
            tensors.put(tensor.getName(), tensor);
            if (tensor.getDimsCount() == 2) {
                matrices.put(tensor.getName(), tensor.getDimsList());
            }
        });
        for (int i = 0; i < size(); i++) {
            index(i);
        }
        unfused.fusions().forEach(fusion -> fused.add(FusedOperator.of(this, fusion)));
    }

    private void index(int i) {
        NodeProto node = node(i);
        byName.put(node.getName(), i);
        node.getOutputList().forEach(output -> producers.put(output, i));
        Set<String> names = Uses.of(node);
        uses.add(names);
        names.forEach(name ->
                consumers.computeIfAbsent(name, unused -> new ArrayList<>()).add(i));
    }

    /** Returns the model. */
    public ModelProto model() {
        return model;
    }

    /** Returns the fused operators that are written out in the model. */
    List<FusedOperator> fused() {
        return fused;
    }

    /** Returns the number of nodes. */
    public int size() {
        return model.getGraph().getNodeCount();
    }

    /** Returns a node. */
    public NodeProto node(int index) {
        return model.getGraph().getNode(index);
    }

    /** Returns what a node reads. */
    Set<String> uses(int index) {
        return uses.get(index);
    }

    /** Returns the node that makes a value, or -1. */
    int producer(String value) {
        return producers.getOrDefault(value, -1);
    }

    /** Returns the nodes that read a value. */
    List<Integer> consumers(String value) {
        return consumers.getOrDefault(value, List.of());
    }

    /** Returns whether it is an input of the file. */
    public boolean isInput(String value) {
        return inputs.contains(value);
    }

    /** Returns whether it is an initialiser. */
    public boolean isConstant(String value) {
        return constants.contains(value);
    }

    /** Returns the shape of an initialiser with two axes; of others nothing. */
    List<Long> matrix(String value) {
        return matrices.getOrDefault(value, List.of());
    }

    /** Returns an initialiser. */
    Optional<TensorProto> tensor(String value) {
        return Optional.ofNullable(tensors.get(value));
    }

    /** Returns what is known of an initialiser. */
    Optional<TensorType> constantType(String value) {
        return Optional.ofNullable(tensors.get(value))
                .flatMap(tensor -> ElementTypes.dtype(tensor.getDataType())
                        .map(dtype -> new TensorType(dtype, tensor.getDimsList())));
    }

    /** Returns the numbers of an initialiser that is kept in the skeleton: small ones are. */
    Optional<Tensor> numbers(String value) {
        TensorProto tensor = tensors.get(value);
        if (tensor == null || !tensor.hasRawData() || tensor.getRawData().isEmpty()) {
            return Optional.empty();
        }
        return ElementTypes.dtype(tensor.getDataType())
                .map(dtype -> Tensor.wrap(
                        dtype,
                        tensor.getDimsList().stream().mapToLong(Long::longValue).toArray(),
                        List.of(),
                        tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN)));
    }

    /** Returns whether no operator lets a row of the input change what is computed for another, as far as names tell. */
    boolean rowsAreApart() {
        return model.getGraph().getNodeList().stream().noneMatch(node -> MIXING.contains(node.getOpType()))
                && model.getFunctionsCount() == 0;
    }

    /** Returns the version of the standard operators. */
    public int opset() {
        return Domains.version(model, "");
    }

    /** Returns the nodes of those names. */
    BitSet indices(Collection<String> names) {
        BitSet set = new BitSet();
        for (String name : names) {
            Integer index = byName.get(name);
            if (index != null) {
                set.set(index);
            }
        }
        return set;
    }
}
