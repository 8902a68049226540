package dev.sonde.onnx.plan;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a program of a generation hands to the next, besides values of the experiment.
 *
 * @param generation index of the run of the prompt pass
 * @param cache names of the outputs that are keys and values up to here, by the inputs that take them
 * @param buffers names of the outputs that hold edited values up to here; empty if there is a cache
 * @param most how many steps there may be
 * @param positions which axis of each input of keys and values has the positions, if prompts of different lengths go on apart;
 *     empty if all rows go on together
 * @param leaving how rows that have ended may leave the batch; nothing if they must stay
 * @param needs ids of values of other programs that it is told to choose from, carry on or end by
 */
public record Turn(
        int generation,
        Map<String, String> cache,
        List<String> buffers,
        int most,
        Map<String, Integer> positions,
        Optional<Leaving> leaving,
        Set<Integer> needs) {
    /** Copies its parts. */
    public Turn {
        cache = Map.copyOf(cache);
        buffers = List.copyOf(buffers);
        positions = Map.copyOf(positions);
        needs = Set.copyOf(needs);
    }
}
