package dev.sonde.onnx;

import static dev.sonde.Selector.index;
import static dev.sonde.Selector.indices;
import static dev.sonde.Selector.range;

import dev.sonde.DType;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Every operator of the language, under the names that {@code scripts/make_operators.py} gives to what numpy and torch say. */
final class OperatorCases {
    private static final Map<String, Case> ALL = new LinkedHashMap<>();

    /** The first operator sets that have what some cases need. */
    static final Map<String, Integer> SINCE = Map.of("einsum diagonal", 12, "trilu by apply", 14);

    /** Writes an operator down. */
    interface Case {
        Value<?> of(Function<String, Value<Any>> in, Session s);
    }

    private OperatorCases() {}

    static Map<String, Case> all() {
        return ALL;
    }

    private static void add(String name, Case each) {
        ALL.put(name, each);
    }

    private static void f(String name, Function<Value<Any>, Value<?>> of) {
        add(name, (in, s) -> of.apply(in.apply("f")));
    }

    private static void i(String name, Function<Value<Any>, Value<?>> of) {
        add(name, (in, s) -> of.apply(in.apply("i")));
    }

    /** What is computed of two inputs. */
    interface Two {
        Value<?> of(Value<Any> a, Value<Any> b);
    }

    private static void two(String name, String a, String b, Two of) {
        add(name, (in, s) -> of.of(in.apply(a), in.apply(b)));
    }

    static {
        arithmetic();
        comparisons();
        whole();
        products();
        reductions();
        form();
        regions();
        foreign();
    }

    private static void arithmetic() {
        two("plus", "f", "g", Value::plus);
        two("plus row", "f", "row", Value::plus);
        two("plus column", "f", "col", Value::plus);
        f("plus number", x -> x.plus(1.5));
        two("plus scalar", "f", "one", Value::plus);
        two("minus", "f", "g", Value::minus);
        f("minus number", x -> x.minus(0.25));
        two("times", "f", "g", Value::times);
        f("times number", x -> x.times(-3));
        two("over", "f", "h", Value::over);
        f("over number", x -> x.over(4));
        add("pow", (in, s) -> in.apply("h").pow(2.5));
        f("pow of negative", x -> x.pow(3));
        two("max", "f", "row", Value::max);
        two("min", "f", "g", Value::min);
        f("negate", Value::negate);
        f("abs", Value::abs);
        f("exp", Value::exp);
        add("log", (in, s) -> in.apply("h").log());
        add("sqrt", (in, s) -> in.apply("h").sqrt());
        add("reciprocal", (in, s) -> in.apply("h").reciprocal());
        f("relu", Value::relu);
        f("sigmoid", Value::sigmoid);
        f("tanh", Value::tanh);
        f("sin", Value::sin);
        f("cos", Value::cos);
        f("erf", Value::erf);
        f("floor", x -> x.times(2).floor());
        f("ceil", x -> x.times(2).ceil());
        add("round", (in, s) -> in.apply("halves").round());
        f("sign", Value::sign);
        f("gelu", Value::gelu);
        f("silu", Value::silu);
    }

    private static void comparisons() {
        add("is nan", (in, s) -> in.apply("odd").isNaN());
        add("is infinite", (in, s) -> in.apply("odd").isInfinite());
        two("greater", "f", "g", Value::greaterThan);
        f("greater number", x -> x.greaterThan(0.1));
        two("less", "f", "row", Value::lessThan);
        f("less number", x -> x.lessThan(0.1));
        two("equal int", "i", "j", Value::equalTo);
        i("equal number", x -> x.equalTo(5));
        two("at least", "i", "j", Value::atLeast);
        two("at most", "i", "j", Value::atMost);
        two("at least float", "f", "g", (a, b) -> a.atLeast(a.max(b)));
        two("and", "p", "q", Value::and);
        two("or", "p", "q", Value::or);
        add("not", (in, s) -> in.apply("p").not());
        two("choose", "f", "g", (a, b) -> a.greaterThan(0).choose(a, b));
        add("choose row", (in, s) -> s.when(in.apply("p").unsqueeze(2, ""), in.apply("f"), in.apply("row")));
        add("choose int", (in, s) -> in.apply("p").choose(in.apply("i"), in.apply("j")));
        two("choose bool", "p", "q", (p, q) -> p.choose(q, q.not()));
    }

