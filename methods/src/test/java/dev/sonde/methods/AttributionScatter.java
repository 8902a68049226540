package dev.sonde.methods;

import dev.sonde.Saved;
import dev.sonde.Tensor;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Draws {@code docs/pictures/attribution.svg}: what patching does on SmolLM2, and what attribution patching says that it does. */
final class AttributionScatter {
    private static final int SIZE = 420;
    private static final int MARGIN = 50;
    private static final double LEAST = -0.25;
    private static final double MOST = 1.25;

    private AttributionScatter() {}

    /** {@code args[0]} is the file to write. */
    public static void main(String[] args) throws IOException {
        Golden golden = Golden.of("smollm2").first("attribution_patching");
        try (OnnxModel model = OnnxModel.open(TestModels.smollm2().orElseThrow())) {
            List<Saved<Tensor>> found = model.session(s -> {
                Metric metric =
                        Metric.logitDifference(golden.integer("clean_answer_id"), golden.integer("corrupt_answer_id"));
                return List.of(
                        ActivationPatching.of(s, golden.input("clean_ids"), golden.input("corrupt_ids"), metric)
                                .byLayerAndPosition("resid_post")
                                .save(),
                        AttributionPatching.of(s, golden.input("clean_ids"), golden.input("corrupt_ids"), metric)
                                .byLayerAndPosition("resid_post")
                                .save());
            });
            Files.writeString(
                    Path.of(args[0]), svg(found.get(0).value(), found.get(1).value()));
        }
    }

    private static String svg(Tensor patched, Tensor attributed) {
        double[] x = patched.toDoubles();
        double[] y = attributed.toDoubles();
        int layers = (int) patched.size(0);
        int positions = x.length / layers;
        StringBuilder svg = new StringBuilder(String.format(
                Locale.ROOT,
                "<svg xmlns='http://www.w3.org/2000/svg' width='%1$d' height='%1$d' font-family='sans-serif' font-size='12'>%n"
                        + "<rect width='100%%' height='100%%' fill='white'/>%n",
                SIZE + 2 * MARGIN));
        for (double tick = LEAST; tick <= MOST; tick += 0.25) {
            svg.append(String.format(
                    Locale.ROOT,
                    "<path d='M%1$.1f %3$d V%4$d M%3$d %2$.1f H%4$d' stroke='#ddd'/>"
                            + "<text x='%1$.1f' y='%5$d' text-anchor='middle'>%6$.2f</text>"
                            + "<text x='%7$d' y='%2$.1f' text-anchor='end' dy='4'>%6$.2f</text>%n",
                    at(tick),
                    flipped(tick),
                    MARGIN,
                    SIZE + MARGIN,
                    SIZE + MARGIN + 18,
                    tick,
                    MARGIN - 6));
        }
        svg.append(String.format(
                Locale.ROOT,
                "<path d='M%.1f %.1f L%.1f %.1f' stroke='#999' stroke-dasharray='4'/>%n",
                at(LEAST),
                flipped(LEAST),
                at(MOST),
                flipped(MOST)));
        for (int i = 0; i < x.length; i++) {
            svg.append(String.format(
                    Locale.ROOT,
                    "<circle cx='%.1f' cy='%.1f' r='3' fill='hsl(%d,70%%,45%%)' fill-opacity='0.7'/>%n",
                    at(x[i]),
                    flipped(y[i]),
                    240 - 240 * (i / positions) / Math.max(1, layers - 1)));
        }
        svg.append(String.format(
                Locale.ROOT,
                "<text x='%1$d' y='20' text-anchor='middle' font-size='14'>SmolLM2, resid_post: correlation %2$.2f,"
                        + " layers below 20: %3$.2f</text>"
                        + "<text x='%1$d' y='%4$d' text-anchor='middle'>activation patching (blue: first layer, red: last)</text>"
                        + "<text x='14' y='%1$d' text-anchor='middle' transform='rotate(-90 14 %1$d)'>attribution patching</text>%n"
                        + "</svg>%n",
                MARGIN + SIZE / 2,
                SmolLm2GoldenTest.correlation(y, x),
                SmolLm2GoldenTest.correlation(
                        java.util.Arrays.copyOf(y, 20 * positions), java.util.Arrays.copyOf(x, 20 * positions)),
                SIZE + 2 * MARGIN - 8));
        return svg.toString();
    }

    private static double at(double value) {
        return MARGIN + SIZE * (value - LEAST) / (MOST - LEAST);
    }

    private static double flipped(double value) {
        return 2 * MARGIN + SIZE - at(value);
    }
}
