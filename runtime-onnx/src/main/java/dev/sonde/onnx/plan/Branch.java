package dev.sonde.onnx.plan;

import dev.sonde.graph.Node;
import dev.sonde.onnx.reuse.Bins;
import dev.sonde.onnx.reuse.Forms;
import dev.sonde.onnx.reuse.Reach;
import java.util.List;
import java.util.Set;

/**
 * Runs that are computed from where they leave a run over the same tokens.
 *
 * @param base that run
 * @param runs those that leave it
 * @param forms where the model's values have their positions
 * @param reach what is computed
 * @param bins where the runs' positions lie
 * @param masks what keeps runs of one bin apart
 * @param selected values of which only positions are looked at
 * @param note what is done, for people
 */
record Branch(
        int base,
        List<Integer> runs,
        Forms forms,
        Reach reach,
        Bins bins,
        Set<String> masks,
        Set<Node.Read> selected,
        String note) {
    Branch {
        runs = List.copyOf(runs);
        masks = Set.copyOf(masks);
        selected = Set.copyOf(selected);
    }
}
