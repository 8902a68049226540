package dev.sonde.samples;

import dev.sonde.Body;
import dev.sonde.Experiment;
import dev.sonde.Param;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.Tensor;
import dev.sonde.methods.InductionHeads;

/** Which heads continue a sequence that they have seen before, and which ones help them by looking one token back? */
@Experiment(model = "induction")
final class InductionScores {
    /** Number of tokens that are repeated. */
    @Param
    int segment = 20;

    /** Number of random sequences. */
    @Param
    int rows = 8;

    /** Equal seeds give equal sequences. */
    @Param
    long seed = 1;

    /** Id of the token that begins a sequence. */
    @Param
    long start = 1;

    /** Smallest id to draw. */
    @Param
    long firstId = 3;

    /** Id after the largest to draw. */
    @Param
    long endId = 64;

    record Found(Saved<Tensor> induction, Saved<Tensor> previousToken, Saved<Tensor> duplicateToken) {}

    @Body
    Found body(Session s) {
        InductionHeads heads =
                InductionHeads.of(s, InductionHeads.repeated(start, firstId, endId, segment, rows, seed), segment);
        return new Found(
                heads.induction().save(),
                heads.previousToken().save(),
                heads.duplicateToken().save());
    }
}
