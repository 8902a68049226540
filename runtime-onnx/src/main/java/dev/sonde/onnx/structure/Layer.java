package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Modules.Instance;
import java.util.List;
import java.util.Optional;

/**
 * One block of a model under its standard name.
 *
 * @param name {@code layers.3}; {@code decoder.layers.3} where a file has several stacks of blocks
 * @param block its module, if the file has modules
 * @param attentions what attends in it, in order; none in blocks of convolutions or state spaces
 */
record Layer(String name, Optional<Instance> block, List<Attention> attentions) {
    Layer {
        attentions = List.copyOf(attentions);
    }

    /** Returns what stands before the names of an attention's sites: the second one attends to another stream. */
    String prefix(int attention) {
        return name + "#" + (attention == 0 ? "" : "cross_");
    }

    /** Returns the name of a site of the block. */
    String site(String port) {
        return name + "#" + port;
    }
}
