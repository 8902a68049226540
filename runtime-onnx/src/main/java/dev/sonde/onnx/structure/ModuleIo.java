package dev.sonde.onnx.structure;

import java.util.List;
import java.util.Optional;

/**
 * Which values cross the boundary of one call of a module.
 *
 * @param input what the module receives first on the data path, if anything
 * @param inputs everything computed outside and read inside, in order of use; integers and masks included
 * @param outputs what the module returns, the main one first
 */
public record ModuleIo(Optional<String> input, List<String> inputs, List<String> outputs) {
    /** Copies its lists. */
    public ModuleIo {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }
}
