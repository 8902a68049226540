package dev.sonde.onnx.run;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.Dim;
import dev.sonde.graph.Node;
import dev.sonde.graph.ValueType;
import dev.sonde.onnx.plan.Domains;
import dev.sonde.onnx.plan.OperatorModel;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Finds the type of an operator's output by running it alone, on zeros where nothing else is known. */
public final class OperatorProbe {
    private final RuntimeEnvironment environment;
    private final ModelProto versions;

    /** Returns a probe for operators in the versions that a model has. */
    public OperatorProbe(RuntimeEnvironment environment, ModelProto versions) {
        this.environment = environment;
        this.versions = versions;
    }

    /**
     * Returns the type of the output.
     *
     * @throws SondeException {@code bad-operator} if ONNX Runtime does not take it
     */
    public ValueType infer(Node.Onnx node, List<ValueType> inputs, List<Optional<Tensor>> known) {
        ModelProto model = OperatorModel.of(node, inputs, versions);
        Map<String, OnnxTensor> given = new HashMap<>();
        try (OrtSession session = environment.ort().createSession(model.toByteArray())) {
            for (int i = 0; i < inputs.size(); i++) {
                ValueType type = inputs.get(i);
                Tensor tensor = known.get(i).orElseGet(() -> zeros(node, type));
                given.put("x" + i, OrtTensors.in(environment.ort(), tensor));
            }
            try (OrtSession.Result result = session.run(given)) {
                return type((OnnxTensor) value(result), inputs.get(0));
            }
        } catch (OrtException e) {
            throw new SondeException(
                    "bad-operator",
                    "ONNX Runtime does not take " + node.operator() + " (opset "
                            + Domains.version(versions, node.domain()) + ") of " + inputs + " with " + node.attributes()
                            + ": " + e.getMessage(),
                    e);
        } finally {
            given.values().forEach(OnnxTensor::close);
        }
    }

    private static OnnxValue value(OrtSession.Result result) {
        return result.get(0);
    }

    private static Tensor zeros(Node.Onnx node, ValueType type) {
        long count = type.dtype().bytes();
        for (Dim dim : type.dims()) {
            if (dim.size() == Dim.UNKNOWN) {
                throw new SondeException(
                        "unknown-size",
                        "apply(\"" + node.operator() + "\", ...) needs known shapes but was given " + type);
            }
            count = Math.multiplyExact(count, dim.size());
        }
        return Tensor.wrap(type.dtype(), type.shape(), type.names(), ByteBuffer.allocate(Math.toIntExact(count)));
    }

    /** Axes as long as those of the first input keep their names. */
    private static ValueType type(OnnxTensor output, ValueType first) {
        TensorInfo info = output.getInfo();
        long[] shape = info.getShape();
        List<Dim> dims = new ArrayList<>();
        for (int i = 0; i < shape.length; i++) {
            boolean same = shape.length == first.rank() && first.dims().get(i).size() == shape[i];
            dims.add(new Dim(same ? first.dims().get(i).name() : "", shape[i]));
        }
        ValueType type = ValueType.of(OrtTensors.dtype(info), dims);
        return shape.length == first.rank() && first.isRagged()
                ? new ValueType(type.dtype(), dims, first.lengths())
                : type;
    }
}
