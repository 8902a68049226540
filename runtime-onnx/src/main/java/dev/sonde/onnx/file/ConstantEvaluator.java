package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Runs a few nodes over constants in a session of their own. Never runs what it cannot bound beforehand. */
final class ConstantEvaluator {
    /** Operators that trap on integer zero: only evaluated alone, after a look at the divisor. */
    static final Set<String> DIVIDES = Set.of("Div", "Mod");

    /** Results whose shape depends on values, but is never larger than what they read (times its rank). */
    private static final Set<String> BOUNDED =
            Set.of("NonZero", "Unique", "Compress", "NonMaxSuppression", "StringNormalizer");

    /** Constants up to this size go into the session itself, where shape inference sees them; larger ones are fed. */
    private static final long INLINE = 64 << 10;

    private static final long MAPPED = 64 << 10;

    /** The largest value on the way and the largest result, in bytes. */
    record Limits(long step, long result, boolean isSingle) {
        Limits(long step, long result) {
            this(step, result, false);
        }

        /** Every value is a step here; what is kept in the end is decided by its user. */
        Limits single() {
            return new Limits(result, result, true);
        }
    }

    /** Results, or why there are none. */
    record Outcome(List<Weight> results, String why) {
        static Outcome refused(String why) {
            return new Outcome(List.of(), why);
        }

        boolean isDone() {
            return why.isEmpty();
        }
    }

    private final WorkGraph graph;
    private final WeightsFile store;

    ConstantEvaluator(WorkGraph graph, WeightsFile store) {
        this.graph = graph;
        this.store = store;
    }

