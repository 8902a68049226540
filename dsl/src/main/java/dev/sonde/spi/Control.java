package dev.sonde.spi;

import dev.sonde.Tensor;
import java.time.Instant;
import java.util.Optional;

/** How a caller watches and ends work under way. Called from the engine's threads. */
public interface Control {
    /** Lets work run to its end, unwatched. */
    Control NONE = new Control() {};

    /** Told after each forward pass: {@code done} of {@code total}. */
    default void progress(long done, long total) {}

    /** Told a value that the experiment wants printed, as soon as it is known. */
    default void log(String label, Tensor value) {
        System.out.println(label + ": " + value);
    }

    /**
     * Told each result that a run computes as soon as it is known, before the others are. What was told is right and complete
     * also if the work is cancelled or its time is over later: save the parts of a long sweep one by one to have them.
     *
     * @param name under which it is saved
     */
    default void saved(String name, Tensor value) {}

    /** Asked between forward passes and during them; work ends soon after the first {@code true}. */
    default boolean cancelled() {
        return false;
    }

    /** Returns when the work must have ended. */
    default Optional<Instant> deadline() {
        return Optional.empty();
    }

    /**
     * Told each new token of a generation as soon as it is chosen.
     *
     * @param generation index of the generation's run in the graph
     * @param row number of the prompt
     * @param token the token's id
     */
    default void token(int generation, int row, long token) {}
}
