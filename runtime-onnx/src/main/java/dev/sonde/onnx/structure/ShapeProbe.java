package dev.sonde.onnx.structure;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelInput.Role;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.file.ElementTypes;
import dev.sonde.onnx.file.InputShapes;
import dev.sonde.onnx.file.OnnxFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Learns the shapes of all values by running the model at several sizes of its inputs. */
final class ShapeProbe {
    /** Sizes that no two simple formulas share; small, because some models know few positions. */
    private static final long[][] BATCH_POSITION_PAST = {{2, 5, 3}, {3, 11, 2}, {4, 7, 13}};

    /** For operators that take several rows, or several positions behind a past, but not both. */
    private static final long[][] ONE_ROW_OR_ONE_POSITION = {{2, 5, 0}, {1, 11, 3}, {4, 1, 13}};

    private static final List<String> KNOWN = List.of("batch", "position", "past");

    /** For sizes of other names: no two grow by the same from setting to setting. */
    private static final long[][] OTHERS = {{17, 19, 23, 29, 31, 37}, {23, 31, 19, 37, 17, 29}, {29, 17, 37, 19, 23, 31}
    };

    /** Convolutions need longer signals than most models: what fails at small sizes is tried again at larger ones. */
    private static final long[] SCALES = {1, 8, 32, 128};

    private final Graph graph;
    private final List<ModelInput> inputs;
    private final OrtEnvironment environment;

    private ShapeProbe(Graph graph, List<ModelInput> inputs, OrtEnvironment environment) {
        this.graph = graph;
        this.inputs = inputs;
        this.environment = environment;
    }

    static Shapes probe(Graph graph, List<ModelInput> inputs, OrtEnvironment environment) {
        return new ShapeProbe(graph, inputs, environment).run();
    }

    private record Seen(DType dtype, List<long[]> shapes) {}

    private Shapes run() {
        try (OrtSession.SessionOptions options = options(graph.file);
                OrtSession session = environment.createSession(withAllOutputs().toByteArray(), options)) {
            return run(session);
        } catch (OrtException failed) {
            throw new SondeException(
                    "unrunnable-model",
                    "Cannot run '" + graph.file.source() + "' to learn the shapes of its values: "
                            + failed.getMessage(),
                    failed);
        }
    }

    private Shapes run(OrtSession session) throws OrtException {
        List<OrtException> failures = new ArrayList<>();
        for (List<Map<String, Long>> settings : attempts(inputs)) {
            try {
                Map<String, Seen> seen = new LinkedHashMap<>();
                for (Map<String, Long> setting : settings) {
                    runOnce(session, setting, seen);
                }
                return new Shapes(fit(seen, settings));
            } catch (OrtException failed) {
                failures.add(failed);
            }
        }
        throw failures.get(0);
    }

    private Map<String, Shape> fit(Map<String, Seen> seen, List<Map<String, Long>> settings) {
        SizeFit fit = new SizeFit(symbols(inputs), settings);
        Map<String, Shape> shapes = new LinkedHashMap<>();
        for (ModelInput input : inputs) {
            shapes.put(
                    input.name(),
                    new Shape(
                            input.dtype(),
                            input.axes().stream().map(AxisInfo::size).toList()));
        }
        seen.forEach((value, each) -> shapes.put(value, new Shape(each.dtype(), dims(each.shapes(), fit))));
        return shapes;
    }

    private static List<Size> dims(List<long[]> shapes, SizeFit fit) {
        List<Size> dims = new ArrayList<>();
        for (int axis = 0; axis < shapes.get(0).length; axis++) {
            int at = axis;
            boolean ranked = shapes.stream().allMatch(shape -> shape.length == shapes.get(0).length);
            dims.add(
                    ranked
                            ? fit.fit(shapes.stream()
                                    .mapToLong(shape -> shape[at])
                                    .toArray())
                            : Size.UNKNOWN);
        }
        return dims;
    }

    private static List<String> symbols(List<ModelInput> inputs) {
        List<String> ordered = new ArrayList<>(KNOWN);
        TreeSet<String> all = new TreeSet<>();
        inputs.forEach(
                input -> input.axes().forEach(axis -> all.addAll(axis.size().symbols())));
        ordered.retainAll(all);
        all.removeAll(ordered);
        ordered.addAll(all);
        return ordered;
    }

    /** Returns sizes to probe a model with, the best first: each attempt is several settings of its symbols. */
    static List<List<Map<String, Long>>> attempts(List<ModelInput> inputs) {
        List<List<Map<String, Long>>> attempts = new ArrayList<>();
        boolean hasOthers = symbols(inputs).stream().anyMatch(symbol -> !KNOWN.contains(symbol));
        for (long scale : SCALES) {
            if (scale == 1 || hasOthers) {
                attempts.add(settings(inputs, BATCH_POSITION_PAST, scale));
            }
        }
        attempts.add(settings(inputs, ONE_ROW_OR_ONE_POSITION, 1));
        return attempts;
    }

    private static List<Map<String, Long>> settings(List<ModelInput> inputs, long[][] known, long scale) {
        List<Map<String, Long>> settings = new ArrayList<>();
        for (int i = 0; i < known.length; i++) {
            Map<String, Long> setting = new HashMap<>();
            int other = 0;
            for (String symbol : symbols(inputs)) {
                int place = KNOWN.indexOf(symbol);
                setting.put(symbol, place >= 0 ? known[i][place] : scale * OTHERS[i][other++ % OTHERS[i].length]);
            }
            settings.add(setting);
        }
        return settings;
    }

