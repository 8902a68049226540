package dev.sonde.methods;

import dev.sonde.Run;
import dev.sonde.Selector;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.manifest.ModelManifest;
import java.util.List;
import java.util.function.IntFunction;

/**
 * The first-order estimate of {@link ActivationPatching}, all patches from one backward pass of the corrupt run: the difference of
 * the activations times the metric's gradient (Nanda, "Attribution Patching", 2023; Syed, Rager and Conmy, "Attribution Patching
 * Outperforms Automated Circuit Discovery", 2023, section 2).
 *
 * <p>All results are normalised as those of activation patching are: 0 means that the patch changes nothing, 1 that it brings the
 * clean run's metric back. Where the model is far from linear between the two runs, as in early layers, the estimate is poor.
 */
public final class AttributionPatching {
    private final ModelManifest manifest;
    private final Run clean;
    private final Run corrupt;
    private final Value<Any> without;
    private final Value<Any> whole;

    private AttributionPatching(Session session, RunInput clean, RunInput corrupt, Metric metric) {
        this.manifest = session.manifest();
        this.clean = session.run(clean);
        this.corrupt = session.run(corrupt);
        this.without = metric.of(this.corrupt);
        this.whole = metric.of(this.clean).minus(without);
    }

    /**
     * Returns the comparison of two prompts, or of two batches of prompts row by row.
     *
     * @param clean as many rows and tokens as {@code corrupt}
     * @param metric judges both runs; it is differentiated
     */
    public static AttributionPatching of(Session session, RunInput clean, RunInput corrupt, Metric metric) {
        return new AttributionPatching(session, clean, corrupt, metric);
    }

    /** Returns the comparison of two prompts of as many tokens. */
    public static AttributionPatching of(Session session, String clean, String corrupt, Metric metric) {
        return of(session, session.input(clean), session.input(corrupt), metric);
    }

    /** Returns the estimated effect of patching each element of a site: shaped like the site, float32, without unit. */
    public <K extends Any> Value<K> attribute(Site<K> site) {
        Value<K> there = corrupt.get(site);
        return clean.get(site).minus(there).times(without.gradient(there)).over(whole);
    }

    /** Returns the estimated effect of patching one region of a site; all of it if no selector is given. */
    public Value<Any> patch(Site<?> site, Selector... region) {
        Value<Any> all = attribute(site).as(Any.class);
        return (region.length == 0 ? all : all.at(region)).sum();
    }

    /**
     * Returns the estimated effect of each layer's site at each position.
     *
     * @param name the standard name, such as {@code resid_pre}, {@code resid_post}, {@code attn_out}, {@code mlp_out}
     * @return {@code [layer, position]}, float32, without unit
     */
    public Value<Any> byLayerAndPosition(String name) {
        return byLayerAndPosition(layer -> StandardSites.of(layer, name));
    }

    /** Returns the estimated effect of each layer's site at each position: {@code [layer, position]}, float32, without unit. */
    public Value<Any> byLayerAndPosition(IntFunction<? extends Site<? extends Any>> site) {
        return layers(layer -> attribute(site.apply(layer)).sum("batch", "d_model"));
    }

    /** Returns the estimated effect of each head's output {@code z}: {@code [layer, head]}, float32, without unit. */
    public Value<Any> byHead() {
        return layers(layer -> attribute(StandardSites.of(layer, "z")).sum("batch", "position", "d_head"));
    }

    private Value<Any> layers(IntFunction<Value<Any>> each) {
        List<Value<Any>> rows =
                StandardSites.layers(manifest).stream().map(each::apply).toList();
        Value<?>[] others = rows.subList(1, rows.size()).toArray(Value<?>[]::new);
        return rows.get(0).stack("layer", others);
    }
}
