package dev.sonde;

import dev.sonde.graph.Node;
import dev.sonde.graph.Operator;
import dev.sonde.graph.Selection;
import dev.sonde.graph.ValueType;
import dev.sonde.kind.Any;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

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

    Recorder recorder() {
        return recorder;
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

    // Regions.

    /** Returns a region of this value; axes of which one index is selected disappear. */
    public Value<Any> at(Selector... selectors) {
        if (recorder.isBroken(id)) {
            return value(id);
        }
        try {
            return value(recorder.add(new Node.Select(id, selection(selectors))));
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
        if (recorder.isBroken(id) || recorder.isBroken(replacement.id)) {
            return new Value<>(recorder, recorder.isBroken(id) ? id : replacement.id);
        }
        try {
            Selection selection = selection(selectors.toArray(Selector[]::new));
            return new Value<>(recorder, recorder.add(new Node.Put(id, replacement.id, selection)));
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

    private Selection selection(Selector... selectors) {
        return Selections.resolve(type(), recorder.isRaw(id), List.of(selectors));
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

    /** Returns the larger of each pair of elements. */
    public Value<K> max(Value<?> other) {
        return same(Operator.MAX, other);
    }

    /** Returns the smaller of each pair of elements. */
    public Value<K> min(Value<?> other) {
        return same(Operator.MIN, other);
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

    // Comparison and choice.

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
        return new Value<>(recorder, op(Operator.WHERE, List.of(id, yes.id, no.id), Map.of(), Map.of()));
    }

    // Linear algebra and reductions.

    /** Returns the matrix product over this value's last and the other's last but one axis. */
    public Value<Any> matmul(Value<?> other) {
        return apply(Operator.MATMUL, other);
    }

    /** Returns the Einstein sum of this and others, such as {@code "bpd,d->bp"}. */
    public Value<Any> einsum(String equation, Value<?>... others) {
        List<Integer> inputs = new ArrayList<>(List.of(id));
        Arrays.stream(others).forEach(other -> inputs.add(other.id));
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
            Arrays.stream(others).forEach(other -> inputs.add(other.id));
            return op(Operator.CONCAT, inputs, Map.of("axis", axes), Map.of());
        });
    }

    /** Returns the parts of this value that {@code indices} name along an axis. */
    public Value<Any> gather(String axis, Value<?> indices) {
        return resolving(
                new String[] {axis},
                axes -> op(Operator.GATHER, List.of(id, indices.id), Map.of("axis", axes), Map.of()));
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
        return new Value<>(recorder, op(operator, List.of(id, other.id), Map.of(), Map.of()));
    }

    private Value<Any> apply(Operator operator, Value<?> other) {
        return value(op(operator, List.of(id, other.id), Map.of(), Map.of()));
    }

    private int op(
            Operator operator, List<Integer> inputs, Map<String, List<Long>> attributes, Map<String, String> texts) {
        return recorder.add(new Node.Apply(operator, inputs, attributes, texts));
    }

    private Value<Any> constant(double number) {
        DType dtype = recorder.isBroken(id) ? DType.FLOAT32 : type().dtype();
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