    static OrtSession.SessionOptions options(OnnxFile file) throws OrtException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
        options.addConfigEntry(
                "session.model_external_initializers_file_folder_path",
                file.weightsFolder().toString());
        boolean packed = file.skeleton().getGraph().getNodeList().stream()
                .anyMatch(node -> node.getOpType().startsWith("MatMulNBits")); // very slow without
        options.addConfigEntry("session.disable_prepacking", packed ? "0" : "1"); // the weights stay in their file
        return options;
    }

    private ModelProto withAllOutputs() {
        ModelProto.Builder model = graph.file.skeleton().toBuilder();
        GraphProto.Builder all = model.getGraphBuilder();
        forgetShapes(all);
        for (int i = 0; i < graph.size(); i++) {
            for (String value : graph.nodes.get(i).getOutputList()) {
                if (!value.isEmpty() && !graph.isOutput(value)) {
                    all.addOutput(ValueInfoProto.newBuilder().setName(value));
                }
            }
        }
        return model.build();
    }

    /** Nothing is inferred from shapes that are about to be seen. */
    static void forgetShapes(GraphProto.Builder graph) {
        if (InputShapes.mayBeForgotten(graph.getNodeList())) {
            for (int i = 0; i < graph.getInputCount(); i++) {
                graph.setInput(i, InputShapes.forget(graph.getInput(i)));
            }
        }
        graph.clearValueInfo().getOutputBuilderList().forEach(ValueInfoProto.Builder::clearType);
    }

    /** Returns what the model is given at sizes of its symbols. */
    static Map<String, OnnxTensor> tensors(List<ModelInput> inputs, Map<String, Long> sizes, OrtEnvironment environment)
            throws OrtException {
        Map<String, OnnxTensor> tensors = new HashMap<>();
        try {
            for (ModelInput input : inputs) {
                tensors.put(input.name(), tensor(input, sizes, environment));
            }
        } catch (OrtException | RuntimeException failed) {
            tensors.values().forEach(OnnxTensor::close);
            throw failed;
        }
        return tensors;
    }

    private void runOnce(OrtSession session, Map<String, Long> setting, Map<String, Seen> seen) throws OrtException {
        Map<String, OnnxTensor> tensors = tensors(inputs, setting, environment);
        try (OrtSession.Result result = session.run(tensors)) {
            for (Map.Entry<String, OnnxValue> each : result) {
                see(each.getKey(), each.getValue(), seen);
            }
        } finally {
            tensors.values().forEach(OnnxTensor::close);
        }
    }

    private static void see(String name, OnnxValue value, Map<String, Seen> seen) throws OrtException {
        if (value.getInfo() instanceof TensorInfo info) {
            @Nullable
            DType dtype = ElementTypes.dtype(ElementTypes.ofJava(info.type)).orElse(null);
            if (dtype != null) {
                seen.computeIfAbsent(name, unused -> new Seen(dtype, new ArrayList<>()))
                        .shapes()
                        .add(info.getShape());
            }
        }
    }

    private static OnnxTensor tensor(ModelInput input, Map<String, Long> setting, OrtEnvironment environment)
            throws OrtException {
        long[] shape = input.axes().stream()
                .map(AxisInfo::size)
                .map(size -> size.in(setting))
                .mapToLong(size -> size.orElse(1))
                .toArray();
        int count = Math.toIntExact(java.util.Arrays.stream(shape).reduce(1, (a, b) -> a * b));
        ByteBuffer bytes = ByteBuffer.allocateDirect(
                        Math.max(1, count * input.dtype().bytes()))
                .order(ByteOrder.nativeOrder());
        long row = shape.length == 0 ? 1 : Math.max(1, shape[shape.length - 1]);
        for (int i = 0; i < count; i++) {
            put(bytes, input.dtype(), number(input.role(), i, i % row, setting));
        }
        OnnxJavaType type =
                ElementTypes.javaType(ElementTypes.of(input.dtype())).orElseThrow();
        return OnnxTensor.createTensor(environment, bytes.flip(), shape, type);
    }

    private static double number(Role role, int index, long column, Map<String, Long> setting) {
        return switch (role) {
            case TOKENS -> 1 + index % 7;
            case ATTENTION_MASK -> 1;
            case POSITION_IDS -> column + setting.getOrDefault("past", 0L);
            case TOKEN_TYPES -> 0;
            case PAST, OTHER -> 0.01 * (index % 13) - 0.05;
        };
    }

    private static void put(ByteBuffer bytes, DType dtype, double number) {
        switch (dtype) {
            case FLOAT32 -> bytes.putFloat((float) number);
            case FLOAT64 -> bytes.putDouble(number);
            case INT64 -> bytes.putLong((long) number);
            case INT32 -> bytes.putInt((int) number);
            case INT16 -> bytes.putShort((short) number);
            case FLOAT16, BFLOAT16 -> bytes.putShort((short) 0);
            case INT8, UINT8 -> bytes.put((byte) number);
            case BOOL -> bytes.put((byte) 1);
        }
    }
}
