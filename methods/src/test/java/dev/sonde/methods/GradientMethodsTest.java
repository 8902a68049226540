package dev.sonde.methods;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import dev.sonde.testmodels.TestModels;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What methods by gradients promise, on a small trained decoder. */
class GradientMethodsTest {
    private static final String CLEAN = "When Alice and Bob went to the park , Alice gave a book of Henry to";

    @SuppressWarnings("NullAway.Init") // opened before the first test
    private static OnnxModel model;

    @BeforeAll
    static void open() {
        model = OnnxModel.open(TestModels.tiny("names"));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void integratedGradientsAddUpToWhatTheMetricGains() {
        Site<Any> embed = Site.of("embed");
        List<Saved<Tensor>> found = model.session(s -> {
            RunInput input = s.input(CLEAN);
            Metric metric = Metric.logitDifference(s.token("Bob"), s.token("Alice"));
            InputAttribution attribution = InputAttribution.of(s, input, metric);
            return List.of(
                    attribution.integratedGradients(embed, 64).sum().save(),
                    metric.of(attribution.run()).save(),
                    metric.of(s.run(input, t -> t.update(embed, v -> v.times(0))))
                            .save(),
                    attribution.saliency(embed).save(),
                    attribution.gradientTimesInput(embed).save());
        });
        double gain = found.get(1).value().item() - found.get(2).value().item();
        assertThat(found.get(0).value().item()).isCloseTo(gain, within(0.01 * Math.abs(gain)));
        assertThat(found.get(3).value().describe()).startsWith("float32[batch=1, position=");
        assertThat(found.get(4).value().describe()).startsWith("float32[batch=1, position=");
    }

    @Test
    void quadratureIsExactForPolynomials() {
        Quadrature four = Quadrature.gaussLegendre(4);
        double sum = 0;
        for (int i = 0; i < 4; i++) {
            sum += four.weights().get(i) * Math.pow(four.points().get(i), 7);
        }
        assertThat(sum).isCloseTo(1.0 / 8, within(1e-12));
        assertThat(Quadrature.gaussLegendre(1).points()).containsExactly(0.5);
    }
}
