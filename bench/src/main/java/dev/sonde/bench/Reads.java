package dev.sonde.bench;

import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Saved;
import dev.sonde.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What it costs to have the output of every block beside the logits: the same forward pass with and without. */
final class Reads {
    private Reads() {}

    static void measure(Bench bench) throws Exception {
        Inputs inputs = bench.inputs();
        Model model = bench.model(Bench.SMALL);
        for (Map.Entry<String, List<List<Long>>> size :
                List.of(Map.entry("1x15", inputs.clean()), Map.entry("8x32", inputs.batch()))) {
            List<List<Long>> rows = size.getValue();
            Variants variants = new Variants("READS")
                    .raw(size.getKey() + "_logits", () -> {
                        model.trace(Input.rows(rows), t -> t.get("logits").save());
                        return new double[0];
                    })
                    .add(size.getKey() + "_and_every_block", () -> {
                        everyBlock(model, rows);
                        return new double[0];
                    });
            bench.run(
                    variants,
                    bench.settings().full() ? 25 : 15,
                    bench.settings().full() ? 60 : 20);
        }
    }

    private static List<Saved<Tensor>> everyBlock(Model model, List<List<Long>> rows) {
        return model.trace(Input.rows(rows), t -> {
            List<Saved<Tensor>> saved = new ArrayList<>(List.of(t.get("logits").save()));
            for (int layer = 0; layer < model.manifest().layers(); layer++) {
                saved.add(t.get("layers." + layer + "#resid_post").save());
            }
            return saved;
        });
    }
}
