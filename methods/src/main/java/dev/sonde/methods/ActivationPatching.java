package dev.sonde.methods;

import static dev.sonde.Selector.head;
import static dev.sonde.Selector.position;

import dev.sonde.Run;
import dev.sonde.Selector;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Which places carry what makes two prompts differ: a corrupt run is repeated with one activation after the other taken from
 * the clean run (Vig et al., "Investigating Gender Bias in Language Models Using Causal Mediation Analysis", 2020; Meng et al.,
 * "Locating and Editing Factual Associations in GPT", 2022, section 2).
 *
 * <p>All results are normalised, {@code (patched - corrupt) / (clean - corrupt)}: 0 means that the patch changes nothing, 1
 * that it brings the clean run's metric back.
 */
public final class ActivationPatching {
    private final Session session;
    private final RunInput corruptInput;
    private final Metric metric;
    private final Run clean;
    private final Run corrupt;

    private ActivationPatching(Session session, RunInput clean, RunInput corrupt, Metric metric) {
        this.session = session;
        this.corruptInput = corrupt;
        this.metric = metric;
        this.clean = session.run(clean);
        this.corrupt = session.run(corrupt);
    }

    /**
     * Returns the comparison of two prompts, or of two batches of prompts row by row.
     *
     * @param clean as many rows and tokens as {@code corrupt}
     * @param metric judges every run
     */
    public static ActivationPatching of(Session session, RunInput clean, RunInput corrupt, Metric metric) {
        return new ActivationPatching(session, clean, corrupt, metric);
    }

    /** Returns the comparison of two prompts of as many tokens. */
    public static ActivationPatching of(Session session, String clean, String corrupt, Metric metric) {
        return of(session, session.input(clean), session.input(corrupt), metric);
    }

    /** Returns the clean run. */
    public Run clean() {
        return clean;
    }

    /** Returns the corrupt run. */
    public Run corrupt() {
        return corrupt;
    }

    /** Returns the effect of patching one region of a site; all of it if no selector is given. */
    public <K extends Any> Value<Any> patch(Site<K> site, Selector... region) {
        Value<K> donor = clean.get(site);
        Run patched =
                session.run(corruptInput, t -> t.update(site, v -> region.length == 0 ? donor : v.from(donor, region)));
        Value<Any> without = metric.of(corrupt);
        return metric.of(patched).minus(without).over(metric.of(clean).minus(without));
    }

    /**
     * Returns the effect of each layer's residual stream at each position.
     *
     * @param name the standard name, such as {@code resid_pre}, {@code resid_post}, {@code attn_out}, {@code mlp_out}
     * @return {@code [layer, position]}, float32, without unit
     */
    public Value<Any> byLayerAndPosition(String name) {
        return byLayerAndPosition(layer -> StandardSites.of(layer, name));
    }

    /**
     * Returns the effect of each layer's site at each position: {@code [layer, position]}, float32, without unit.
     *
     * @param site the site of a layer, such as {@code layer -> SmolLm2.layer(layer).residPost()} with generated handles
     */
    public Value<Any> byLayerAndPosition(IntFunction<? extends Site<? extends Any>> site) {
        return session.grid(
                        StandardSites.layers(session.manifest()),
                        corrupt.positions(),
                        (layer, at) -> patch(site.apply(layer), position(at)))
                .rename("layer", "position");
    }

    /** Returns the effect of each head's output {@code z}, at all positions: {@code [layer, head]}, float32, without unit. */
    public Value<Any> byHead() {
        List<Integer> heads = StandardSites.heads(corrupt, "z");
        return session.grid(
                        StandardSites.layers(session.manifest()),
                        heads,
                        (layer, h) -> patch(StandardSites.of(layer, "z"), head(h)))
                .rename("layer", "head");
    }

    /**
     * Returns the effect of each head's output {@code z} at each position: {@code [layer, head, position]}, float32, without
     * unit.
     */
    public Value<Any> byHeadAndPosition() {
        List<Integer> heads = StandardSites.heads(corrupt, "z");
        return session.stack(
                "layer",
                StandardSites.layers(session.manifest()).stream()
                        .map(layer -> session.grid(
                                        heads,
                                        corrupt.positions(),
                                        (h, at) -> patch(StandardSites.of(layer, "z"), head(h), position(at)))
                                .rename("head", "position"))
                        .toList());
    }
}