    Outcome run(List<NodeProto> nodes, Set<String> wanted, Map<String, Weight> constants, Limits limits)
            throws IOException {
        if (!limits.isSingle && nodes.stream().anyMatch(node -> DIVIDES.contains(node.getOpType()))) {
            return Outcome.refused("divides");
        }
        NodeProto first = nodes.get(0);
        if (nodes.size() == 1 && first.getOpType().equals("Identity")) {
            Weight source = constants.get(first.getInput(0));
            return source == null
                    ? Outcome.refused("its input is missing")
                    : new Outcome(List.of(source.withName(first.getOutput(0))), "");
        }
        List<Weight> inline = new ArrayList<>();
        List<Weight> fed = new ArrayList<>();
        for (String name : read(nodes)) {
            Weight weight = constants.get(name);
            if (weight == null) {
                continue;
            }
            boolean feedable =
                    !weight.isText() && ElementTypes.javaType(weight.type()).isPresent();
            if (weight.isText() || weight.size() <= INLINE) {
                inline.add(weight);
            } else if (feedable && weight.size() <= Integer.MAX_VALUE) {
                fed.add(weight);
            } else {
                return Outcome.refused(ElementTypes.name(weight.type()) + " of " + weight.size() + " bytes");
            }
        }
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession.SessionOptions options = options(fed.isEmpty());
                OrtSession session = environment.createSession(program(nodes, inline, fed), options)) {
            Map<String, TensorInfo> shapes = new HashMap<>();
            String why = bounded(session, nodes, wanted, limits, shapes);
            return why.isEmpty() ? execute(environment, session, fed, wanted, shapes) : Outcome.refused(why);
        } catch (OrtException refused) {
            return Outcome.refused("ONNX Runtime refuses it, " + firstLine(refused));
        }
    }

    private static OrtSession.SessionOptions options(boolean small) throws OrtException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
        options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
        options.setMemoryPatternOptimization(false);
        options.setCPUArenaAllocator(false);
        if (small) {
            options.setIntraOpNumThreads(1);
        }
        return options;
    }

    private static Set<String> read(List<NodeProto> nodes) {
        Set<String> names = new LinkedHashSet<>();
        nodes.forEach(node -> names.addAll(node.getInputList()));
        return names;
    }

    /** All values are outputs, so that the session tells their shapes before anything runs. */
    private byte[] program(List<NodeProto> nodes, List<Weight> inline, List<Weight> fed) {
        GraphProto.Builder program =
                GraphProto.newBuilder().setName("constants").addAllNode(nodes);
        inline.forEach(weight -> program.addInitializer(weight.toInlineProto()));
        for (Weight weight : fed) {
            TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
            weight.dims().forEach(dim -> shape.addDimBuilder().setDimValue(dim));
            program.addInput(ValueInfoProto.newBuilder()
                    .setName(weight.name())
                    .setType(TypeProto.newBuilder()
                            .setTensorType(TypeProto.Tensor.newBuilder()
                                    .setElemType(weight.type())
                                    .setShape(shape))));
        }
        for (NodeProto node : nodes) {
            for (String output : node.getOutputList()) {
                if (!output.isEmpty()) {
                    program.addOutput(ValueInfoProto.newBuilder().setName(output));
                }
            }
        }
        return ModelProto.newBuilder()
                .setIrVersion(Math.max(4, graph.model.getIrVersion()))
                .addAllOpsetImport(graph.model.getOpsetImportList())
                .setGraph(program)
                .build()
                .toByteArray();
    }

    /** Returns why this must not run, or nothing; fills in the shapes that are known. */
    private static String bounded(
            OrtSession session,
            List<NodeProto> nodes,
            Set<String> wanted,
            Limits limits,
            Map<String, TensorInfo> shapes)
            throws OrtException {
        Map<String, NodeInfo> outputs = session.getOutputInfo();
        for (NodeProto node : nodes) {
            for (String output : node.getOutputList()) {
                if (output.isEmpty()) {
                    continue;
                }
                NodeInfo info = outputs.get(output);
                if (info == null || !(info.getInfo() instanceof TensorInfo tensor)) {
                    return "not a tensor";
                }
                int type = ElementTypes.ofJava(tensor.type);
                if (type == 0) {
                    return "a type that Java cannot hold";
                }
                List<Long> dims = Arrays.stream(tensor.getShape()).boxed().toList();
                if (dims.contains(-1L)) {
                    if (limits.isSingle && BOUNDED.contains(node.getOpType())) {
                        continue;
                    }
                    return "its size is not known beforehand";
                }
                long count = ElementTypes.count(dims);
                long bytes = count < 0 ? -1 : ElementTypes.bytes(type, count);
                long limit = wanted.contains(output) ? limits.result : limits.step;
                if (bytes < 0 || bytes > limit || bytes > Integer.MAX_VALUE) {
                    return TensorReader.describe(type, dims) + " would be much larger than what it is made from";
                }
                shapes.put(output, tensor);
            }
        }
        return "";
    }

    private Outcome execute(
            OrtEnvironment environment,
            OrtSession session,
            List<Weight> fed,
            Set<String> wanted,
            Map<String, TensorInfo> shapes)
            throws OrtException, IOException {
        Map<String, OnnxTensor> inputs = new HashMap<>();
        Map<String, OnnxTensor> pinned = new HashMap<>();
        Map<String, Weight.InFile> rooms = new HashMap<>();
        try {
            for (Weight weight : fed) {
                inputs.put(weight.name(), tensor(environment, weight));
            }
            Set<String> others = new LinkedHashSet<>(wanted);
            for (String name : wanted) {
                TensorInfo info = shapes.get(name);
                int type = info == null ? 0 : ElementTypes.ofJava(info.type);
                long bytes = info == null ? 0 : ElementTypes.bytes(type, info.getNumElements());
                if (info != null && bytes >= MAPPED) {
                    Weight.InFile room = store.allocate(bytes);
                    rooms.put(name, room);
                    pinned.put(
                            name,
                            OnnxTensor.createTensor(
                                    environment, store.mapForWriting(room), info.getShape(), info.type));
                    others.remove(name);
                }
            }
            try (OrtSession.Result result = session.run(inputs, others, pinned)) {
                List<Weight> results = new ArrayList<>();
                for (String name : wanted) {
                    Weight.InFile room = rooms.get(name);
                    TensorInfo info = shapes.get(name);
                    if (room != null && info != null) {
                        results.add(weight(name, info, room));
                    } else if (result.get(name).orElse(null) instanceof OnnxTensor tensor
                            && ElementTypes.ofJava(tensor.getInfo().type) != 0) {
                        ByteBuffer bytes = tensor.getByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
                        results.add(weight(name, tensor.getInfo(), new Weight.InMemory(bytes)));
                    } else {
                        return Outcome.refused("a type that Java cannot hold");
                    }
                }
                return new Outcome(results, "");
            }
        } finally {
            inputs.values().forEach(OnnxTensor::close);
            pinned.values().forEach(OnnxTensor::close);
        }
    }

    private static Weight weight(String name, TensorInfo info, Weight.Place place) {
        List<Long> dims = Arrays.stream(info.getShape()).boxed().toList();
        return new Weight(name, ElementTypes.ofJava(info.type), dims, place);
    }

    /** The natives exist for little-endian machines only, so the bytes of a file are right as they are. */
    private static OnnxTensor tensor(OrtEnvironment environment, Weight weight) throws OrtException {
        ByteBuffer bytes = weight.bytes().order(ByteOrder.nativeOrder());
        int unit = Math.max(1, ElementTypes.bits(weight.type()) / 8);
        if (!bytes.isDirect() || bytes.alignmentOffset(bytes.position(), unit) != 0) {
            ByteBuffer copy =
                    ByteBuffer.allocateDirect(bytes.remaining() + unit).order(ByteOrder.nativeOrder());
            copy.position((unit - copy.alignmentOffset(0, unit)) % unit);
            ByteBuffer aligned = copy.slice().order(ByteOrder.nativeOrder());
            int size = bytes.remaining();
            aligned.put(bytes).position(0).limit(size);
            bytes = aligned;
        }
        OnnxJavaType type = ElementTypes.javaType(weight.type()).orElseThrow();
        long[] shape = weight.dims().stream().mapToLong(Long::longValue).toArray();
        return OnnxTensor.createTensor(environment, bytes, shape, type);
    }

    private static String firstLine(OrtException refused) {
        String message = String.valueOf(refused.getMessage());
        int end = message.indexOf('\n');
        return end < 0 ? message : message.substring(0, end);
    }
}
