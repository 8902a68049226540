package dev.sonde.onnx.unfuse;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.DType;
import dev.sonde.Tensor;
import dev.sonde.onnx.file.ElementTypes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** A node with inputs, run by ONNX Runtime as it is and written out. */
final class OneNode implements Known {
    private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

    private final Random random = new Random(20);
    private final NodeProto.Builder node;
    private final int opset;
    private final Map<String, Tensor> inputs = new LinkedHashMap<>();
    private String product = "";

    OneNode(String domain, String operator, int opset) {
        this.node = NodeProto.newBuilder().setDomain(domain).setOpType(operator).setName("node");
        this.opset = opset;
    }

    static OneNode contrib(String operator) {
        return new OneNode("com.microsoft", operator, 17);
    }

    OneNode attribute(String name, long value) {
        node.addAttribute(Parts.of(name, value));
        return this;
    }

    OneNode attribute(String name, float value) {
        node.addAttribute(Parts.of(name, value));
        return this;
    }

    OneNode attribute(String name, List<Long> values) {
        node.addAttribute(Parts.of(name, values));
        return this;
    }

    OneNode text(String name, String value) {
        node.addAttribute(AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.STRING)
                .setS(com.google.protobuf.ByteString.copyFromUtf8(value)));
        return this;
    }

    OneNode floats(long... shape) {
        int count = 1;
        for (long size : shape) {
            count *= (int) size;
        }
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return input(Tensor.of(values, shape));
    }

    OneNode ints(int[] values, long... shape) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(values);
        return input(Tensor.wrap(DType.INT32, shape, List.of(), bytes));
    }

    OneNode input(Tensor tensor) {
        String name = "in" + node.getInputCount();
        inputs.put(name, tensor);
        node.addInput(name);
        return this;
    }

    OneNode none(int count) {
        for (int i = 0; i < count; i++) {
            node.addInput("");
        }
        return this;
    }

    /** Lets an input be known as the result of a product. */
    OneNode isProduct(int input) {
        product = "in" + input;
        return this;
    }

    OneNode outputs(String... names) {
        node.addAllOutput(List.of(names));
        return this;
    }

    NodeProto node() {
        return node.build();
    }

    int opset() {
        return opset;
    }

    /** Returns the model of that node. */
    ModelProto model() {
        GraphProto.Builder graph = GraphProto.newBuilder().setName("one").addNode(node);
        inputs.forEach((name, tensor) -> graph.addInput(ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder().setElemType(ElementTypes.of(tensor.dtype()))))));
        node.getOutputList().stream()
                .filter(name -> !name.isEmpty())
                .forEach(name -> graph.addOutput(ValueInfoProto.newBuilder().setName(name)));
        return ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
                .addOpsetImport(OperatorSetIdProto.newBuilder()
                        .setDomain("com.microsoft")
                        .setVersion(1))
                .setGraph(graph)
                .build();
    }

    /** Returns the same model with the node written out by a fusion. */
    ModelProto model(Fusion fusion) {
        ModelProto.Builder model = model().toBuilder();
        model.getGraphBuilder().clearNode().addAllNode(fusion.nodes()).addAllInitializer(fusion.constants());
        return model.build();
    }

    Map<String, float[]> run(ModelProto model) throws OrtException {
        Map<String, OnnxTensor> tensors = new HashMap<>();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
            for (Map.Entry<String, Tensor> input : inputs.entrySet()) {
                Tensor tensor = input.getValue();
                ByteBuffer bytes = ByteBuffer.allocateDirect(tensor.bytes().remaining())
                        .order(ByteOrder.nativeOrder())
                        .put(tensor.bytes())
                        .flip();
                tensors.put(
                        input.getKey(),
                        OnnxTensor.createTensor(
                                ENVIRONMENT,
                                bytes,
                                tensor.shape(),
                                ElementTypes.javaType(ElementTypes.of(tensor.dtype()))
                                        .orElseThrow()));
            }
            try (OrtSession session = ENVIRONMENT.createSession(model.toByteArray(), options);
                    OrtSession.Result result = session.run(tensors)) {
                Map<String, float[]> outputs = new LinkedHashMap<>();
                for (Map.Entry<String, OnnxValue> each : result) {
                    outputs.put(each.getKey(), numbers((OnnxTensor) each.getValue()));
                }
                return outputs;
            }
        } finally {
            tensors.values().forEach(OnnxTensor::close);
        }
    }

    private static float[] numbers(OnnxTensor tensor) {
        if (tensor.getInfo().type == ai.onnxruntime.OnnxJavaType.INT32) {
            int[] whole = new int[tensor.getIntBuffer().remaining()];
            tensor.getIntBuffer().get(whole);
            float[] numbers = new float[whole.length];
            for (int i = 0; i < whole.length; i++) {
                numbers[i] = whole[i];
            }
            return numbers;
        }
        float[] numbers = new float[tensor.getFloatBuffer().remaining()];
        tensor.getFloatBuffer().get(numbers);
        return numbers;
    }

    @Override
    public int rank(String value) {
        return inputs.containsKey(value) ? inputs.get(value).rank() : -1;
    }

    @Override
    public long size(String value, int axis) {
        long[] shape = inputs.get(value).shape();
        return shape[axis < 0 ? shape.length + axis : axis];
    }

    @Override
    public String operator(String value) {
        return value.equals(product) ? "MatMul" : "";
    }

    @Override
    public Optional<DType> dtype(String value) {
        return Optional.ofNullable(inputs.get(value)).map(Tensor::dtype);
    }
}
