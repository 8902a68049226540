package dev.sonde.bench;

/** What is measured; the names and the work are those of the peers' side. */
enum Workload {
    /** A trace with nothing in it. */
    W1 {
        @Override
        void measure(Bench bench) throws Exception {
            Overheads.emptyTrace(bench);
        }
    },
    /** Reads and edits, more and more. */
    W2 {
        @Override
        void measure(Bench bench) throws Exception {
            Overheads.readsAndEdits(bench);
        }
    },
    /** What reading every block's output costs beside the plain forward pass. */
    READS {
        @Override
        void measure(Bench bench) throws Exception {
            Reads.measure(bench);
        }
    },
    /** Plain forward passes. */
    W3 {
        @Override
        void measure(Bench bench) throws Exception {
            Forward.measure(bench);
        }
    },
    /** Patch resid_post, 12 layers x 15 positions, logit difference. */
    W4 {
        @Override
        void measure(Bench bench) throws Exception {
            Sweeps.layersAndPositions(bench);
        }
    },
    /** W4's sweep over a data set of pairs of prompts; the time is that of one pair. */
    PAIRS {
        @Override
        void measure(Bench bench) throws Exception {
            Sweeps.pairs(bench);
        }
    },
    /** Patch z of one head at all positions, 12 x 12. */
    W5 {
        @Override
        void measure(Bench bench) throws Exception {
            Sweeps.heads(bench);
        }
    },
    /** Attribution patching of W4's sites: one clean pass, one corrupt pass forward and backward. */
    W6 {
        @Override
        void measure(Bench bench) throws Exception {
            Gradients.attribution(bench);
        }
    },
    /** Greedy generation with a cache: plain, steered at every step, reading one site at every step. */
    W7 {
        @Override
        void measure(Bench bench) throws Exception {
            GenerationBench.measure(bench);
        }
    },
    /** Capture resid_post of all layers for 64 prompts. */
    W8 {
        @Override
        void measure(Bench bench) throws Exception {
            Capture.measure(bench);
        }
    },
    /** Process start to the first patched logits. */
    W9 {
        @Override
        void measure(Bench bench) throws Exception {
            ColdStart.measure(bench);
        }
    },
    /** Memory. */
    W10 {
        @Override
        void measure(Bench bench) throws Exception {
            Memory.measure(bench);
        }
    },
    /** Logit lens: 12 layers x 8 x 32, best log-probability per position. */
    W11 {
        @Override
        void measure(Bench bench) throws Exception {
            Lens.measure(bench);
        }
    },
    /** Integrated gradients of the token embeddings, 16 steps. */
    W12 {
        @Override
        void measure(Bench bench) throws Exception {
            Gradients.integrated(bench);
        }
    },
    /** A step of training a vector on 8 x 32 tokens. */
    W13 {
        @Override
        void measure(Bench bench) throws Exception {
            Gradients.training(bench);
        }
    };

    /** Checks and times it. */
    abstract void measure(Bench bench) throws Exception;
}
