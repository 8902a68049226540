package dev.sonde.samples;

import static dev.sonde.Selector.position;

import dev.sonde.Run;
import dev.sonde.Saved;
import dev.sonde.Site;
import dev.sonde.Tensor;
import dev.sonde.kind.Any;
import dev.sonde.onnx.OnnxModel;
import java.nio.file.Path;

/** The program of the README: give one prompt's activations to another one, and see what the model says then. */
final class FirstLook {
    private FirstLook() {}

    public static void main(String... args) {
        try (OnnxModel model = OnnxModel.open(Path.of(args[0]))) {
            Site<Any> stream = Site.of("layers.12#resid_post");
            Saved<Tensor> next = model.session(s -> {
                Run france = s.run("The capital of France is");
                Run patched = s.run(
                        "The capital of Italy is", t -> t.update(stream, v -> v.from(france.get(stream), position(3))));
                return patched.get("logits").at(position(-1)).softmax("vocab").save();
            });
            for (Tensor.Entry word : next.value().topK(3)) {
                System.out.printf("%-8s %.3f%n", model.decode(word.index()), word.value());
            }
        }
    }
}
