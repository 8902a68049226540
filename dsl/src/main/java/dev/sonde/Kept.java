package dev.sonde;

import dev.sonde.graph.RunInput;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/** A value that steps of a generation keep. Where the prompt pass shows all of the prompt, its tensor has another shape. */
public final class Kept {
    private final String name;
    private final List<Part> parts;
    private final IntSupplier ran;

    /** Steps whose values have one shape. */
    record Part(List<RunInput.Range> steps, Saved<Tensor> saved) {}

    Kept(String name, List<Part> parts, IntSupplier ran) {
        this.name = name;
        this.parts = List.copyOf(parts);
        this.ran = ran;
    }

    /** Returns the numbers of the steps that kept it and truly ran. */
    public List<Integer> steps() {
        List<Integer> all = new ArrayList<>();
        parts.forEach(part -> all.addAll(steps(part)));
        return all.stream().sorted().toList();
    }

    private List<Integer> steps(Part part) {
        List<Integer> steps = new ArrayList<>();
        for (RunInput.Range range : part.steps()) {
            for (long step = range.from(); step < Math.min(range.to(), ran.getAsInt()); step++) {
                steps.add((int) step);
            }
        }
        return steps;
    }

    /**
     * Returns the values of all steps that kept it and truly ran, along a first axis {@code step}.
     *
     * @throws SondeException {@code shape-mismatch} if the steps' values differ in shape
     */
    public Tensor tensor() {
        if (parts.size() != 1) {
            throw new SondeException(
                    "shape-mismatch",
                    "'" + name + "' has another shape in the prompt pass than later: expected a value at last(), or"
                            + " step(n) for each step alone");
        }
        return parts.get(0).saved().value();
    }

    /**
     * Returns the value of one step.
     *
     * @throws SondeException {@code step-not-run} if that step did not keep it or never ran
     */
    public Tensor step(int step) {
        for (Part part : parts) {
            int at = steps(part).indexOf(step);
            if (at >= 0) {
                return part.saved().value().row(at);
            }
        }
        throw new SondeException(
                "step-not-run",
                "Step " + step + " did not keep '" + name + "' or did not run: expected one of " + steps());
    }
}
