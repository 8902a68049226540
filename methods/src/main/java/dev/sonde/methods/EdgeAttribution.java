package dev.sonde.methods;

import static dev.sonde.Selector.index;

import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ValueType;
import dev.sonde.kind.Any;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.ObjIntConsumer;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Which edges between embeddings, attention (or its heads), MLPs and output carry what makes two prompts differ: how much the metric of
 * the clean run would change, to first order, if the lower end alone received from the upper one what it adds to the stream in the
 * corrupt run (edge attribution patching, EAP: Syed, Rager and Conmy, "Attribution Patching Outperforms Automated Circuit Discovery",
 * 2023, section 2). The integrated form takes the mean of the gradients while the embeddings go from the corrupt to the clean ones
 * (EAP-IG: Hanna, Pezzelle and Belinkov, "Have Faith in Faithfulness", 2024, section 3).
 *
 * <p>Where a model's stream is no sum of what attention and MLPs add, as with a norm behind it, scores are NaN.
 */
public final class EdgeAttribution {
    private static final double SUM_TOLERANCE = 1e-3;
    private static final List<String> LETTERS = List.of("q", "k", "v");

    private final Session session;
    private final RunInput cleanInput;
    private final Metric metric;
    private final Run clean;
    private final Run corrupt;
    private final int layers;
    private final boolean byHead;

    /**
     * An end of edges.
     *
     * @param stage of an upper end: how much has been added to the stream before and with it; of a lower end: how much it sees
     */
    private record End(String name, int stage) {}

    private EdgeAttribution(Session session, RunInput clean, RunInput corrupt, Metric metric, boolean byHead) {
        this.session = session;
        this.cleanInput = clean;
        this.metric = metric;
        this.clean = session.run(clean);
        this.corrupt = session.run(corrupt);
        this.layers = session.manifest().layers();
        this.byHead = byHead;
    }

    /**
     * Returns the comparison of two prompts, or of two batches of prompts row by row, of as many tokens. Ends are whole attention layers
     * and MLPs.
     *
     * @param metric judges runs; it is differentiated
     */
    public static EdgeAttribution of(Session session, RunInput clean, RunInput corrupt, Metric metric) {
        return new EdgeAttribution(session, clean, corrupt, metric, false);
    }

    /**
     * Returns the comparison with heads as upper ends, and heads' queries, keys and values as lower ends. The clean prompts run once
     * more for each head.
     */
    public static EdgeAttribution byHead(Session session, RunInput clean, RunInput corrupt, Metric metric) {
        return new EdgeAttribution(session, clean, corrupt, metric, true);
    }

    /** Returns the upper ends in the order of the results' rows: {@code embed, attn_0, mlp_0, ...}; heads are {@code a0.h1}. */
    public List<String> sources() {
        return names(upper());
    }

    /**
     * Returns the lower ends in the order of the results' columns: {@code attn_0, mlp_0, ..., logits}; heads are {@code a0.h1<q>}, all
     * queries of a layer before its keys, and these before its values.
     */
    public List<String> destinations() {
        return names(lower());
    }

    /** Returns each edge's score, 0 where there is no edge: {@code [source, destination]}, float32, in the metric's unit. */
    public Value<Any> scores() {
        return scores(gradients((t, times) -> {}));
    }

    /**
     * Returns each edge's score by EAP-IG: {@code [source, destination]}, float32, in the metric's unit.
     *
     * @param steps how many runs lie between the two, 5 in the paper
     */
    public Value<Any> integratedScores(int steps) {
        Site<Any> embedded = StandardSites.of(0, "resid_pre");
        Value<Any> from = corrupt.get(embedded);
        Value<Any> way = clean.get(embedded).minus(from);
        Value<Any> sum = session.constant(0);
        for (int k = 1; k <= steps; k++) {
            double share = k / (double) steps;
            Value<Any> between = from.plus(way.times(share));
            sum = gradients((t, times) -> t.set(
                            embedded,
                            between.concat(
                                    "batch",
                                    Collections.nCopies(times - 1, between).toArray(Value<?>[]::new))))
                    .plus(sum);
        }
        return scores(sum.over(steps));
    }

    private Value<Any> scores(Value<Any> gradients) {
        return isSum().choose(
                        session.stack("source", differences())
                                .einsum("sbpd,tbpd->st", gradients)
                                .times(session.constant(edges())),
                        session.constant(Double.NaN))
                .rename("source", "destination");
    }

    // Ends.

    private List<End> upper() {
        List<End> ends = new ArrayList<>(List.of(new End("embed", 0)));
        for (int layer = 0; layer < layers; layer++) {
            if (byHead) {
                for (long head = 0; head < heads(layer, "result"); head++) {
                    ends.add(new End("a" + layer + ".h" + head, 2 * layer + 1));
                }
            } else {
                ends.add(new End("attn_" + layer, 2 * layer + 1));
            }
            ends.add(new End(mlp(layer), 2 * layer + 2));
        }
        return ends;
    }

