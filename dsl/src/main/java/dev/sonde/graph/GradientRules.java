package dev.sonde.graph;

import dev.sonde.SondeException;
import java.util.List;

/** Says of what there is a gradient, and what type it has. */
final class GradientRules {
    private GradientRules() {}

    static ValueType type(Node.Gradient gradient, List<ValueType> types) {
        ValueType wrt = types.get(gradient.wrt());
        if (!wrt.dtype().isFloat()) {
            throw new SondeException(
                    "not-differentiable",
                    "There is no gradient with respect to whole numbers: expected a value of floats but was " + wrt);
        }
        for (int i = 0; i < gradient.of().size(); i++) {
            ValueType of = types.get(gradient.of().get(i));
            if (gradient.seeds().isEmpty()) {
                checkScalar(of);
            } else {
                checkSeed(of, types.get(gradient.seeds().get(i)));
            }
        }
        return wrt;
    }

    private static void checkScalar(ValueType of) {
        boolean one = of.dims().stream().allMatch(dim -> dim.size() == 1 || dim.size() == Dim.UNKNOWN);
        if (!of.dtype().isFloat() || !one) {
            throw new SondeException(
                    "not-a-scalar",
                    "Only a single number of floats has a gradient: expected for example loss.sum() but was " + of);
        }
    }

    private static void checkSeed(ValueType of, ValueType seed) {
        boolean fits = of.rank() == seed.rank() && of.dtype() == seed.dtype();
        for (int i = 0; fits && i < of.rank(); i++) {
            fits = ShapeRules.fits(
                    Dim.of(of.dims().get(i).size()), Dim.of(seed.dims().get(i).size()));
        }
        if (!fits) {
            throw new SondeException(
                    "shape-mismatch", "A seed weighs each element: expected " + of + " but was " + seed);
        }
    }

    static void check(Effect.GradientWrite write, List<ValueType> types) {
        checkScalar(types.get(write.of()));
        ShapeRules.checkWrite("gradient", types.get(write.wrt()), types.get(write.value()));
    }
}