    private static void whole() {
        two("int plus", "i", "j", Value::plus);
        two("int minus", "i", "j", Value::minus);
        two("int times", "i", "j", Value::times);
        two("int over", "i", "j", Value::over);
        i("int negate", Value::negate);
        i("int abs", Value::abs);
        two("int max", "i", "j", Value::max);
        two("int min", "i", "j", Value::min);
        i("int sign", Value::sign);
        i("int sum", x -> x.sum("1"));
        i("int cumulative", x -> x.cumulativeSum("-1"));
        i("int largest", x -> x.largest("1"));
        i("int argmax", x -> x.argmax("1"));
        i("int relu", Value::relu);
        i("int top", x -> x.topK("1", 2));
        f("cast to int", x -> x.times(3).cast(DType.INT64));
        i("cast to bool", x -> x.cast(DType.BOOL));
        add("cast to float", (in, s) -> in.apply("p").cast(DType.FLOAT32));
    }

    private static void products() {
        two("matmul", "f", "w", Value::matmul);
        two("matmul batched", "f", "b", Value::matmul);
        two("matmul vector", "f", "v", Value::matmul);
        two("vector matmul", "v", "w", Value::matmul);
        two("vector vector", "v", "row", Value::matmul);
        two("einsum", "f", "w", (f, w) -> f.einsum("bpd,de->bpe", w));
        two("einsum dot", "f", "g", (f, g) -> f.einsum("bpd,bqd->bpq", g));
        add("einsum diagonal", (in, s) -> in.apply("square").einsum("ii->i"));
        f("einsum sum", x -> x.einsum("bpd->d"));
        two("dot", "f", "g", (f, g) -> f.dot(g, "-1"));
        two("cosine", "f", "g", (f, g) -> f.cosineSimilarity(g, "-1"));
    }

    private static void reductions() {
        f("sum", Value::sum);
        f("sum last", x -> x.sum("-1"));
        f("sum two", x -> x.sum("0", "-1"));
        f("sum keeping", x -> x.sumKeeping("1"));
        f("mean", x -> x.mean("-2"));
        f("mean all", Value::mean);
        f("mean keeping", x -> x.meanKeeping("1", "2"));
        f("largest", x -> x.largest("1", "2"));
        f("smallest", x -> x.smallest("0"));
        f("norm", x -> x.norm("-1"));
        f("norm all", Value::norm);
        f("product", x -> x.product("2"));
        f("log sum exp", x -> x.logSumExp("2"));
        f("log sum exp large", x -> x.times(1000).logSumExp("0", "2"));
        f("variance", x -> x.variance("-1"));
        f("layer norm", x -> x.layerNorm("-1", 1e-5));
        f("rms norm", x -> x.rmsNorm("-1", 1e-6));
        two("cross entropy", "f", "t", (f, t) -> f.crossEntropy(t, "-1"));
        two("cross entropy middle", "f", "middle", (f, t) -> f.crossEntropy(t, "1"));
        f("softmax", x -> x.softmax("-1"));
        f("softmax middle", x -> x.softmax("1"));
        f("softmax first", x -> x.softmax("0"));
        f("log softmax", x -> x.logSoftmax("2"));
        f("log softmax first", x -> x.logSoftmax("-3"));
        f("softmax large", x -> x.times(1000).softmax("1"));
        f("cumulative", x -> x.cumulativeSum("1"));
        f("cumulative last", x -> x.cumulativeSum("-1"));
        f("argmax", x -> x.argmax("-1"));
        f("argmax first", x -> x.argmax("0"));
        f("argmin", x -> x.argmin("1"));
        f("top", x -> x.topK("-1", 2));
        f("top indices", x -> x.topKIndices("2", 2));
        f("top first axis", x -> x.topK("0", 1));
    }

