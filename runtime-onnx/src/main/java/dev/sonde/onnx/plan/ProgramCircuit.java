package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.Tensor;
import dev.sonde.graph.ValueType;
import dev.sonde.onnx.grad.Circuit;
import dev.sonde.onnx.grad.TensorType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A program as the differentiation sees it: nodes of the model, reading what the edits made of it, and new ones. */
final class ProgramCircuit implements Circuit {
    private final Target target;
    private final boolean onModel;
    private final Map<String, Long> inputSizes;
    private final Emitter emitter;
    private final Map<Splice.Use, String> redirects;
    private final Map<String, NodeProto> added = new HashMap<>();
    private final Map<String, TensorType> values = new HashMap<>();
    private final Map<List<Long>, String> sizes = new HashMap<>();
    private int seen;

    ProgramCircuit(
            Target target,
            boolean onModel,
            Map<String, Long> inputSizes,
            Emitter emitter,
            Map<Splice.Use, String> redirects) {
        this.target = target;
        this.onModel = onModel;
        this.inputSizes = inputSizes;
        this.emitter = emitter;
        this.redirects = redirects;
    }

    /** Says what is known of a value of the experiment. */
    void know(String value, ValueType type) {
        values.put(
                value,
                new TensorType(
                        type.dtype(),
                        type.dims().stream().map(dim -> dim.size()).toList()));
    }

    @Override
    public int opset() {
        return emitter.opset();
    }

    @Override
    public Optional<NodeProto> producer(String value) {
        for (; seen < emitter.nodes().size(); seen++) {
            NodeProto node = emitter.nodes().get(seen);
            node.getOutputList().forEach(output -> added.put(output, node));
        }
        NodeProto node = added.get(value);
        if (node != null) {
            return Optional.of(node);
        }
        int maker = onModel ? target.graph().producer(value) : -1;
        return maker < 0 ? Optional.empty() : Optional.of(added.computeIfAbsent(value, unused -> edited(maker)));
    }

    private NodeProto edited(int maker) {
        return Renaming.inputs(
                target.graph().node(maker), name -> redirects.getOrDefault(new Splice.Use(maker, name), name));
    }

    @Override
    public Optional<TensorType> type(String value) {
        TensorType known = values.get(value);
        if (known != null) {
            return Optional.of(known);
        }
        Optional<Tensor> numbers = emitter.numbers(value);
        if (numbers.isPresent()) {
            return numbers.map(tensor -> new TensorType(
                    tensor.dtype(),
                    java.util.Arrays.stream(tensor.shape()).boxed().toList()));
        }
        return onModel
                ? target.graph().constantType(value).or(() -> target.wiring().type(value, inputSizes))
                : Optional.empty();
    }

    @Override
    public Optional<Tensor> numbers(String value) {
        return emitter.numbers(value).or(() -> onModel ? target.graph().numbers(value) : Optional.empty());
    }

    @Override
    public String fresh() {
        return emitter.fresh();
    }

    @Override
    public void add(NodeProto node) {
        emitter.add(node);
    }

    @Override
    public String constant(Tensor value) {
        return emitter.constant(value);
    }

    @Override
    public String sizes(List<Long> list) {
        return sizes.computeIfAbsent(list, emitter::list);
    }
}
