package dev.sonde.graph;

import dev.sonde.DType;
import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/** What must be so of the generations in a graph, besides the types of values. */
final class GenerationRules {
    private final InterventionGraph graph;
    private final List<ValueType> types;
    private final int[] steps;

    private GenerationRules(InterventionGraph graph, List<ValueType> types) {
        this.graph = graph;
        this.types = types;
        this.steps = new int[graph.nodes().size()];
    }

    /** Checks a graph's generations. */
    static void check(InterventionGraph graph, List<ValueType> types) {
        if (graph.runs().stream().anyMatch(GenerationRules::isOfGeneration)) {
            new GenerationRules(graph, types).check();
        }
    }

    private static boolean isOfGeneration(RunInput run) {
        return run instanceof RunInput.Generation || run instanceof RunInput.Steps;
    }

    private void check() {
        for (int run = 0; run < graph.runs().size(); run++) {
            if (graph.runs().get(run) instanceof RunInput.Generation generation) {
                checkSteps(run, generation);
            } else if (graph.runs().get(run) instanceof RunInput.Steps later
                    && !(later.generation() < run
                            && later.generation() >= 0
                            && graph.runs().get(later.generation()) instanceof RunInput.Generation)) {
                throw bad("run " + run + " has steps of run " + later.generation() + ", which generates nothing");
            }
        }
        for (int id = 0; id < steps.length; id++) {
            steps[id] = owner(graph.runs(), graph.nodes().get(id), input -> steps[input]);
        }
        graph.saves().forEach((name, id) -> {
            if (steps[id] >= 0 && !name.startsWith(InterventionGraph.LOG)) {
                throw bad("'" + name + "' saves a value of steps: it must be taken over all of them");
            }
        });
        checkEffects();
        graph.nodes().forEach(this::checkOver);
    }

    /** Returns the run of the steps that a value is computed in, -1 for values outside of steps. */
    static int owner(List<RunInput> runs, Node node, IntUnaryOperator owners) {
        if (node instanceof Node.Carried carried) {
            return carried.run();
        }
        if (node instanceof Node.OverSteps) {
            return -1;
        }
        int owner = -1;
        if (node instanceof Node.Read read && runs.get(read.run()) instanceof RunInput.Steps) {
            owner = read.run();
        } else if (node instanceof Node.Call call && runs.get(call.run()) instanceof RunInput.Steps) {
            owner = call.run();
        }
        for (int input : node.inputs()) {
            if (owners.applyAsInt(input) >= 0 && owner >= 0 && owner != owners.applyAsInt(input)) {
                throw new SondeException(
                        "other-step",
                        "A value of one step is used in another: expected carry(name, value) and carried(name, initial),"
                                + " or keep(name, value) to use it behind the generation");
            }
            owner = Math.max(owner, owners.applyAsInt(input));
        }
        return owner;
    }

    private void checkSteps(int run, RunInput.Generation generation) {
        Set<Long> seen = new HashSet<>();
        for (RunInput each : graph.runs()) {
            if (each instanceof RunInput.Steps later && later.generation() == run) {
                if (later.rows() != generation.rows() || later.steps().isEmpty()) {
                    throw bad("steps of run " + run + " have " + later.rows() + " rows: expected " + generation.rows());
                }
                for (RunInput.Range range : later.steps()) {
                    if (range.from() < 1
                            || range.to() > generation.options().maxNewTokens()
                            || range.from() >= range.to()) {
                        throw bad("steps " + range + " of run " + run + " are outside of 1 to "
                                + (generation.options().maxNewTokens() - 1));
                    }
                    for (long step = range.from(); step < range.to(); step++) {
                        if (!seen.add(step)) {
                            throw bad("step " + step + " of run " + run + " is there twice");
                        }
                    }
                }
            }
        }
        if (seen.size() != generation.options().maxNewTokens() - 1) {
            throw bad("run " + run + " has " + seen.size() + " later steps: expected "
                    + (generation.options().maxNewTokens() - 1));
        }
    }

    private void checkEffects() {
        Map<Integer, Integer> choices = new HashMap<>();
        Map<String, ValueType> carried = new HashMap<>();
        for (Effect effect : graph.effects()) {
            RunInput run = graph.runs().get(effect.run());
            for (int input : effect.inputs()) {
                if (steps[input] >= 0 && steps[input] != effect.run()) {
                    throw bad("an effect on run " + effect.run() + " uses a value of steps of run " + steps[input]);
                }
            }
            boolean ofGeneration = isOfGeneration(run);
            if (effect instanceof Effect.Choose choose && ofGeneration) {
                choices.merge(effect.run(), 1, Integer::sum);
                checkLogits(choose, run.rows());
            } else if (effect instanceof Effect.Carry carry && ofGeneration) {
                int generation = run instanceof RunInput.Steps later ? later.generation() : effect.run();
                checkCarry(generation + " " + carry.name(), types.get(carry.value()), carried);
            } else if (effect instanceof Effect.Finish finish && ofGeneration) {
                checkCondition(types.get(finish.condition()), run.rows());
            } else if (effect instanceof Effect.Choose
                    || effect instanceof Effect.Carry
                    || effect instanceof Effect.Finish) {
                throw bad("run " + effect.run() + " generates nothing");
            }
        }
        for (int id = 0; id < steps.length; id++) {
            if (graph.nodes().get(id) instanceof Node.Carried one) {
                int generation = ((RunInput.Steps) graph.runs().get(one.run())).generation();
                checkCarry(generation + " " + one.name(), types.get(id), carried);
            }
        }
        for (int run = 0; run < graph.runs().size(); run++) {
            if (isOfGeneration(graph.runs().get(run)) && choices.getOrDefault(run, 0) != 1) {
                throw bad("run " + run + " chooses its tokens " + choices.getOrDefault(run, 0) + " times");
            }
        }
    }

