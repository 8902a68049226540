package dev.sonde.methods;

import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import java.util.ArrayList;
import java.util.List;

/**
 * Which edges between attention, MLPs, embeddings and output carry what makes two prompts differ: what the upper end adds to the
 * stream in the clean run beyond the corrupt one, times the metric's gradient by way of the lower end alone (edge attribution
 * patching, EAP: Syed, Rager and Conmy, "Attribution Patching Outperforms Automated Circuit Discovery", 2023), or times the mean of
 * that gradient while the embeddings go from the corrupt to the clean ones (EAP-IG: Hanna, Pezzelle and Belinkov, "Have Faith in
 * Faithfulness", 2024, section 3).
 *
 * <p>The gradient by way of a block's attention is that of {@code resid_pre} less that of {@code resid_mid}, since the stream is
 * their sum; likewise for the MLP. Where a model's stream is no such sum, as with a norm behind it, scores are NaN.
 */
public final class EdgeAttribution {
    private static final double SUM_TOLERANCE = 1e-3;

    private final Session session;
    private final RunInput corruptInput;
    private final Metric metric;
    private final Run clean;
    private final Run corrupt;
    private final int layers;

    private EdgeAttribution(Session session, RunInput clean, RunInput corrupt, Metric metric) {
        this.session = session;
        this.corruptInput = corrupt;
        this.metric = metric;
        this.clean = session.run(clean);
        this.corrupt = session.run(corrupt);
        this.layers = session.manifest().layers();
    }

    /**
     * Returns the comparison of two prompts, or of two batches of prompts row by row, of as many tokens.
     *
     * @param metric judges runs; it is differentiated
     */
    public static EdgeAttribution of(Session session, RunInput clean, RunInput corrupt, Metric metric) {
        return new EdgeAttribution(session, clean, corrupt, metric);
    }

    /** Returns the upper ends in the order of the results' rows: {@code embed}, {@code attn_0}, {@code mlp_0}, .... */
    public List<String> sources() {
        List<String> names = new ArrayList<>(List.of("embed"));
        names.addAll(destinations().subList(0, 2 * layers));
        return names;
    }

    /** Returns the lower ends in the order of the results' columns: {@code attn_0}, {@code mlp_0}, ..., {@code logits}. */
    public List<String> destinations() {
        List<String> names = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            names.add("attn_" + layer);
            names.add("mlp_" + layer);
        }
        names.add("logits");
        return names;
    }

    /** Returns each edge's score, 0 where there is no edge: {@code [source, destination]}, float32, in the metric's unit. */
    public Value<Any> scores() {
        return scores(gradients(corrupt));
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
            sum = gradients(session.run(corruptInput, t -> t.set(embedded, from.plus(way.times(share)))))
                    .plus(sum);
        }
        return scores(sum.over(steps));
    }

    private Value<Any> scores(Value<Any> gradients) {
        List<Value<Any>> made = new ArrayList<>(List.of(difference(0, "resid_pre")));
        Value<Any> off = session.constant(0);
        for (int layer = 0; layer < layers; layer++) {
            made.add(difference(layer, "attn_out"));
            made.add(difference(layer, "mlp_out"));
            off = off.max(rest(layer, "resid_pre", "attn_out", "resid_mid"))
                    .max(rest(layer, "resid_mid", "mlp_out", "resid_post"));
        }
        Value<Any> scores =
                session.stack("source", made).einsum("sbpd,tbpd->st", gradients).times(session.constant(edges()));
        return off.lessThan(session.constant(SUM_TOLERANCE))
                .choose(scores, session.constant(Double.NaN))
                .rename("source", "destination");
    }

    /** How far a sum of the stream is from being one. */
    private Value<Any> rest(int layer, String before, String added, String after) {
        Value<Any> sum = corrupt.get(StandardSites.of(layer, after));
        return sum.minus(corrupt.get(StandardSites.of(layer, before)))
                .minus(corrupt.get(StandardSites.of(layer, added)))
                .abs()
                .largest()
                .over(sum.abs().largest());
    }

    private Value<Any> difference(int layer, String name) {
        Site<Any> site = StandardSites.of(layer, name);
        return clean.get(site).minus(corrupt.get(site));
    }

    /** Returns the gradient that goes by way of each lower end alone. */
    private Value<Any> gradients(Run run) {
        Value<Any> number = metric.of(run);
        List<Value<Any>> found = new ArrayList<>();
        Value<Any> above = number.gradient(run.get(StandardSites.of(0, "resid_pre")));
        for (int layer = 0; layer < layers; layer++) {
            for (String below : List.of("resid_mid", "resid_post")) {
                Value<Any> next = number.gradient(run.get(StandardSites.of(layer, below)));
                found.add(above.minus(next));
                above = next;
            }
        }
        found.add(above);
        return session.stack("destination", found);
    }

    private Tensor edges() {
        int count = 2 * layers + 1;
        float[] edges = new float[count * count];
        for (int source = 0; source < count; source++) {
            java.util.Arrays.fill(edges, source * count + source, (source + 1) * count, 1);
        }
        return Tensor.of(edges, count, count);
    }
}
