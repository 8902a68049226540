package dev.sonde.methods;

import dev.sonde.Model;
import dev.sonde.Safetensors;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.data.Dataset;
import dev.sonde.kind.Any;
import dev.sonde.training.Trainable;
import dev.sonde.training.Training;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A small sparse autoencoder: writes activations as sums of few directions out of many (Bricken et al., "Towards Monosemanticity",
 * 2023; Cunningham et al., "Sparse Autoencoders Find Highly Interpretable Features in Language Models", 2023).
 *
 * <p>{@code f = relu(x W_enc + b_enc)} are the features, {@code f W_dec + b_dec} is what they say of {@code x}. The loss is the squared
 * error plus {@code penalty} times each feature by the length of its direction, as in Templeton et al., "Scaling Monosemanticity",
 * 2024; so directions need no length of their own.
 */
public final class SparseAutoencoder {
    private static final double LENGTH = 0.1;

    private final Map<String, Trainable> parts;

    private SparseAutoencoder(List<Trainable> parts) {
        this.parts = new TreeMap<>();
        parts.forEach(each -> this.parts.put(each.name().substring(each.name().lastIndexOf('.') + 1), each));
    }

    /**
     * Returns an autoencoder with random directions, the encoder's and decoder's the same.
     *
     * @param width of the activations
     * @param features how many directions there are
     */
    public static SparseAutoencoder of(String name, int width, int features, long seed) {
        float[] decoder =
                Trainable.normal(name, seed, 1, features, width).tensor().toFloats();
        float[] encoder = new float[decoder.length];
        for (int feature = 0; feature < features; feature++) {
            double length = 0;
            for (int i = 0; i < width; i++) {
                length += decoder[feature * width + i] * decoder[feature * width + i];
            }
            for (int i = 0; i < width; i++) {
                decoder[feature * width + i] *= (float) (LENGTH / Math.sqrt(length));
                encoder[i * features + feature] = decoder[feature * width + i];
            }
        }
        return new SparseAutoencoder(List.of(
                Trainable.of(name + ".W_enc", Tensor.of(encoder, width, features)),
                Trainable.zeros(name + ".b_enc", features),
                Trainable.of(name + ".W_dec", Tensor.of(decoder, features, width)),
                Trainable.zeros(name + ".b_dec", width)));
    }

    /**
     * Returns a trained autoencoder.
     *
     * @param weights {@code W_enc [width, features]}, {@code b_enc}, {@code W_dec [features, width]}, {@code b_dec}, as SAELens names
     *     them, or with a name and a dot before, as a checkpoint of a training has them
     * @throws SondeException {@code bad-safetensors} if one is not there
     */
    public static SparseAutoencoder of(String name, Safetensors weights) {
        List<Trainable> parts = new ArrayList<>();
        for (String part : List.of("W_enc", "b_enc", "W_dec", "b_dec")) {
            @Nullable Tensor tensor = weights.tensors().get(part);
            if (tensor == null) {
                tensor = weights.tensors().get(name + "." + part);
            }
            if (tensor == null) {
                throw new SondeException(
                        "bad-safetensors",
                        "An autoencoder needs '" + part + "' or '" + name + "." + part
                                + "': expected one of them but was "
                                + weights.tensors().keySet());
            }
            parts.add(Trainable.of(name + "." + part, tensor));
        }
        return new SparseAutoencoder(parts);
    }

    /** Returns how much there is of each direction: the last axis of {@code x}, its width, becomes one of features. */
    public Value<Any> features(Session session, Value<?> x) {
        return x.as(Any.class)
                .matmul(part(session, "W_enc"))
                .plus(part(session, "b_enc"))
                .relu();
    }

    /** Returns the activations that features stand for. */
    public Value<Any> decode(Session session, Value<?> features) {
        return features.as(Any.class).matmul(part(session, "W_dec")).plus(part(session, "b_dec"));
    }

    /**
     * Returns the loss of activations, averaged over all but their last axis.
     *
     * @param x such as {@code [batch, position, d_model]} or {@code [row, width]}; where prompts differ in length, select first
     */
    public Value<Any> loss(Session session, Value<?> x, double penalty) {
        Value<Any> features = features(session, x);
        Value<Any> error = decode(session, features).minus(x).pow(2).sum("-1");
        Value<Any> lengths = part(session, "W_dec").norm("1");
        return error.plus(features.times(lengths).sum("-1").times(penalty)).mean();
    }

    /**
     * Returns a training on activations that are there already, such as {@link Model#cache} keeps them; the model does not run.
     *
     * @param activations float32, {@code [row, width]}
     */
    public Training train(Model model, Tensor activations, double penalty) {
        return model.train(
                Rows.dataset(activations), (s, rows) -> loss(s, s.constant(Rows.of(activations, rows)), penalty));
    }

    /**
     * Returns a training on what a model has at a site for all tokens of a data set's prompts, which must be of one length in a batch.
     *
     * @param prompt template of the rows' prompts, such as <code>{text}</code>
     */
    public Training train(Model model, String site, Dataset dataset, String prompt, double penalty) {
        return model.train(
                dataset,
                (s, rows) -> loss(
                        s,
                        s.run(rows.stream().map(row -> row.fill(prompt)).toList())
                                .get(site),
                        penalty));
    }

    /** Puts in a site's place what the features say of it. */
    public void splice(Session session, Trace trace, Site<Any> site) {
        trace.update(site, x -> decode(session, features(session, x)));
    }

    /**
     * Changes features at a site and leaves what they do not explain: {@code x + decode(change(f)) - decode(f)} (Marks et al., "Sparse
     * Feature Circuits", 2024, section 3.1).
     *
     * @param change such as {@code f -> f.with(index("-1", 17), 0)}
     */
    public void edit(Session session, Trace trace, Site<Any> site, UnaryOperator<Value<Any>> change) {
        trace.update(site, x -> {
            Value<Any> features = features(session, x);
            return x.plus(change.apply(features).minus(features).matmul(part(session, "W_dec")));
        });
    }

    private Value<Any> part(Session session, String name) {
        return session.trainable(Objects.requireNonNull(parts.get(name)));
    }

    /** Returns {@code W_enc}, {@code b_enc}, {@code W_dec} and {@code b_dec} by these names. */
    public Map<String, Trainable> trainables() {
        return Map.copyOf(parts);
    }
}
