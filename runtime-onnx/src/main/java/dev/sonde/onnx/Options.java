package dev.sonde.onnx;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import dev.sonde.SondeException;
import java.nio.file.Path;

/**
 * How a model is opened.
 *
 * @param threads threads for the operators of a run, 0 for one per core; the first model of a process decides for all
 * @param optimization what ONNX Runtime may rewrite
 * @param target what it runs on
 * @param cacheFolder where what is made from models is kept
 * @param prepacking whether weights are laid out in a faster order
 * @param sessions how many spliced models are kept ready
 * @param planning whether an experiment is rearranged before it runs
 * @param memoryBudget bytes that the values inside one call of ONNX Runtime may take, by estimate, and those that wait for
 *     another call; weights aside
 * @param weightsBudget bytes that the weights which are open at one time may take
 * @param probing where a file is opened that was never opened before
 */
public record Options(
        int threads,
        Optimization optimization,
        ExecutionTarget target,
        Path cacheFolder,
        Prepacking prepacking,
        int sessions,
        Planning planning,
        long memoryBudget,
        long weightsBudget,
        Probing probing) {
    /** The standard memory budget: 1 GiB. */
    private static final long BUDGET = 1L << 30;

    /** What ONNX Runtime may rewrite; more is faster and less like the file. */
    public enum Optimization {
        /** Nothing. */
        NONE(OptLevel.NO_OPT),
        /** What leaves the operators as they are; the default. */
        BASIC(OptLevel.BASIC_OPT),
        /** Also operators of its own in place of several of the file. */
        EXTENDED(OptLevel.EXTENDED_OPT),
        /** Everything. */
        ALL(OptLevel.ALL_OPT);

        private final OptLevel level;

        Optimization(OptLevel level) {
            this.level = level;
        }

        OptLevel level() {
            return level;
        }
    }

    /** Whether weights are laid out in a faster order. */
    public enum Prepacking {
        /**
         * Large matrices are kept turned in the cache, once for all sessions. Each session lays out the weights of quantised
         * models, which are very slow without, those of models of up to 8 MiB, and those for generations of several rows and
         * 16 tokens or more. The default.
         */
        AUTO,
        /** Each session lays out all weights: it takes time and memory for each structure of an experiment. */
        ON,
        /** Never: the numbers are those of ONNX Runtime with prepacking disabled, bit for bit. */
        OFF
    }

    /** Whether an experiment is rearranged before it runs. The numbers are the same up to rounding. */
    public enum Planning {
        /** Runs become rows of batches within the memory budget, and start where they leave another; the default. */
        FULL,
        /** As {@link #FULL}, and runs start where they leave another even where an estimate says that it takes longer. */
        REUSE,
        /** Every run is a call of its own. */
        OFF
    }

    /** Where a file is opened for the first time; what is learnt is kept in the cache. */
    public enum Probing {
        /** In a process of its own, because a damaged or hostile graph may crash ONNX Runtime; the default. */
        WORKER,
        /** In this process, for files that are trusted; the system property {@code sonde.probing=here} makes it the default. */
        HERE;

        static Probing standard() {
            return System.getProperty("sonde.probing", "").equals("here") ? HERE : WORKER;
        }
    }

    /**
     * What a model runs on.
     *
     * @param cudaDevice number of the CUDA device, -1 for the processor
     */
    public record ExecutionTarget(int cudaDevice) {
        /** The processor. */
        public static final ExecutionTarget CPU = new ExecutionTarget(-1);

        /** Returns the CUDA device of that number; needs ONNX Runtime's build for CUDA. */
        public static ExecutionTarget cuda(int device) {
            return new ExecutionTarget(device);
        }

        @Override
        public String toString() {
            return cudaDevice < 0 ? "cpu" : "cuda:" + cudaDevice;
        }
    }

    /** Refuses what makes no sense. */
    public Options {
        if (memoryBudget < 1 || weightsBudget < 1) {
            throw new SondeException(
                    "bad-option",
                    "Expected memory budgets of 1 byte or more but was " + memoryBudget + " for values and "
                            + weightsBudget + " for weights");
        }
        if (threads < 0 || sessions < 1) {
            throw new SondeException(
                    "bad-option",
                    "Expected threads of 0 or more and sessions of 1 or more but was " + threads + " and " + sessions);
        }
    }

    /** Returns a builder of the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** Builds options; what is not said stays at its default. */
    public static final class Builder {
        private int threads;
        private Optimization optimization = Optimization.BASIC;
        private ExecutionTarget target = ExecutionTarget.CPU;
        private Path cacheFolder = CacheFolder.standard();
        private Prepacking prepacking = Prepacking.AUTO;
        private int sessions = 20;
        private Planning planning = Planning.FULL;
        private long memoryBudget = BUDGET;
        private long weightsBudget = Long.MAX_VALUE;
        private Probing probing = Probing.standard();

        private Builder() {}

        /** Sets the number of threads for the operators of a run, 0 for one per core. */
        public Builder threads(int count) {
            this.threads = count;
            return this;
        }

        /** Sets what ONNX Runtime may rewrite. */
        public Builder optimization(Optimization level) {
            this.optimization = level;
            return this;
        }

        /** Sets what the model runs on. */
        public Builder target(ExecutionTarget where) {
            this.target = where;
            return this;
        }

        /** Sets where what is made from models is kept. */
        public Builder cacheFolder(Path folder) {
            this.cacheFolder = folder;
            return this;
        }

        /** Sets whether each session lays the weights out anew. */
        public Builder prepacking(Prepacking when) {
            this.prepacking = when;
            return this;
        }

        /** Sets how many spliced models are kept ready. */
        public Builder sessions(int count) {
            this.sessions = count;
            return this;
        }

        /** Sets whether experiments are rearranged. */
        public Builder planning(Planning how) {
            this.planning = how;
            return this;
        }

        /**
         * Sets how many bytes the values inside one call of ONNX Runtime may take; at least one row is always run. Values that
         * wait for another call may take as many; what is more waits in files of the folder for temporary files.
         */
        public Builder memoryBudget(long bytes) {
            this.memoryBudget = bytes;
            return this;
        }

        /**
         * Sets how many bytes the weights that are open at one time may take. A model with more is cut into segments, which are
         * opened, run for all rows of a batch, and closed, one after the other: each batch reads the weights once. An operator
         * that reads more by itself is a segment of its own. Without a budget, the default, all weights are open; they are
         * mapped from a file, so that the system may drop their pages when memory is short, unless they are prepacked.
         */
        public Builder weightsBudget(long bytes) {
            this.weightsBudget = bytes;
            return this;
        }

        /** Sets where a file is opened that was never opened before. */
        public Builder probing(Probing where) {
            this.probing = where;
            return this;
        }

        /** Returns the options. */
        public Options build() {
            return new Options(
                    threads,
                    optimization,
                    target,
                    cacheFolder,
                    prepacking,
                    sessions,
                    planning,
                    memoryBudget,
                    weightsBudget,
                    probing);
        }
    }
}