    private void checkLogits(Effect.Choose choose, int rows) {
        ValueType logits = types.get(choose.logits());
        ValueType sum = types.get(choose.logSumExp());
        boolean fits = logits.rank() == 2
                && sum.rank() == 1
                && logits.dims().get(0).size() == rows
                && sum.dims().get(0).size() == rows
                && logits.dtype() == DType.FLOAT32
                && sum.dtype() == DType.FLOAT32;
        if (!fits) {
            throw new SondeException(
                    "shape-mismatch",
                    "Tokens are chosen from float32[batch=" + rows + ", vocab] but were given " + logits + " and "
                            + sum);
        }
    }

    private static void checkCarry(String key, ValueType type, Map<String, ValueType> carried) {
        ValueType first = carried.putIfAbsent(key, type);
        if (first != null && !(first.dtype() == type.dtype() && first.dims().equals(type.dims()))) {
            throw new SondeException(
                    "shape-mismatch",
                    "What steps carry as '" + key.substring(key.indexOf(' ') + 1)
                            + "' must always be of one type: expected " + first + " but was " + type);
        }
    }

    private static void checkCondition(ValueType type, int rows) {
        boolean fits = type.dtype() == DType.BOOL
                && (type.rank() == 0 || (type.rank() == 1 && type.dims().get(0).size() == rows));
        if (!fits) {
            throw new SondeException(
                    "shape-mismatch",
                    "A condition that ends rows is bool[] or bool[batch=" + rows + "] but was " + type);
        }
    }

    private void checkOver(Node node) {
        if (node instanceof Node.OverSteps over) {
            Set<Integer> runs = new HashSet<>();
            for (int value : over.values()) {
                int run = steps[value] >= 0 ? steps[value] : over.generation();
                int generation = graph.runs().get(run) instanceof RunInput.Steps later ? later.generation() : run;
                if (generation != over.generation() || !runs.add(run)) {
                    throw bad("a value over the steps of run " + over.generation() + " takes %" + value
                            + ", which is not of these or is the second of one");
                }
            }
        }
    }

    /** Returns the type of a node of generations. */
    static ValueType type(Node node, List<ValueType> types, List<RunInput> runs) {
        if (node instanceof Node.Carried carried) {
            if (!(runs.get(carried.run()) instanceof RunInput.Steps)) {
                throw bad("run " + carried.run() + " has no steps that anything could be carried to");
            }
            ValueType initial = types.get(carried.initial());
            return ValueType.of(initial.dtype(), initial.dims());
        }
        if (node instanceof Node.OverSteps over) {
            return overSteps(over, types);
        }
        Node.Generated generated = (Node.Generated) node;
        Dim rows = new Dim("batch", runs.get(generated.generation()).rows());
        Dim step = new Dim("step", Dim.UNKNOWN);
        return switch (generated.part()) {
            case TOKENS -> ValueType.of(DType.INT64, List.of(rows, step));
            case LOG_PROBS -> ValueType.of(DType.FLOAT32, List.of(rows, step));
            case REASONS, STEPS -> ValueType.of(DType.INT64, List.of(rows));
        };
    }

    private static ValueType overSteps(Node.OverSteps over, List<ValueType> types) {
        if (over.values().isEmpty()) {
            throw bad("a value over steps takes no values");
        }
        ValueType first = types.get(over.values().get(0));
        for (int value : over.values()) {
            ValueType other = types.get(value);
            if (other.dtype() != first.dtype() || !other.dims().equals(first.dims())) {
                throw new SondeException(
                        "shape-mismatch",
                        "Values of steps must be of one type to be put behind each other: expected " + first
                                + " but was " + other
                                + "; select last() or read the prompt pass under a name of its own");
            }
        }
        List<Dim> dims = new ArrayList<>(List.of(new Dim("step", Dim.UNKNOWN)));
        dims.addAll(first.dims());
        return ValueType.of(first.dtype(), dims);
    }

    private static SondeException bad(String why) {
        return new SondeException("bad-generation", "The generation cannot be as it is said: " + why);
    }
}
