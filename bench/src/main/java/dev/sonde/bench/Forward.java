package dev.sonde.bench;

import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import dev.sonde.Input;
import dev.sonde.Model;
import java.util.List;
import java.util.Map;

/** W3: plain forward passes, ours and ONNX Runtime's. Threads are those of the command line. */
final class Forward {
    private Forward() {}

    static void measure(Bench bench) throws Exception {
        Inputs inputs = bench.inputs();
        Model model = bench.model(Bench.SMALL);
        int threads = bench.settings().threads();
        for (Map.Entry<String, List<List<Long>>> size : List.of(
                Map.entry("1x15", inputs.clean()),
                Map.entry("8x32", inputs.batch()),
                Map.entry("32x128", inputs.large()))) {
            String name = size.getKey() + "_" + threads + "t_";
            try (Plain basic = plain(bench, size.getValue(), OptLevel.BASIC_OPT);
                    Plain all = plain(bench, size.getValue(), OptLevel.ALL_OPT)) {
                Variants variants = new Variants("W3")
                        .raw(name + "ort_basic", basic::run)
                        .add(name + "ort_all", all::run)
                        .add(name + "sonde", () -> {
                            model.trace(
                                    Input.rows(size.getValue()),
                                    t -> t.get("logits").save());
                            return new double[0];
                        })
                        .add(name + "sonde_lastlogit", () -> {
                            model.trace(
                                    Input.rows(size.getValue()),
                                    t -> t.get("logits")
                                            .at(dev.sonde.Selector.position(-1))
                                            .save());
                            return new double[0];
                        });
                bench.run(
                        variants,
                        bench.settings().full() ? 15 : 7,
                        bench.settings().full() ? 150 : 12);
            }
        }
    }

    static Plain plain(Bench bench, List<List<Long>> rows, OptLevel level) throws Exception {
        return new Plain(bench.file(Bench.SMALL), bench.settings().threads(), level).on(rows);
    }
}
