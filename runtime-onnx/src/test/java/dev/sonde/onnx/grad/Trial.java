package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import dev.sonde.DType;
import dev.sonde.Tensor;
import dev.sonde.onnx.file.ElementTypes;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.DoubleSupplier;

/** A small graph with numbers for its inputs, those of which are named that gradients are checked of. */
final class Trial {
    final Random random;
    final DType dtype;
    final int opset;
    final List<NodeProto> nodes = new ArrayList<>();
    final Map<String, Tensor> inputs = new LinkedHashMap<>();
    final Map<String, Tensor> constants = new LinkedHashMap<>();
    final Set<String> wanted = new LinkedHashSet<>();
    final List<String> outputs = new ArrayList<>();
    private int names;

    Trial(Random random, DType dtype, int opset) {
        this.random = random;
        this.dtype = dtype;
        this.opset = opset;
    }

    // Numbers.

    int below(int from, int to) {
        return from + random.nextInt(to - from);
    }

    boolean coin() {
        return random.nextBoolean();
    }

    <T> T pick(List<T> of) {
        return of.get(random.nextInt(of.size()));
    }

    /** Returns random sizes. */
    long[] sizes(int rank) {
        long[] sizes = new long[rank];
        for (int i = 0; i < rank; i++) {
            sizes[i] = (long) below(1, 4) + (i == rank - 1 ? 1 : 0);
        }
        return sizes;
    }

    double normal() {
        return random.nextGaussian();
    }

    /** Returns a number that is no corner of a function. */
    double away(double... corners) {
        while (true) {
            double number = 2 * normal();
            boolean near = false;
            for (double corner : corners) {
                near |= Math.abs(number - corner) < 0.15;
            }
            if (!near) {
                return number;
            }
        }
    }

    double between(double low, double high) {
        return low + (high - low) * random.nextDouble();
    }

    // Inputs.

    /** Returns an input that is differentiated by. */
    String x(long... shape) {
        return x(this::normal, shape);
    }

    String x(DoubleSupplier numbers, long... shape) {
        String name = input(numbers, shape);
        wanted.add(name);
        return name;
    }

    /** Returns an input of numbers of which no two are near each other. */
    String apart(long... shape) {
        int count = (int) Numbers.count(shape);
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            order.add(i);
        }
        java.util.Collections.shuffle(order, random);
        int[] next = {0};
        return x(() -> 0.2 * (order.get(next[0]++) - count / 2.0) + 0.05, shape);
    }

    /** Returns an input that is not differentiated by. */
    String input(DoubleSupplier numbers, long... shape) {
        return input(Numbers.floats(dtype, numbers, shape));
    }

    String input(Tensor tensor) {
        String name = "in" + names++;
        inputs.put(name, tensor);
        return name;
    }

    /** Returns whole numbers of the file, or those that are given when it runs. */
    String ints(boolean known, long... values) {
        Tensor tensor = Tensor.of(values, values.length);
        return known ? constant(tensor) : input(tensor);
    }

    String ints(long... values) {
        return ints(true, values);
    }

    String constant(Tensor tensor) {
        String name = "c" + names++;
        constants.put(name, tensor);
        return name;
    }

    String scalar(double value) {
        return constant(Tensor.scalar(dtype, value));
    }

    // Nodes.

    /** Returns the first output of a new node. */
    String node(String type, List<String> in, AttributeProto... attributes) {
        return node("", type, 1, in, attributes);
    }

    String node(String domain, String type, int outputs, List<String> in, AttributeProto... attributes) {
        String name = "v" + names++;
        NodeProto.Builder node = NodeProto.newBuilder()
                .setDomain(domain)
                .setOpType(type)
                .setName("node " + name)
                .addAllInput(in)
                .addAllAttribute(List.of(attributes));
        for (int i = 0; i < outputs; i++) {
            node.addOutput(i == 0 ? name : name + ":" + i);
        }
        nodes.add(node.build());
        return name;
    }

    /** Makes a node whose output is what is differentiated. */
    void of(String type, List<String> in, AttributeProto... attributes) {
        outputs.add(node(type, in, attributes));
    }

    void contrib(String type, List<String> in, AttributeProto... attributes) {
        outputs.add(node("com.microsoft", type, 1, in, attributes));
    }

    // Models.

    ModelProto model(
            List<NodeProto> all, Collection<TensorProto> more, Map<String, Tensor> given, Collection<String> results) {
        GraphProto.Builder graph = GraphProto.newBuilder().setName("trial").addAllNode(all);
        constants.forEach((name, tensor) -> graph.addInitializer(proto(name, tensor)));
        graph.addAllInitializer(more);
        given.forEach((name, tensor) -> graph.addInput(ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder().setElemType(ElementTypes.of(tensor.dtype()))))));
        results.forEach(name -> graph.addOutput(ValueInfoProto.newBuilder().setName(name)));
        return ModelProto.newBuilder()
                .setIrVersion(10)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
                .addOpsetImport(OperatorSetIdProto.newBuilder()
                        .setDomain("com.microsoft")
                        .setVersion(1))
                .setGraph(graph)
                .build();
    }

    static TensorProto proto(String name, Tensor tensor) {
        TensorProto.Builder proto = TensorProto.newBuilder()
                .setName(name)
                .setDataType(ElementTypes.of(tensor.dtype()))
                .setRawData(ByteString.copyFrom(tensor.bytes()));
        for (long size : tensor.shape()) {
            proto.addDims(size);
        }
        return proto.build();
    }

    /** Makes tensors. */
    static final class Numbers {
        private Numbers() {}

        static long count(long... shape) {
            long count = 1;
            for (long size : shape) {
                count *= size;
            }
            return count;
        }

        static Tensor floats(DType dtype, DoubleSupplier numbers, long... shape) {
            double[] values = new double[(int) count(shape)];
            for (int i = 0; i < values.length; i++) {
                values[i] = numbers.getAsDouble();
            }
            return of(dtype, values, shape);
        }

        static Tensor of(DType dtype, double[] values, long... shape) {
            boolean wide = dtype == DType.FLOAT64;
            ByteBuffer bytes =
                    ByteBuffer.allocate(values.length * (wide ? 8 : 4)).order(ByteOrder.LITTLE_ENDIAN);
            for (double value : values) {
                if (wide) {
                    bytes.putDouble(value);
                } else {
                    bytes.putFloat((float) value);
                }
            }
            return Tensor.wrap(dtype, shape, List.of(), bytes.flip());
        }
    }
}
