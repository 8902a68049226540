package demo;

import dev.sonde.Site;
import dev.sonde.kind.Logits;
import dev.sonde.kind.Pattern;
import dev.sonde.kind.Residual;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import javax.annotation.processing.Generated;

/**
 * Sites of model {@code paper} (sha256 {@code abc123}, written by hand).
 */
@Generated("dev.sonde.processor.ExperimentProcessor")
final class Paper {
    /**
     * How many layers the model has.
     */
    static final int LAYERS = 2;

    private Paper() {
    }

    /**
     * {@code float32[batch, position, vocab=11]}
     */
    static Site<Logits> logits() {
        return Site.of("logits", Logits.class);
    }

    /**
     * Returns all layers, the first one first.
     */
    static List<Layer> layers() {
        return IntStream.range(0, LAYERS).mapToObj(Layer::new).toList();
    }

    /**
     * Returns layer {@code index}, counted from 0.
     */
    static Layer layer(int index) {
        return new Layer(Objects.checkIndex(index, LAYERS));
    }

    /**
     * Returns module {@code transformer}.
     */
    static Transformer transformer() {
        return new Transformer("transformer");
    }

    /**
     * One layer, by the names that all models share.
     *
     * @param index counted from 0
     */
    record Layer(int index) {
        /**
         * {@code float32[batch, position, d_model=8]}
         */
        Site<Residual> residPost() {
            return Site.of("layers." + index + "#resid_post", Residual.class);
        }

        /**
         * {@code float32[batch, head=2, query=position, key=position]}
         */
        Site<Pattern> pattern() {
            return Site.of("layers." + index + "#pattern", Pattern.class);
        }
    }

    /**
     * Module {@code h}.
     *
     * @param path where it is in the model
     */
    record HBlock(String path) {
        /**
         * {@code float32[batch, position, d_model=8]}
         */
        Site<Residual> output() {
            return Site.of(path + "#output", Residual.class);
        }
    }

    /**
     * Module {@code transformer}.
     *
     * @param path where it is in the model
     */
    record Transformer(String path) {
        /**
         * Returns module {@code index} of 2, counted from 0.
         */
        HBlock h(int index) {
            return new HBlock(path + ".h." + Objects.checkIndex(index, 2));
        }
    }
}
