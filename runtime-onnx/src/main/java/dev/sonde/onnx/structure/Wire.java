package dev.sonde.onnx.structure;

/** A point on the way of a value from its producer to its readers. */
public sealed interface Wire {
    /** Returns a short text that differs between points of one value. */
    String label();

    /** The value as it is produced: every reader sees a write. */
    record Produced() implements Wire {
        @Override
        public String label() {
            return "value:";
        }
    }

    /**
     * A module's output: readers outside that call of the module see a write, the caller of the model among them.
     *
     * @param module its path; {@code ""} is the model, whose outputs only the caller sees
     * @param call which of its calls, from 0
     */
    record Output(String module, int call) implements Wire {
        @Override
        public String label() {
            return "output:" + module + "(" + call + "):";
        }
    }

    /**
     * A module's input: readers inside that call of the module see a write.
     *
     * @param module its path
     * @param call which of its calls, from 0
     */
    record Input(String module, int call) implements Wire {
        @Override
        public String label() {
            return "input:" + module + "(" + call + "):";
        }
    }
}