    private List<End> lower() {
        List<End> ends = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            if (byHead) {
                for (String letter : LETTERS) {
                    for (long head = 0; head < heads(layer, site(letter)); head++) {
                        ends.add(new End("a" + layer + ".h" + head + "<" + letter + ">", 2 * layer));
                    }
                }
            } else {
                ends.add(new End("attn_" + layer, 2 * layer));
            }
            ends.add(new End(mlp(layer), isParallel(layer) ? 2 * layer : 2 * layer + 1));
        }
        ends.add(new End("logits", 2 * layers));
        return ends;
    }

    private static List<String> names(List<End> ends) {
        return ends.stream().map(End::name).toList();
    }

    private String mlp(int layer) {
        return (byHead ? "m" : "mlp_") + layer;
    }

    private static String site(String letter) {
        return letter.equals("v") ? letter : letter + "_pre";
    }

    private long heads(int layer, String name) {
        ValueType type = clean.get(StandardSites.of(layer, name)).type();
        return type.dims().get(type.axis(axis(type))).size();
    }

    private static String axis(ValueType type) {
        return type.names().contains("head") ? "head" : "kv_head";
    }

    private boolean isParallel(int layer) {
        return session.manifest().find("layers." + layer + "#resid_mid").isEmpty();
    }

    private Tensor edges() {
        List<End> upper = upper();
        List<End> lower = lower();
        float[] edges = new float[upper.size() * lower.size()];
        for (int i = 0; i < upper.size(); i++) {
            for (int j = 0; j < lower.size(); j++) {
                edges[i * lower.size() + j] =
                        upper.get(i).stage() <= lower.get(j).stage() ? 1 : 0;
            }
        }
        return Tensor.of(edges, upper.size(), lower.size());
    }

    // What upper ends add.

    private List<Value<Any>> differences() {
        List<Value<Any>> made = new ArrayList<>(List.of(difference(0, "resid_pre")));
        for (int layer = 0; layer < layers; layer++) {
            if (byHead) {
                Value<Any> all = difference(layer, "result");
                LongStream.range(0, heads(layer, "result")).forEach(head -> made.add(all.at(index("head", head))));
            } else {
                made.add(difference(layer, "attn_out"));
            }
            made.add(difference(layer, "mlp_out"));
        }
        return made;
    }

    private Value<Any> difference(int layer, String name) {
        Site<Any> site = StandardSites.of(layer, name);
        return corrupt.get(site).minus(clean.get(site));
    }

    /** Whether the stream is the sum of what is added to it. */
    private Value<Any> isSum() {
        Value<Any> off = session.constant(0);
        for (int layer = 0; layer < layers; layer++) {
            Value<Any> post = difference(layer, "resid_post");
            Value<Any> attention = byHead ? difference(layer, "result").sum("head") : difference(layer, "attn_out");
            off = off.max(post.minus(difference(layer, "resid_pre"))
                    .minus(attention)
                    .minus(difference(layer, "mlp_out"))
                    .abs()
                    .largest()
                    .over(post.abs().largest().plus(Float.MIN_NORMAL)));
        }
        return off.lessThan(session.constant(SUM_TOLERANCE));
    }

    // What lower ends do.

    /**
     * Returns the gradient that comes by way of each lower end alone: {@code [destination, batch, position, d_model]}.
     *
     * @param edits of a run, which are told how often the rows are there
     */
    private Value<Any> gradients(ObjIntConsumer<Trace> edits) {
        Run run = session.run(cleanInput, t -> edits.accept(t, 1));
        Value<Any> number = metric.of(run);
        @Nullable
        Run copies = byHead ? session.run(Rows.repeated(cleanInput, copies()), t -> edits.accept(t, copies())) : null;
        List<Value<Any>> found = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            Value<Any> before = run.get(StandardSites.of(layer, "resid_pre"));
            if (copies == null) {
                found.add(through(number, run.get(StandardSites.of(layer, "attn_out")), before));
            } else {
                for (String letter : LETTERS) {
                    found.addAll(throughHeads(number, run, copies, layer, letter));
                }
            }
            Value<Any> middle = isParallel(layer) ? before : run.get(StandardSites.of(layer, "resid_mid"));
            found.add(through(number, run.get(StandardSites.of(layer, "mlp_out")), middle));
        }
        found.add(number.gradient(run.get(StandardSites.last(run, "resid_post"))));
        return session.stack("destination", found);
    }

    private int copies() {
        return Math.toIntExact(heads(0, "result"));
    }

    private static Value<Any> through(Value<Any> number, Value<Any> inner, Value<Any> outer) {
        return inner.times(number.gradient(inner).stopGradient()).sum().gradient(outer);
    }

    /** All heads in one pass: copy h of the rows hands on the gradient of head h alone. */
    private List<Value<Any>> throughHeads(Value<Any> number, Run run, Run copies, int layer, String letter) {
        Site<Any> site = StandardSites.of(layer, site(letter));
        Value<Any> gradient = number.gradient(run.get(site)).stopGradient();
        ValueType type = gradient.type();
        int at = type.axis(axis(type));
        long[] one = new long[type.rank() + 1];
        Arrays.fill(one, 1);
        one[0] = copies();
        one[at + 1] = type.dims().get(at).size();
        Value<Any> own = byCopy(copies.get(site)).times(gradient).times(session.constant(diagonal(one)));
        Value<Any> found = byCopy(own.sum().gradient(copies.get(StandardSites.of(layer, "resid_pre"))));
        return LongStream.range(0, one[at + 1])
                .mapToObj(head -> found.at(index("0", head)))
                .toList();
    }

    /** Makes an axis of its own of the copies. */
    private Value<Any> byCopy(Value<Any> rows) {
        List<Long> shape = new ArrayList<>();
        List<String> names = new ArrayList<>(List.of(""));
        names.addAll(rows.type().names());
        rows.type().dims().forEach(dim -> shape.add(dim.size()));
        shape.add(0, (long) copies());
        shape.set(1, shape.get(1) / copies());
        return rows.reshape(shape, names);
    }

    private static Tensor diagonal(long... shape) {
        int columns = Math.toIntExact(Arrays.stream(shape).skip(1).reduce(1, (a, b) -> a * b));
        float[] numbers = new float[(int) shape[0] * columns];
        for (int i = 0; i < columns; i++) {
            numbers[i * columns + i] = 1;
        }
        return Tensor.of(numbers, shape);
    }
}
