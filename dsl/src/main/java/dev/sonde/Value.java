package dev.sonde;

import dev.sonde.graph.Dim;
import dev.sonde.graph.Node;
import dev.sonde.graph.Operator;
import dev.sonde.graph.ValueType;
import dev.sonde.kind.Any;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * A number, vector or tensor of an experiment: recorded now, computed when the experiment runs, inside ONNX Runtime.
 *
 * <p>Values never change; every method returns a new one. Type and named axes are known while recording ({@link #type()}),
 * and a mistake is reported with the line that made it when the recording ends. Axes are given by name or, for axes without
 * one, by number as a text ({@code "-1"} is the last). Broadcasting is NumPy's, aligned from the right.
 *
 * @param <K> what sort of value it is
 */
public final class Value<K extends Any> {
    private final Recorder recorder;
    private final int id;

    Value(Recorder recorder, int id) {
        this.recorder = recorder;
        this.id = id;
    }

    int id() {
        return id;
    }

    /**
     * Returns its number in a recording.
     *
     * @throws IllegalStateException if it belongs to another one
     */
    int in(Recorder asking) {
        if (recorder != asking) {
            throw new IllegalStateException(
                    "A value of another recording is used: values, runs and sessions belong to the"
                            + " lambda that received them. Record both in one session, or save the value and give its tensor to"
                            + " constant(...)");
        }
        return id;
    }

    /** Returns type and axes of this value. */
    public ValueType type() {
        return recorder.type(id);
    }

    /** Keeps this value: the handle holds a tensor when the experiment has run. */
    public Saved<Tensor> save() {
        return recorder.save(id, null);
    }

    /** Keeps this value under a name of your choice. */
    public Saved<Tensor> save(String name) {
        return recorder.save(id, name);
    }

    /** Returns this value, claimed to be of a kind for the compiler. */
    public <L extends Any> Value<L> as(Class<L> kind) {
        java.util.Objects.requireNonNull(kind, "kind");
        return new Value<>(recorder, id);
    }

    /** Has this value printed when the experiment runs, as soon as it is known; a service sends it to its client. */
    public Value<K> log(String label) {
        recorder.log(id, label);
        return this;
    }

    /**
     * Returns a function in Java of this value, of the same type. It works on local models only; what the function is given
     * is computed apart, in a run without the edits that depend on it.
     */
    public Value<K> map(UnaryOperator<Tensor> function) {
        return new Value<>(recorder, recorder.local(id, function, type()));
    }

    /** Returns a function in Java of this value, of another type; otherwise as {@link #map(UnaryOperator)}. */
    public Value<Any> map(ValueType type, UnaryOperator<Tensor> function) {
        return value(recorder.local(id, function, type));
    }

    /**
     * Returns the first output of any ONNX operator, in the version that the model's file imports (version 1 of families that
     * it does not import). Its shape is found while recording, by running it alone; the shape may depend on the numbers of
     * constants, not on those of other values. Works on local models only.
     *
     * @param operator {@code LeakyRelu}, or with a domain {@code com.microsoft:Gelu}
     * @param attributes by name: whole numbers, numbers, texts, lists of numbers
     * @param others the inputs behind this value
     */
    public Value<Any> apply(String operator, Map<String, ?> attributes, Value<?>... others) {
        return apply(operator, 0, attributes, others);
    }

    /** Returns output {@code output} of any ONNX operator; otherwise as {@link #apply(String, Map, Value...)}. */
    public Value<Any> apply(String operator, int output, Map<String, ?> attributes, Value<?>... others) {
        List<Integer> inputs = new ArrayList<>(List.of(id));
        Arrays.stream(others).forEach(other -> inputs.add(other.in(recorder)));
        return value(recorder.onnx(operator, output, inputs, attributes));
    }

    // Gradients.

    /**
     * Returns the gradient of this number with respect to a value: how much it grows for each element. {@code wrt} is anything
     * that this was computed from: a site of a run as it was read (an edit recorded later is differentiated through), a value
     * written into a run, a constant. Gradients of one number come from one backward pass, and only what lies between the two
     * is differentiated.
     *
     * <p>A gradient is a value: it can be saved, computed with, written into another run, and differentiated again.
     *
     * @param wrt floats of any shape, which is the gradient's shape and names too
     */
    public <L extends Any> Value<L> gradient(Value<L> wrt) {
        return new Value<>(recorder, recorder.gradient(id, wrt.in(recorder)));
    }

    /**
     * Replaces the gradient of this number with respect to a value by a function of it: what lies before the value sees the
     * new one, as if NNsight's {@code value.grad} had been set inside {@code backward()}.
     */
    public <L extends Any> void updateGradient(
            Value<L> wrt, java.util.function.Function<? super Value<L>, ? extends Value<?>> change) {
        recorder.writeGradient(id, wrt.in(recorder), change.apply(gradient(wrt)).in(recorder));
    }

    /** Returns this value, which no gradient passes. */
    public Value<K> stopGradient() {
        return unary(Operator.STOP_GRADIENT);
    }

    /**
     * Returns {@code surrogate}'s numbers with this value's gradient (the straight-through estimator, Bengio et al. 2013):
     * {@code x.straightThrough(x.round())} rounds, and hands a gradient on to {@code x} as if it had not.
     */
    public Value<K> straightThrough(Value<?> surrogate) {
        return plus(surrogate.minus(this).stopGradient());
    }

    // Regions.

    /** Returns a region of this value; axes of which one index is selected disappear. */
    public Value<Any> at(Selector... selectors) {
        if (recorder.isBroken(id)) {
            return value(id);
        }
        try {
            return value(recorder.select(id, List.of(selectors)));
        } catch (SondeException e) {
            return value(recorder.broken(e));
        }
    }

    /** Returns this value with a region replaced; the rest is as it was. */
    public Value<K> with(Selector selector, Value<?> replacement) {
        return with(List.of(selector), replacement);
    }

    /** Returns this value with a region set to one number. */
    public Value<K> with(Selector selector, double number) {
        return with(List.of(selector), constant(number));
    }

    /** Returns this value with the region where all {@code selectors} meet replaced. */
    public Value<K> with(List<Selector> selectors, Value<?> replacement) {
        if (recorder.isBroken(id) || recorder.isBroken(replacement.in(recorder))) {
            return new Value<>(recorder, recorder.isBroken(id) ? id : replacement.in(recorder));
        }
        try {
            return new Value<>(recorder, recorder.put(id, replacement.in(recorder), selectors));
        } catch (SondeException e) {
            return new Value<>(recorder, recorder.broken(e));
        }
    }

    /** Returns this value with the region where all {@code selectors} meet set to one number. */
    public Value<K> with(List<Selector> selectors, double number) {
        return with(selectors, constant(number));
    }

    /** Returns this value with a region taken from the same region of {@code donor}: a patch. */
    public Value<K> from(Value<? extends K> donor, Selector... selectors) {
        return with(List.of(selectors), donor.at(selectors));
    }

    // Arithmetic.

    /** Returns the sum. */
    public Value<K> plus(Value<?> other) {
        return same(Operator.ADD, other);
    }

    /** Returns the sum with a number. */
    public Value<K> plus(double number) {
        return same(Operator.ADD, constant(number));
    }

    /** Returns the difference. */
    public Value<K> minus(Value<?> other) {
        return same(Operator.SUB, other);
    }

    /** Returns the difference from a number. */
    public Value<K> minus(double number) {
        return same(Operator.SUB, constant(number));
    }

    /** Returns the element-wise product. */
    public Value<K> times(Value<?> other) {
        return same(Operator.MUL, other);
    }

    /** Returns the product with a number. */
    public Value<K> times(double number) {
        return same(Operator.MUL, constant(number));
    }

    /** Returns the quotient. */
    public Value<K> over(Value<?> other) {
        return same(Operator.DIV, other);
    }

    /** Returns the quotient by a number. */
    public Value<K> over(double number) {
        return same(Operator.DIV, constant(number));
    }

    /** Returns each element to a power. */
    public Value<K> pow(double exponent) {
        return same(Operator.POW, constant(exponent));
    }

    /** Returns each element to the power of another one. */
    public Value<K> pow(Value<?> exponent) {
        return same(Operator.POW, exponent);
    }

    /** Returns each element, or a number where that is larger. */
    public Value<K> max(double number) {
        return same(Operator.MAX, constant(number));
    }

    /** Returns each element, or a number where that is smaller. */
    public Value<K> min(double number) {
        return same(Operator.MIN, constant(number));
    }

    /** Returns the larger of each pair of elements. */
    public Value<K> max(Value<?> other) {
        return same(Operator.MAX, other);
    }

    /** Returns the smaller of each pair of elements. */
    public Value<K> min(Value<?> other) {
        return same(Operator.MIN, other);
    }

    /** Returns each element, or the bound that it lies beyond. */
    public Value<K> clamp(double least, double most) {
        return same(Operator.MIN, constant(most)).same(Operator.MAX, constant(least));
    }

    /** Returns the negative. */
    public Value<K> negate() {
        return unary(Operator.NEG);
    }

    /** Returns the absolute value. */
    public Value<K> abs() {
        return unary(Operator.ABS);
    }

    /** Returns e to the power of each element. */
    public Value<K> exp() {
        return unary(Operator.EXP);
    }

    /** Returns the natural logarithm. */
    public Value<K> log() {
        return unary(Operator.LOG);
    }

    /** Returns the square root. */
    public Value<K> sqrt() {
        return unary(Operator.SQRT);
    }

    /** Returns the larger of each element and 0. */
    public Value<K> relu() {
        return unary(Operator.RELU);
    }

    /** Returns the logistic function. */
    public Value<K> sigmoid() {
        return unary(Operator.SIGMOID);
    }

    /** Returns the hyperbolic tangent. */
    public Value<K> tanh() {
        return unary(Operator.TANH);
    }

    /** Returns the reciprocal of each element. */
    public Value<K> reciprocal() {
        return unary(Operator.RECIPROCAL);
    }

    /** Returns the sine of each element, in radians. */
    public Value<K> sin() {
        return unary(Operator.SIN);
    }

    /** Returns the cosine of each element, in radians. */
    public Value<K> cos() {
        return unary(Operator.COS);
    }

    /** Returns the error function. */
    public Value<K> erf() {
        return unary(Operator.ERF);
    }

    /** Returns each element rounded down. */
    public Value<K> floor() {
        return unary(Operator.FLOOR);
    }

    /** Returns each element rounded up. */
    public Value<K> ceil() {
        return unary(Operator.CEIL);
    }

    /** Returns each element rounded to the nearest whole number, halves to the even one. */
    public Value<K> round() {
        return unary(Operator.ROUND);
    }

    /** Returns -1, 0 or 1 for each element. */
    public Value<K> sign() {
        return unary(Operator.SIGN);
    }

    /** Returns the GELU: x times the normal distribution's share below x (Hendrycks and Gimpel 2016). */
    public Value<K> gelu() {
        return times(over(Math.sqrt(2)).erf().plus(1)).times(0.5);
    }

    /** Returns the SiLU: x times its logistic function. */
    public Value<K> silu() {
        return times(sigmoid());
    }

    // Comparison and choice.

    /** Returns where this is not a number. */
    public Value<Any> isNaN() {
        return value(op(Operator.IS_NAN, List.of(id), Map.of(), Map.of()));
    }

    /** Returns where this is infinite. */
    public Value<Any> isInfinite() {
        return value(op(Operator.IS_INF, List.of(id), Map.of(), Map.of()));
    }

    /** Returns where this is greater than a number. */
    public Value<Any> greaterThan(double number) {
        return greaterThan(constant(number));
    }

    /** Returns where this is less than a number. */
    public Value<Any> lessThan(double number) {
        return lessThan(constant(number));
    }

    /** Returns where this equals a number. */
    public Value<Any> equalTo(double number) {
        return equalTo(constant(number));
    }

    /** Returns where this is greater or equal. */
    public Value<Any> atLeast(Value<?> other) {
        return apply(Operator.GREATER_OR_EQUAL, other);
    }

    /** Returns where this is less or equal. */
    public Value<Any> atMost(Value<?> other) {
        return apply(Operator.LESS_OR_EQUAL, other);
    }

    /** Returns where both conditions hold. */
    public Value<Any> and(Value<?> other) {
        return apply(Operator.AND, other);
    }

    /** Returns where either condition holds. */
    public Value<Any> or(Value<?> other) {
        return apply(Operator.OR, other);
    }

    /** Returns where this condition does not hold. */
    public Value<Any> not() {
        return value(op(Operator.NOT, List.of(id), Map.of(), Map.of()));
    }

    /** Returns where this is greater. */
    public Value<Any> greaterThan(Value<?> other) {
        return apply(Operator.GREATER, other);
    }

    /** Returns where this is less. */
    public Value<Any> lessThan(Value<?> other) {
        return apply(Operator.LESS, other);
    }

    /** Returns where both are equal. */
    public Value<Any> equalTo(Value<?> other) {
        return apply(Operator.EQUAL, other);
    }

    /** Returns, where this condition holds, {@code yes}, elsewhere {@code no}. */
    public <L extends Any> Value<L> choose(Value<L> yes, Value<? extends L> no) {
        return new Value<>(
                recorder, op(Operator.WHERE, List.of(id, yes.in(recorder), no.in(recorder)), Map.of(), Map.of()));
    }

    // Linear algebra and reductions.

    /** Returns the matrix product over this value's last and the other's last but one axis. */
    public Value<Any> matmul(Value<?> other) {
        return apply(Operator.MATMUL, other);
    }

    /** Returns the Einstein sum of this and others, such as {@code "bpd,d->bp"}. */
    public Value<Any> einsum(String equation, Value<?>... others) {
        List<Integer> inputs = new ArrayList<>(List.of(id));
        Arrays.stream(others).forEach(other -> inputs.add(other.in(recorder)));
        return value(op(Operator.EINSUM, inputs, Map.of(), Map.of("equation", equation)));
    }

    /** Returns the sum over {@code axes}, all if none is named; they disappear. */
    public Value<Any> sum(String... axes) {
        return reduce(Operator.SUM, false, axes);
    }

    /** Returns the mean over {@code axes}, all if none is named; they disappear. */
    public Value<Any> mean(String... axes) {
        return reduce(Operator.MEAN, false, axes);
    }

    /** Returns the mean over {@code axes}, all if none is named; they stay with size 1, so that it broadcasts back. */
    public Value<Any> meanKeeping(String... axes) {
        return reduce(Operator.MEAN, true, axes);
    }

    /** Returns the sum over {@code axes}, all if none is named; they stay with size 1, so that it broadcasts back. */
    public Value<Any> sumKeeping(String... axes) {
        return reduce(Operator.SUM, true, axes);
    }

    /** Returns the largest element over {@code axes}, all if none is named; they disappear. */
    public Value<Any> largest(String... axes) {
        return reduce(Operator.REDUCE_MAX, false, axes);
    }

    /** Returns the smallest element over {@code axes}, all if none is named; they disappear. */
    public Value<Any> smallest(String... axes) {
        return reduce(Operator.REDUCE_MIN, false, axes);
    }

    /** Returns the Euclidean norm over {@code axes}, all if none is named; they disappear. */
    public Value<Any> norm(String... axes) {
        return reduce(Operator.L2, false, axes);
    }

    /** Returns the product over {@code axes}, all if none is named; they disappear. */
    public Value<Any> product(String... axes) {
        return reduce(Operator.PROD, false, axes);
    }

    /** Returns the logarithm of the sum of exponentials over {@code axes}, all if none is named; they disappear. */
    public Value<Any> logSumExp(String... axes) {
        return reduce(Operator.LOG_SUM_EXP, false, axes);
    }

    /** Returns the variance over {@code axes} (of the whole population), all if none is named; they disappear. */
    public Value<Any> variance(String... axes) {
        return minus(meanKeeping(axes)).pow(2).mean(axes);
    }

    /** Returns the product with {@code other}, summed along an axis. */
    public Value<Any> dot(Value<?> other, String axis) {
        return times(other).sum(axis);
    }

    /** Returns this value centred and scaled to variance 1 along an axis (layer norm without weights). */
    public Value<K> layerNorm(String axis, double epsilon) {
        Value<K> centred = minus(meanKeeping(axis));
        return centred.over(centred.pow(2).meanKeeping(axis).plus(epsilon).sqrt());
    }

    /** Returns this value scaled to mean square 1 along an axis (RMS norm without weights). */
    public Value<K> rmsNorm(String axis, double epsilon) {
        return over(pow(2).meanKeeping(axis).plus(epsilon).sqrt());
    }

    /**
     * Returns the cross-entropy of these logits with target classes, in nats; {@code axis} disappears.
     *
     * @param targets int64, shaped like this without {@code axis}
     */
    public Value<Any> crossEntropy(Value<?> targets, String axis) {
        if (recorder.isBroken(id) || recorder.isBroken(targets.in(recorder))) {
            return value(recorder.isBroken(id) ? id : targets.in(recorder));
        }
        int at = Selections.axis(type(), axis);
        String named = Integer.toString(at);
        return logSoftmax(axis)
                .gatherAlong(axis, targets.unsqueeze(at, ""))
                .sum(named)
                .negate();
    }

    /** Returns the softmax along an axis. */
    public Value<K> softmax(String axis) {
        return along(Operator.SOFTMAX, axis);
    }

    /** Returns the logarithm of the softmax along an axis. */
    public Value<K> logSoftmax(String axis) {
        return along(Operator.LOG_SOFTMAX, axis);
    }

    /** Returns the running sum along an axis. */
    public Value<K> cumulativeSum(String axis) {
        return along(Operator.CUM_SUM, axis);
    }

    /** Returns the index of the largest element along an axis, which disappears. */
    public Value<Any> argmax(String axis) {
        return this.<Any>along(Operator.ARG_MAX, axis, Map.of());
    }

    /** Returns the index of the smallest element along an axis, which disappears. */
    public Value<Any> argmin(String axis) {
        return this.<Any>along(Operator.ARG_MIN, axis, Map.of());
    }

    /** Returns the {@code k} largest elements along an axis, largest first. */
    public Value<Any> topK(String axis, int k) {
        return this.<Any>along(Operator.TOP_K_VALUES, axis, Map.of("k", List.of((long) k)));
    }

    /** Returns the indices of the {@code k} largest elements along an axis, largest first. */
    public Value<Any> topKIndices(String axis, int k) {
        return this.<Any>along(Operator.TOP_K_INDICES, axis, Map.of("k", List.of((long) k)));
    }

    /** Returns the cosine of the angle between this and another value along an axis, which disappears. */
    public Value<Any> cosineSimilarity(Value<?> other, String axis) {
        return times(other).sum(axis).over(norm(axis).times(other.norm(axis)));
    }

    // Form.

    /** Returns the same elements under another shape; -1 is what remains, names are by axis, {@code ""} for none. */
    public Value<Any> reshape(List<Long> shape, List<String> names) {
        Map<String, String> texts = names.isEmpty() ? Map.of() : Map.of("names", String.join(",", names));
        return value(op(Operator.RESHAPE, List.of(id), Map.of("shape", shape), texts));
    }

    /** Returns this value with one axis divided into several of these names and sizes; one size may be -1, what remains. */
    public Value<Any> splitAxis(String axis, List<String> names, long... sizes) {
        return resolving(new String[] {axis}, at -> {
            int place = at.get(0).intValue();
            List<Dim> dims = type().dims();
            List<Dim> all = new ArrayList<>(dims.subList(0, place));
            for (int i = 0; i < sizes.length; i++) {
                all.add(new Dim(i < names.size() ? names.get(i) : "", sizes[i]));
            }
            all.addAll(dims.subList(place + 1, dims.size()));
            return reshaped(all);
        });
    }

    /** Returns this value with neighbouring axes, from one to another, joined into one of that name. */
    public Value<Any> joinAxes(String from, String to, String name) {
        return resolving(new String[] {from, to}, at -> {
            List<Dim> dims = type().dims();
            if (at.get(0) > at.get(1)) {
                throw new SondeException(
                        "shape-mismatch",
                        "Axis '" + from + "' lies behind '" + to + "' in " + type() + ": expected it before");
            }
            List<Dim> all = new ArrayList<>(dims.subList(0, at.get(0).intValue()));
            all.add(new Dim(name, -1));
            all.addAll(dims.subList(at.get(1).intValue() + 1, dims.size()));
            return reshaped(all);
        });
    }

    private int reshaped(List<Dim> dims) {
        List<Long> shape = dims.stream().map(Dim::size).toList();
        String names = dims.stream().map(Dim::name).collect(java.util.stream.Collectors.joining(","));
        return op(Operator.RESHAPE, List.of(id), Map.of("shape", shape), Map.of("names", names));
    }

    /** Returns this value with its axes in that order. */
    public Value<Any> transpose(String... axes) {
        return resolving(axes, perm -> op(Operator.TRANSPOSE, List.of(id), Map.of("perm", perm), Map.of()));
    }

    /** Returns this value with a new axis of size 1 in front of axis {@code at}; the number of axes for behind the last. */
    public Value<Any> unsqueeze(int at, String name) {
        return value(op(Operator.UNSQUEEZE, List.of(id), Map.of("axis", List.of((long) at)), Map.of("name", name)));
    }

    /** Returns this value without an axis of size 1. */
    public Value<Any> squeeze(String axis) {
        return this.<Any>along(Operator.SQUEEZE, axis, Map.of());
    }

    /** Returns this value with other axis names, one per axis, {@code ""} for none. */
    public Value<Any> rename(String... names) {
        return value(op(Operator.RENAME, List.of(id), Map.of(), Map.of("names", String.join(",", names))));
    }

    /** Returns this value converted to another type. */
    public Value<K> cast(DType dtype) {
        return new Value<>(recorder, op(Operator.CAST, List.of(id), Map.of(), Map.of("dtype", dtype.toString())));
    }

    /** Returns this value and others one behind the other along an axis. */
    public Value<Any> concat(String axis, Value<?>... others) {
        return resolving(new String[] {axis}, axes -> {
            List<Integer> inputs = new ArrayList<>(List.of(id));
            Arrays.stream(others).forEach(other -> inputs.add(other.in(recorder)));
            return op(Operator.CONCAT, inputs, Map.of("axis", axes), Map.of());
        });
    }

    /** Returns this value and others of its shape along a new first axis of that name. */
    public Value<Any> stack(String axis, Value<?>... others) {
        List<Value<?>> all = new ArrayList<>(List.of(this));
        all.addAll(List.of(others));
        return new Session(recorder).stack(axis, all);
    }

    /** Returns the parts of this value that {@code indices} name along an axis. */
    public Value<Any> gather(String axis, Value<?> indices) {
        return resolving(
                new String[] {axis},
                axes -> op(Operator.GATHER, List.of(id, indices.in(recorder)), Map.of("axis", axes), Map.of()));
    }

    /** Returns, for each of {@code indices} (int64, of this value's rank), the element at it along an axis. */
    public Value<Any> gatherAlong(String axis, Value<?> indices) {
        return resolving(
                new String[] {axis},
                axes -> op(Operator.GATHER_ALONG, List.of(id, indices.in(recorder)), Map.of("axis", axes), Map.of()));
    }

    /** Returns this value in which {@code updates} stand at {@code indices} (int64, of this value's rank) along an axis. */
    public Value<K> scatterAlong(String axis, Value<?> indices, Value<?> updates) {
        Value<Any> result = resolving(
                new String[] {axis},
                axes -> op(
                        Operator.SCATTER_ALONG,
                        List.of(id, indices.in(recorder), updates.in(recorder)),
                        Map.of("axis", axes),
                        Map.of()));
        return new Value<>(recorder, result.id);
    }

    /** Returns the parts of this value along an axis, of these sizes, which together are the whole. */
    public List<Value<Any>> split(String axis, long... sizes) {
        List<Value<Any>> parts = new ArrayList<>();
        long start = 0;
        for (long size : sizes) {
            parts.add(at(Selector.range(axis, start, start + size)));
            start += size;
        }
        if (!recorder.isBroken(id)) {
            Dim whole = type().dims().get(Selections.axis(type(), axis));
            if (whole.size() != Dim.UNKNOWN && whole.size() != start) {
                recorder.problem(new SondeException(
                        "shape-mismatch",
                        "Parts of sizes " + Arrays.toString(sizes) + " are not axis " + whole + " of " + type()));
            }
        }
        return parts;
    }

    /** Returns for each whole number a 1 at its place of a new last axis of zeros. */
    public Value<Any> oneHot(long depth, String name) {
        return value(op(
                Operator.ONE_HOT,
                List.of(id),
                Map.of("depth", List.of(depth)),
                Map.of("name", name, "dtype", DType.FLOAT32.toString())));
    }

    /** Returns this value repeated along axes of size 1, and along new first axes, until it has this shape. */
    public Value<Any> expand(long... shape) {
        List<Long> sizes = Arrays.stream(shape).boxed().toList();
        return value(op(Operator.EXPAND, List.of(id), Map.of("shape", sizes), Map.of()));
    }

    private interface OnAxes {
        int add(List<Long> axes);
    }

    private Value<Any> resolving(String[] axes, OnAxes then) {
        if (recorder.isBroken(id)) {
            return value(id);
        }
        try {
            List<Long> numbers = new ArrayList<>();
            for (String axis : axes) {
                numbers.add((long) Selections.axis(type(), axis));
            }
            return value(then.add(numbers));
        } catch (SondeException e) {
            return value(recorder.broken(e));
        }
    }

    private Value<Any> reduce(Operator operator, boolean keep, String... axes) {
        String[] named = axes;
        if (axes.length == 0) {
            named = new String[type().rank()];
            Arrays.setAll(named, Integer::toString);
        }
        List<Long> kept = List.of(keep ? 1L : 0L);
        return resolving(named, numbers -> op(operator, List.of(id), Map.of("axes", numbers, "keep", kept), Map.of()));
    }

    private Value<K> along(Operator operator, String axis) {
        return along(operator, axis, Map.of());
    }

    private <L extends Any> Value<L> along(Operator operator, String axis, Map<String, List<Long>> more) {
        Value<Any> result = resolving(new String[] {axis}, axes -> {
            Map<String, List<Long>> attributes = new java.util.HashMap<>(more);
            attributes.put("axis", axes);
            return op(operator, List.of(id), attributes, Map.of());
        });
        return new Value<>(recorder, result.id);
    }

    private Value<K> unary(Operator operator) {
        return new Value<>(recorder, op(operator, List.of(id), Map.of(), Map.of()));
    }

    private Value<K> same(Operator operator, Value<?> other) {
        return new Value<>(recorder, op(operator, List.of(id, other.in(recorder)), Map.of(), Map.of()));
    }

    private Value<Any> apply(Operator operator, Value<?> other) {
        return value(op(operator, List.of(id, other.in(recorder)), Map.of(), Map.of()));
    }

    private int op(
            Operator operator, List<Integer> inputs, Map<String, List<Long>> attributes, Map<String, String> texts) {
        return recorder.add(new Node.Apply(operator, inputs, attributes, texts));
    }

    private Value<Any> constant(double number) {
        DType dtype = recorder.isBroken(id) ? DType.FLOAT32 : type().dtype();
        if (!dtype.isFloat() && number != Math.rint(number)) {
            return value(recorder.broken(new SondeException(
                    "wrong-dtype", number + " is no whole number, but this is " + type() + "; use cast(...)")));
        }
        return value(recorder.add(new Node.Constant(Tensor.scalar(dtype, number))));
    }

    private Value<Any> value(int node) {
        return new Value<>(recorder, node);
    }

    @Override
    public String toString() {
        return recorder.isBroken(id) ? "%" + id + " (in error)" : "%" + id + " " + type();
    }
}
