package dev.sonde.onnx.grad;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
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
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;

/** Holds the gradients of a trial to differences of its results. */
final class Finite {
    private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

    /** What is known of a trial's values before it runs. */
    enum Known {
        /** All sizes. */
        SIZES,
        /** How many axes there are. */
        RANKS,
        /** The sizes of the inputs. */
        INPUTS
    }

    private final Trial trial;
    private final List<NodeProto> written;
    private final List<TensorProto> constants;
    private final Map<String, Tensor> seeds = new LinkedHashMap<>();
    private final Map<String, Tensor> values;
    private final double step;
    private final double tolerance;

    Finite(Trial trial) throws OrtException {
        this(trial, trial.nodes, List.of());
    }

    /**
     * Holds gradients of one form of a graph to the results of another.
     *
     * @param written the form that is differentiated
     * @param constants what it reads beside
     */
    Finite(Trial trial, List<NodeProto> written, List<TensorProto> constants) throws OrtException {
        this.trial = trial;
        this.written = written;
        this.constants = constants;
        boolean wide = trial.dtype == DType.FLOAT64;
        this.step = wide ? 1e-3 : 2e-2;
        this.tolerance = wide ? 2e-7 : 2e-3;
        List<String> all = new ArrayList<>();
        written.forEach(node ->
                node.getOutputList().stream().filter(name -> !name.isEmpty()).forEach(all::add));
        this.values = run(trial.model(written, constants, trial.inputs, all), trial.inputs);
        Random random = new Random(5);
        trial.outputs.forEach(output -> seeds.put(
                "seed " + output,
                Trial.Numbers.floats(
                        trial.dtype, random::nextGaussian, values.get(output).shape())));
    }

    /** Returns the differences that each number of the inputs makes, by input. */
    Map<String, double[]> differences() throws OrtException {
        ModelProto model = trial.model(trial.nodes, List.of(), trial.inputs, trial.outputs);
        return differences(model, trial.inputs, trial.outputs, seeds.values());
    }

    /** Returns the same with NaN where a corner is near: where differences of other steps are others. */
    Map<String, double[]> smoothDifferences() throws OrtException {
        ModelProto model = trial.model(trial.nodes, List.of(), trial.inputs, trial.outputs);
        Map<String, double[]> near = differences(model, trial.inputs, trial.outputs, seeds.values(), step, true);
        Map<String, double[]> far = differences(model, trial.inputs, trial.outputs, seeds.values(), 1.7 * step, true);
        near.forEach((input, slopes) -> {
            double most = 1e-2;
            for (double slope : slopes) {
                most = Double.isNaN(slope) ? most : Math.max(most, Math.abs(slope));
            }
            for (int i = 0; i < slopes.length; i++) {
                boolean same = Math.abs(slopes[i] - far.get(input)[i]) < tolerance * most / 3;
                slopes[i] = same ? slopes[i] : Double.NaN;
            }
        });
        return near;
    }

    private Map<String, double[]> differences(
            ModelProto model, Map<String, Tensor> inputs, List<String> outputs, Collection<Tensor> weights)
            throws OrtException {
        return differences(model, inputs, outputs, weights, step, false);
    }

