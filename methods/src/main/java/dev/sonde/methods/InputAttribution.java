package dev.sonde.methods;

import dev.sonde.Run;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.Value;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;

/** How much a metric depends on each token, or on any other value: by its gradient, or along a way from a baseline. */
public final class InputAttribution {
    private final Session session;
    private final RunInput input;
    private final Metric metric;
    private final Run run;
    private final Value<Any> number;

    private InputAttribution(Session session, RunInput input, Metric metric) {
        this.session = session;
        this.input = input;
        this.metric = metric;
        this.run = session.run(input);
        this.number = metric.of(run);
    }

    /** Returns the attributions of a run of that input. */
    public static InputAttribution of(Session session, RunInput input, Metric metric) {
        return new InputAttribution(session, input, metric);
    }

    /** Returns the run. */
    public Run run() {
        return run;
    }

    /** Returns the metric's gradient at a site, such as {@code Site.of("embed")}: shaped like the site, float32. */
    public <K extends Any> Value<K> gradient(Site<K> site) {
        return number.gradient(run.get(site));
    }

    /**
     * Returns the length of the gradient at each position, {@code [batch, position]}, in the metric's unit by that of the site
     * (Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2013, section 3, with the Euclidean norm).
     *
     * @param site with axis {@code d_model}
     */
    public Value<Any> saliency(Site<?> site) {
        return gradient(site).norm("d_model");
    }

    /**
     * Returns the gradient times the value, {@code [batch, position]}, in the metric's unit (Shrikumar, Greenside and Kundaje,
     * "Not Just a Black Box", 2016).
     *
     * @param site with axis {@code d_model}
     */
    public Value<Any> gradientTimesInput(Site<?> site) {
        return run.get(site).times(gradient(site)).sum("d_model");
    }

    /** Returns integrated gradients from zeros on; see {@link #integratedGradients(Site, Value, int)}. */
    public <K extends Any> Value<K> integratedGradients(Site<K> site, int steps) {
        return integratedGradients(site, run.get(site).times(0), steps);
    }

    /**
     * Returns each element's share of what the metric gains on the straight way from a baseline to the site's value: shaped like the
     * site, in the metric's unit. Their sum is the metric of this run less that of the run in which the site is the baseline
     * (Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017, section 3). The integral is found by
     * Gauss-Legendre quadrature; each step is a run, and the planner batches them.
     *
     * @param baseline shaped like the site, or broadcast to it
     * @param steps points of the quadrature
     */
    public <K extends Any> Value<K> integratedGradients(Site<K> site, Value<?> baseline, int steps) {
        Value<K> way = run.get(site).minus(baseline);
        Quadrature points = Quadrature.gaussLegendre(steps);
        Value<Any> sum = session.constant(0);
        for (int i = 0; i < steps; i++) {
            double at = points.points().get(i);
            Run between = session.run(input, t -> t.set(site, run.get(site).minus(way.times(1 - at))));
            sum = metric.of(between)
                    .gradient(between.get(site).as(Any.class))
                    .times(points.weights().get(i))
                    .plus(sum);
        }
        return way.times(sum);
    }
}
