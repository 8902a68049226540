package dev.sonde.onnx.plan;

/** Where on a value's wire a site lies; it decides who sees what is written there. */
public sealed interface Point {
    /** Returns the number of the stretch of the wire that it is on: first what is produced, then outputs, then inputs. */
    int stage();

    /** Returns the order of points on one stretch: outputs of inner modules come first, inputs of outer ones. */
    int rank();

    /** The value itself, before any module's output: all see it. */
    record Produced() implements Point {
        @Override
        public int stage() {
            return 0;
        }

        @Override
        public int rank() {
            return 0;
        }
    }

    /**
     * A module's output: all outside the module see it.
     *
     * @param module its path
     * @param call which of its calls, from 0
     */
    record Output(String module, int call) implements Point {
        @Override
        public int stage() {
            return 1;
        }

        @Override
        public int rank() {
            return -depth(module);
        }
    }

    /**
     * What a module receives: only the module sees it.
     *
     * @param module its path
     * @param call which of its calls, from 0
     */
    record Input(String module, int call) implements Point {
        @Override
        public int stage() {
            return 2;
        }

        @Override
        public int rank() {
            return depth(module);
        }
    }

    private static int depth(String module) {
        return module.isEmpty()
                ? 0
                : 1 + (int) module.chars().filter(c -> c == '.').count();
    }
}