    private Map<String, double[]> differences(
            ModelProto model,
            Map<String, Tensor> inputs,
            List<String> outputs,
            Collection<Tensor> weights,
            double step,
            boolean smooth)
            throws OrtException {
        Map<String, double[]> found = new LinkedHashMap<>();
        try (OrtSession session = session(model)) {
            double here = smooth ? total(run(session, inputs), outputs, weights) : 0;
            for (String input : trial.wanted) {
                Tensor x = inputs.get(input);
                double[] numbers = x.toDoubles();
                double[] slopes = new double[numbers.length];
                for (int i = 0; i < numbers.length; i++) {
                    double[] at = new double[4];
                    double[] steps = {-2, -1, 1, 2};
                    for (int k = 0; k < 4; k++) {
                        double[] moved = numbers.clone();
                        moved[i] += steps[k] * step;
                        Map<String, Tensor> given = new LinkedHashMap<>(inputs);
                        given.put(input, Trial.Numbers.of(trial.dtype, moved, x.shape()));
                        at[k] = total(run(session, given), outputs, weights);
                    }
                    slopes[i] = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step);
                    if (smooth) { // second differences grow with the step, but not those over a corner
                        double near = (at[1] - 2 * here + at[2]) / step;
                        double far = (at[0] - 2 * here + at[3]) / (2 * step);
                        boolean corner = Math.abs(2 * near - far) > 20 * tolerance * Math.max(1, Math.abs(slopes[i]));
                        slopes[i] = corner ? Double.NaN : slopes[i];
                    }
                }
                found.put(input, slopes);
            }
        }
        return found;
    }

    private static double total(Map<String, Tensor> results, List<String> outputs, Collection<Tensor> weights) {
        double total = 0;
        int next = 0;
        for (Tensor weight : weights) {
            double[] y = results.get(outputs.get(next++)).toDoubles();
            double[] w = weight.toDoubles();
            for (int i = 0; i < y.length; i++) {
                total += w[i] * y[i];
            }
        }
        return total;
    }

    /** Runs the backward pass, which ONNX Runtime may not have in the trial's type. */
    void tryBackward() throws OrtException {
        Made made = new Made(Known.SIZES);
        made.run(made.backward(seedsByValue(), trial.wanted).values());
    }

    /** Returns what the gradients are, by input. */
    Map<String, Tensor> gradients() throws OrtException {
        Made made = new Made(Known.SIZES);
        Map<String, String> names = made.backward(seedsByValue(), trial.wanted);
        Map<String, Tensor> all = made.run(names.values());
        Map<String, Tensor> found = new LinkedHashMap<>();
        names.forEach((input, gradient) -> found.put(input, all.get(gradient)));
        return found;
    }

    /** Returns what an output is weighed with. */
    Tensor seed(String output) {
        return seeds.get("seed " + output);
    }

    /** Checks the gradients by all inputs. */
    void check(Known known, Map<String, double[]> expected) throws OrtException {
        Made made = new Made(known);
        Map<String, String> gradients = made.backward(seedsByValue(), trial.wanted);
        compare(made.run(gradients.values()), gradients, expected, known.toString());
    }

    /** Checks the gradients of the gradients by all inputs. */
    void checkTwice() throws OrtException {
        Made made = new Made(Known.SIZES);
        Map<String, String> first = made.backward(seedsByValue(), trial.wanted);
        Map<String, Tensor> weights = new LinkedHashMap<>();
        Random random = new Random(6);
        first.forEach((input, gradient) -> weights.put(
                gradient,
                Trial.Numbers.floats(
                        trial.dtype,
                        random::nextGaussian,
                        trial.inputs.get(input).shape())));
        List<String> outputs = new ArrayList<>(weights.keySet());
        Map<String, double[]> expected = differences(made.model(outputs), made.inputs(), outputs, weights.values());
        Map<String, String> names = new LinkedHashMap<>();
        weights.forEach((gradient, weight) -> {
            made.given.put("again " + gradient, weight);
            names.put(gradient, "again " + gradient);
        });
        Map<String, String> second = made.backward(names, trial.wanted);
        Map<String, Tensor> found = made.run(second.values());
        compare(found, second, expected, "second");
    }

    private Map<String, String> seedsByValue() {
        Map<String, String> names = new LinkedHashMap<>();
        trial.outputs.forEach(output -> names.put(output, "seed " + output));
        return names;
    }

    private void compare(
            Map<String, Tensor> results, Map<String, String> gradients, Map<String, double[]> expected, String what) {
        expected.forEach((input, slopes) -> {
            double most = 1e-2;
            for (double slope : slopes) {
                most = Double.isNaN(slope) ? most : Math.max(most, Math.abs(slope));
            }
            double bound = tolerance * most;
            if (!gradients.containsKey(input)) {
                assertThat(most).as(what + ": no gradient by " + input).isEqualTo(1e-2);
                return;
            }
            Tensor gradient = results.get(gradients.get(input));
            assertThat(gradient.shape())
                    .as(what + ": shape of the gradient by " + input)
                    .isEqualTo(trial.inputs.get(input).shape());
            double[] own = gradient.toDoubles();
            for (int i = 0; i < own.length; i++) {
                if (Double.isNaN(slopes[i])) {
                    continue;
                }
                assertThat(own[i])
                        .as(
                                "%s: gradient by %s at %d of %s, differences %s",
                                what, input, i, trial.nodes, java.util.Arrays.toString(slopes))
                        .isCloseTo(slopes[i], org.assertj.core.api.Assertions.within(bound));
            }
        });
    }

    static OrtSession session(ModelProto model) throws OrtException {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.NO_OPT);
            options.setIntraOpNumThreads(1);
            options.setSessionLogLevel(ai.onnxruntime.OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
            return ENVIRONMENT.createSession(model.toByteArray(), options);
        }
    }

    private static Map<String, Tensor> run(ModelProto model, Map<String, Tensor> inputs) throws OrtException {
        try (OrtSession session = session(model)) {
            return run(session, inputs);
        }
    }

    static Map<String, Tensor> run(OrtSession session, Map<String, Tensor> inputs) throws OrtException {
        Map<String, OnnxTensor> tensors = new HashMap<>();
        try {
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
            try (OrtSession.Result result = session.run(tensors)) {
                Map<String, Tensor> outputs = new LinkedHashMap<>();
                for (Map.Entry<String, OnnxValue> each : result) {
                    String name = each.getKey();
                    outputs.put(
                            name.startsWith("out ") ? name.substring(4) : name, tensor((OnnxTensor) each.getValue()));
                }
                return outputs;
            }
        } finally {
            tensors.values().forEach(OnnxTensor::close);
        }
    }

    private static Tensor tensor(OnnxTensor tensor) {
        DType dtype =
                ElementTypes.dtype(ElementTypes.ofJava(tensor.getInfo().type)).orElseThrow();
        ByteBuffer bytes = tensor.getByteBuffer();
        ByteBuffer copy = ByteBuffer.allocate(bytes.remaining())
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(bytes)
                .flip();
        return Tensor.wrap(dtype, tensor.getInfo().getShape(), List.of(), copy);
    }

    /** The trial's graph with what is added to it. */
    private final class Made implements Circuit {
        private final Known known;
        private final Map<String, NodeProto> producers = new HashMap<>();
        private final List<NodeProto> nodes = new ArrayList<>(written);
        private final Map<String, Tensor> added = new LinkedHashMap<>();
        private final Map<String, Tensor> given = new LinkedHashMap<>(seeds);
        private int names;

        Made(Known known) {
            this.known = known;
            written.forEach(this::produces);
        }

        private void produces(NodeProto node) {
            node.getOutputList().forEach(output -> producers.put(output, node));
        }

        Map<String, String> backward(Map<String, String> of, java.util.Set<String> wanted) {
            return Backward.of(this, of, wanted, Set.of(), Backward.Edits.NONE);
        }

        Map<String, Tensor> inputs() {
            Map<String, Tensor> all = new LinkedHashMap<>(trial.inputs);
            all.putAll(given);
            return all;
        }

        ModelProto model(Collection<String> results) {
            List<TensorProto> all = new ArrayList<>(constants);
            added.forEach((name, tensor) -> all.add(Trial.proto(name, tensor)));
            // a gradient may be an input as it is, which cannot be an output
            List<NodeProto> named = new ArrayList<>(nodes);
            List<String> out = new ArrayList<>();
            new java.util.LinkedHashSet<>(results).forEach(result -> {
                named.add(NodeProto.newBuilder()
                        .setOpType("Identity")
                        .addInput(result)
                        .addOutput("out " + result)
                        .build());
                out.add("out " + result);
            });
            return trial.model(named, all, inputs(), out);
        }

        Map<String, Tensor> run(Collection<String> results) throws OrtException {
            return results.isEmpty() ? Map.of() : Finite.run(model(results), inputs());
        }

        @Override
        public int opset() {
            return trial.opset;
        }

        @Override
        public Optional<NodeProto> producer(String value) {
            return Optional.ofNullable(producers.get(value));
        }

        @Override
        public Optional<TensorType> type(String value) {
            Tensor input = inputs().getOrDefault(value, trial.constants.getOrDefault(value, added.get(value)));
            Tensor tensor = input == null && known != Known.INPUTS ? values.get(value) : input;
            if (tensor == null) {
                return Optional.empty();
            }
            boolean open = known == Known.RANKS && !added.containsKey(value) && !trial.constants.containsKey(value);
            return Optional.of(new TensorType(
                    tensor.dtype(),
                    LongStream.of(tensor.shape())
                            .map(size -> open ? TensorType.UNKNOWN : size)
                            .boxed()
                            .toList()));
        }

        @Override
        public Optional<Tensor> numbers(String value) {
            Tensor tensor = trial.constants.getOrDefault(value, added.get(value));
            return Optional.ofNullable(tensor == null && value.startsWith("sizes") ? given.get(value) : tensor);
        }

        @Override
        public String fresh() {
            return "g" + names++;
        }

        @Override
        public void add(NodeProto node) {
            nodes.add(node);
            produces(node);
        }

        @Override
        public String constant(Tensor value) {
            return added.entrySet().stream()
                    .filter(each -> each.getValue().equals(value))
                    .map(Map.Entry::getKey)
                    .findFirst()
                    .orElseGet(() -> {
                        String name = fresh();
                        added.put(name, value);
                        return name;
                    });
        }

        @Override
        public String sizes(List<Long> sizes) {
            String name = "sizes " + sizes;
            given.put(name, Tensor.of(sizes.stream().mapToLong(Long::longValue).toArray(), sizes.size()));
            return name;
        }
    }
}