    private static void form() {
        f("reshape", x -> x.reshape(List.of(2L, 12L), List.of()));
        f("reshape rest", x -> x.reshape(List.of(-1L, 2L, 2L), List.of()));
        f("transpose", x -> x.rename("a", "b", "c").transpose("c", "a", "1"));
        f("unsqueeze", x -> x.unsqueeze(2, "head"));
        f("unsqueeze last", x -> x.unsqueeze(3, ""));
        add("squeeze", (in, s) -> in.apply("col").squeeze("-1"));
        two("concat", "f", "g", (f, g) -> f.concat("1", g, f));
        two("concat first", "f", "g", (f, g) -> f.concat("0", g));
        two("concat last", "f", "g", (f, g) -> f.concat("-1", g));
        add("stack", (in, s) -> s.stack("which", List.of(in.apply("f"), in.apply("g"))));
        add(
                "stack scalars",
                (in, s) -> s.stack(
                        "which", List.of(in.apply("f").sum(), in.apply("g").sum(), in.apply("one"))));
        two("gather", "f", "pick", (f, p) -> f.gather("1", p));
        two("gather matrix", "w", "t", (w, t) -> w.gather("1", t));
        add("gather scalar", (in, s) -> in.apply("f").gather("1", s.constant(Tensor.scalar(DType.INT64, 1))));
        two("gather along", "f", "along", (f, a) -> f.gatherAlong("2", a));
        add("scatter along", (in, s) -> in.apply("f").scatterAlong("-1", in.apply("distinct"), in.apply("updates")));
        f("split second", x -> x.split("2", 1, 3).get(1));
        add("one hot", (in, s) -> in.apply("t").oneHot(5, "class"));
        add("expand", (in, s) -> in.apply("row").expand(2, 3, 4));
        add("expand column", (in, s) -> in.apply("col").expand(3, 6));
    }

    private static void regions() {
        f("at index", x -> x.at(index("1", 1)));
        f("at last", x -> x.at(index("-2", -1)));
        f("at indices", x -> x.at(indices("1", List.of(-1L, 0L))));
        f("at range", x -> x.at(range("1", 1, Long.MAX_VALUE)));
        f("at step", x -> x.at(range("2", 0, 4, 2)));
        f("at two", x -> x.at(index("1", 1), index("2", 2)));
        two("with index", "f", "g", (f, g) -> f.with(index("1", 1), g.at(index("1", 2))));
        f("with indices number", x -> x.with(indices("2", List.of(3L, 0L)), 7));
        two("from region", "f", "g", (f, g) -> f.from(g, range("1", 0, 2), range("2", -3, -1)));
        two("with row", "f", "row", (f, row) -> f.with(index("0", 1), row));
        i("with int", x -> x.with(index("1", 1), -4));
        add("with bool", (in, s) -> in.apply("p").with(index("1", 0), 0));
    }

    private static void foreign() {
        f("gelu by apply", x -> x.apply("com.microsoft:Gelu", Map.of()));
        f("leaky by apply", x -> x.apply("LeakyRelu", Map.of("alpha", 0.125)));
        add("clip by apply", (in, s) -> in.apply("f").apply("Clip", Map.of(), s.constant(-0.5), s.constant(0.5)));
        add(
                "pad by apply",
                (in, s) ->
                        in.apply("f").apply("Pad", Map.of(), s.constant(Tensor.of(new long[] {0, 0, 1, 0, 0, 2}, 6))));
        add("trilu by apply", (in, s) -> in.apply("square").apply("Trilu", Map.of("upper", 1)));
        add(
                "top index by apply",
                (in, s) ->
                        in.apply("f").apply("TopK", 1, Map.of("axis", -1), s.constant(Tensor.of(new long[] {2}, 1))));
    }
}
