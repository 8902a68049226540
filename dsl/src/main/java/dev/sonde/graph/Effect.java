package dev.sonde.graph;

import java.util.List;

/** What an experiment does to a run, in recording order. */
public sealed interface Effect {
    /** Returns the index of the run. */
    int run();

    /** Returns the ids of the values that it needs. */
    List<Integer> inputs();

    /**
     * Replaces the value at a site.
     *
     * @param run index of the run
     * @param site canonical site name
     * @param value id of the new value, of the site's shape
     * @param version this is the point's write number {@code version}, counted from 0
     */
    record Write(int run, String site, int value, int version) implements Effect {
        @Override
        public List<Integer> inputs() {
            return List.of(value);
        }
    }

    /**
     * Does not run a module and uses values as its outputs.
     *
     * @param run index of the run
     * @param module its path
     * @param values ids, one per output; empty to keep none
     */
    record Skip(int run, String module, List<Integer> values) implements Effect {
        /** Copies its list. */
        public Skip {
            values = List.copyOf(values);
        }

        @Override
        public List<Integer> inputs() {
            return values;
        }
    }

    /**
     * Ends a run at a site: nothing that lies after it may be needed.
     *
     * @param run index of the run
     * @param site canonical site name
     */
    record Stop(int run, String site) implements Effect {
        @Override
        public List<Integer> inputs() {
            return List.of();
        }
    }

    /**
     * Says what a step of a generation chooses its tokens from.
     *
     * @param run index of the prompt pass or of steps
     * @param logits id of what is chosen from, {@code [batch, vocab]}
     * @param logSumExp id of its logarithm of the sum of exponentials, {@code [batch]}
     */
    record Choose(int run, int logits, int logSumExp) implements Effect {
        @Override
        public List<Integer> inputs() {
            return List.of(logits, logSumExp);
        }
    }

    /**
     * Hands a value on to the next step of a generation.
     *
     * @param run index of the prompt pass or of steps
     * @param name under which the next step finds it
     * @param value id
     */
    record Carry(int run, String name, int value) implements Effect {
        @Override
        public List<Integer> inputs() {
            return List.of(value);
        }
    }

    /**
     * Ends rows of a generation whose condition holds; the token that this step would add to them is not added.
     *
     * @param run index of the prompt pass or of steps
     * @param condition id, bool, without axes or {@code [batch]}
     */
    record Finish(int run, int condition) implements Effect {
        @Override
        public List<Integer> inputs() {
            return List.of(condition);
        }
    }

    /**
     * Replaces a gradient on its way back: what lies before the value sees the new one.
     *
     * @param run index of the run that the value belongs to
     * @param of id of the scalar that is differentiated
     * @param wrt id of the value whose gradient is replaced
     * @param value id of the new gradient, of the value's shape
     * @param version this is edit number {@code version} of that gradient, counted from 0
     */
    record GradientWrite(int run, int of, int wrt, int value, int version) implements Effect {
        @Override
        public List<Integer> inputs() {
            return List.of(of, wrt, value);
        }
    }
}
