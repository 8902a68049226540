package dev.sonde.cli.conformance;

import dev.sonde.Tensor;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelInput.Role;
import dev.sonde.manifest.ModelManifest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Lays prompts of different lengths into one batch, padded on the left. */
final class LeftPadding {
    private final ModelManifest manifest;

    LeftPadding(ModelManifest manifest) {
        this.manifest = manifest;
    }

    /** Returns the inputs of a run whose rows are {@code prompts}, each {@code [1, position]} tensors by input name. */
    Map<String, Tensor> batch(List<Map<String, Tensor>> prompts) {
        String ids = prompts.get(0).keySet().iterator().next();
        long[][] rows = new long[prompts.size()][];
        int width = 0;
        for (int i = 0; i < rows.length; i++) {
            Tensor tensor = prompts.get(i).get(ids);
            if (tensor == null || prompts.get(i).size() > 1 || tensor.rank() != 2 || tensor.size(0) != 1) {
                throw new UnsupportedCapability("batches of prompts with other inputs than one row of ids");
            }
            rows[i] = tensor.toLongs();
            width = Math.max(width, rows[i].length);
        }
        long[] padded = new long[rows.length * width];
        long[] mask = new long[padded.length];
        long[] positions = new long[padded.length];
        for (int i = 0; i < rows.length; i++) {
            int padding = width - rows[i].length;
            for (int j = 0; j < rows[i].length; j++) {
                int at = i * width + padding + j;
                padded[at] = rows[i][j];
                mask[at] = 1;
                positions[at] = j;
            }
        }
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        inputs.put(ids, Tensor.of(padded, rows.length, width));
        put(inputs, Role.ATTENTION_MASK, Tensor.of(mask, rows.length, width));
        put(inputs, Role.POSITION_IDS, Tensor.of(positions, rows.length, width));
        return inputs;
    }

    private void put(Map<String, Tensor> inputs, Role role, Tensor tensor) {
        manifest.input(role).map(ModelInput::name).ifPresent(name -> inputs.put(name, tensor));
    }
}
