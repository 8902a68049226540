package dev.sonde.graph;

import dev.sonde.Tensor;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** A value of an intervention graph. Its id is its index in {@link InterventionGraph#nodes()}; inputs have smaller ids. */
public sealed interface Node {
    /** Returns the ids of the values that this one is computed from. */
    List<Integer> inputs();

    /**
     * The value at a site of a run after the first {@code version} writes at its point.
     *
     * @param run index of the run
     * @param site canonical site name
     * @param version how many of the point's writes it sees
     */
    record Read(int run, String site, int version) implements Node {
        @Override
        public List<Integer> inputs() {
            return List.of();
        }
    }

    /**
     * A parameter of the model, as the file has it; no run and no edit changes it.
     *
     * @param site canonical name of a site of kind {@code Parameter}
     */
    record Parameter(String site) implements Node {
        @Override
        public List<Integer> inputs() {
            return List.of();
        }
    }

    /**
     * A tensor given by the user.
     *
     * @param value the tensor
     */
    record Constant(Tensor value) implements Node {
        @Override
        public List<Integer> inputs() {
            return List.of();
        }
    }

    /**
     * An operator applied to values.
     *
     * @param operator of Sonde's own set
     * @param inputs ids
     * @param attributes whole numbers by name, such as {@code axis}
     * @param texts texts by name, such as an einsum's {@code equation}
     */
    record Apply(Operator operator, List<Integer> inputs, Map<String, List<Long>> attributes, Map<String, String> texts)
            implements Node {
        /** Copies its parts. */
        public Apply {
            inputs = List.copyOf(inputs);
            attributes = java.util.Collections.unmodifiableMap(new TreeMap<>(attributes));
            texts = java.util.Collections.unmodifiableMap(new TreeMap<>(texts));
        }
    }

    /**
     * A region of a value.
     *
     * @param input id
     * @param selection the region
     */
    record Select(int input, Selection selection) implements Node {
        @Override
        public List<Integer> inputs() {
            return List.of(input);
        }
    }

    /**
     * A value with one region replaced.
     *
     * @param into id of the value
     * @param value id of what the region becomes, broadcast to it
     * @param selection the region
     */
    record Put(int into, int value, Selection selection) implements Node {
        @Override
        public List<Integer> inputs() {
            return List.of(into, value);
        }
    }

    /**
     * A module of the model applied to another value, untouched by the run's edits; masks and tables that it also needs come
     * from the run.
     *
     * @param run index of the run
     * @param module its path
     * @param input id of what its first argument becomes
     */
    record Call(int run, String module, int input) implements Node {
        @Override
        public List<Integer> inputs() {
            return List.of(input);
        }
    }

    /**
     * Any operator of ONNX, by its own name, in the version that the model's file imports.
     *
     * @param domain {@code ""} for the standard operators
     * @param operator such as {@code LeakyRelu}
     * @param inputs ids
     * @param attributes by name
     * @param output which of its outputs this is
     * @param type what it is, found when it was recorded
     */
    record Onnx(
            String domain,
            String operator,
            List<Integer> inputs,
            Map<String, Attribute> attributes,
            int output,
            ValueType type)
            implements Node {
        /** Copies its parts. */
        public Onnx {
            inputs = List.copyOf(inputs);
            attributes = java.util.Collections.unmodifiableMap(new TreeMap<>(attributes));
        }
    }

    /**
     * How a scalar changes with a value: the gradient of {@code of} with respect to {@code wrt}, in the shape of {@code wrt}.
     * Gradients of the same {@code of} come from one backward pass.
     *
     * @param of ids of what is differentiated: one scalar, or several values of any shape with a seed each
     * @param seeds ids of what each element of {@code of} weighs; none for a scalar
     * @param wrt id of the value that it is a gradient of, as it was read
     * @param version how many edits of this gradient it sees
     */
    record Gradient(List<Integer> of, List<Integer> seeds, int wrt, int version) implements Node {
        /** Copies its lists. */
        public Gradient {
            of = List.copyOf(of);
            seeds = List.copyOf(seeds);
        }

        @Override
        public List<Integer> inputs() {
            List<Integer> all = new java.util.ArrayList<>(of);
            all.addAll(seeds);
            all.add(wrt);
            return List.copyOf(all);
        }
    }

    /**
     * A function in Java of a value; it cannot leave the process.
     *
     * @param input id
     * @param function from the value's tensor to another
     * @param type what it returns
     * @param where the user's line
     */
    record Local(int input, UnaryOperator<Tensor> function, ValueType type, String where) implements Node {
        @Override
        public List<Integer> inputs() {
            return List.of(input);
        }
    }

    /**
     * In steps of a generation: what the step before handed on under a name; at the first of them, the initial value.
     *
     * @param run index of the steps' run
     * @param name of the value
     * @param initial id of the value that the first step sees, from outside of the steps
     */
    record Carried(int run, String name, int initial) implements Node {
        @Override
        public List<Integer> inputs() {
            return List.of(initial);
        }
    }

    /**
     * Values of the steps of a generation, one behind the other along a new first axis {@code step}, for those steps that
     * truly ran. Where a row had ended before, there are zeros.
     *
     * @param generation index of the run of the prompt pass
     * @param values ids, each of another run of the generation, all of one type
     */
    record OverSteps(int generation, List<Integer> values) implements Node {
        /** Copies its list. */
        public OverSteps {
            values = List.copyOf(values);
        }

        @Override
        public List<Integer> inputs() {
            return values;
        }
    }

    /**
     * What a generation came to.
     *
     * @param generation index of the run of the prompt pass
     * @param part which part of it
     */
    record Generated(int generation, Part part) implements Node {
        /** Parts of a generation's result. */
        public enum Part {
            /** Ids of the new tokens, int64 {@code [batch, step]}, -1 behind a row's end. */
            TOKENS,
            /** Log-probabilities of the new tokens before any option changed them, float32 {@code [batch, step]}. */
            LOG_PROBS,
            /** Why each row ended, int64 {@code [batch]}: a number of {@link dev.sonde.Generated.Reason}. */
            REASONS,
            /** How many steps truly ran for each row, int64 {@code [batch]}. */
            STEPS
        }

        @Override
        public List<Integer> inputs() {
            return List.of();
        }
    }
}
