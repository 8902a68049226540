package dev.sonde.methods;

import dev.sonde.DType;
import dev.sonde.Session;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.training.Trainable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Low-rank additions to linear modules: {@code output + scale * (input A) B} (Hu et al., "LoRA: Low-Rank Adaptation of Large Language
 * Models", 2021, section 4.1). A begins as even noise, B as zeros, so that nothing changes before a training.
 *
 * <pre>{@code
 * Lora lora = Lora.of(model.manifest(), 4, 2.0, seed, "transformer.h.1.attn.c_attn");
 * model.train(dataset, (s, rows) -> loss.of(s.run(prompts(rows), lora::apply))).run();
 * EditedModel adapted = model.edit(lora::apply);
 * }</pre>
 */
public final class Lora {
    private final double scale;
    private final List<Part> parts;

    /** The two matrices of one module: {@code [in, rank]} and {@code [rank, out]}, and how its weight lies. */
    private record Part(String module, Trainable a, Trainable b, Layout layout) {}

    private enum Layout {
        INPUT_FIRST,
        OUTPUT_FIRST,
        UNKNOWN
    }

    private Lora(double scale, List<Part> parts) {
        this.scale = scale;
        this.parts = parts;
    }

    /**
     * Returns additions to modules.
     *
     * @param rank columns of A; 0 for none, which changes nothing
     * @param scale what the addition is multiplied by: alpha / rank; 0 changes nothing
     * @param seed of A
     * @param modules paths of linear modules
     */
    public static Lora of(ModelManifest manifest, int rank, double scale, long seed, String... modules) {
        if (rank < 0) {
            throw new IllegalArgumentException("Expected a rank of 0 or more but was " + rank);
        }
        List<Part> parts = new ArrayList<>();
        for (String module : modules) {
            String path = manifest.module(module).path();
            long in = width(manifest.site(path + "#input"));
            long out = width(manifest.site(path + "#output"));
            if (rank > 0) {
                parts.add(new Part(
                        path,
                        Trainable.uniform(path + ".lora_A", seed + parts.size(), 1 / Math.sqrt((double) in), in, rank),
                        Trainable.zeros(path + ".lora_B", rank, out),
                        layout(manifest, path, in, out)));
            }
        }
        return new Lora(scale, List.copyOf(parts));
    }

    private static long width(SiteInfo site) {
        return site.axes()
                .get(site.axes().size() - 1)
                .size()
                .in(Map.of())
                .orElseThrow(() -> new IllegalArgumentException(
                        "The last axis of '" + site.name() + "' has no fixed size: expected a linear module"));
    }

    /** A Linear's weight is {@code [out, in]}, a Conv1D's {@code [in, out]}; of a square one only the class tells. */
    private static Layout layout(ModelManifest manifest, String path, long in, long out) {
        List<AxisInfo> axes =
                manifest.find(path + ".weight").map(SiteInfo::axes).orElse(List.of());
        if (axes.size() != 2) {
            return Layout.UNKNOWN;
        }
        long rows = axes.get(0).size().in(Map.of()).orElse(-1L);
        if (in != out) {
            return rows == in ? Layout.INPUT_FIRST : Layout.OUTPUT_FIRST;
        }
        return switch (manifest.module(path).type()) {
            case "Conv1D" -> Layout.INPUT_FIRST;
            case "Linear" -> Layout.OUTPUT_FIRST;
            default -> Layout.UNKNOWN;
        };
    }

    /** Adds what the matrices make of the modules' inputs to their outputs. */
    public void apply(Trace trace) {
        for (Part part : scale == 0 ? List.<Part>of() : parts) {
            Value<Any> input = trace.get(part.module() + "#input");
            Value<Any> addition = input.cast(DType.FLOAT32)
                    .matmul(trace.trainable(part.a()))
                    .matmul(trace.trainable(part.b()))
                    .times(scale)
                    .cast(input.type().dtype());
            trace.update(Site.of(part.module() + "#output"), v -> v.plus(addition));
        }
    }

    /**
     * Adds the products of the matrices to the modules' weights, which does what {@link #apply} does. Where modules share a weight, as
     * an output layer and the embeddings may, all of them change.
     *
     * @throws SondeException {@code unknown-layout} if a file does not say how a weight lies; {@link #apply} works there
     */
    public void merge(Trace trace) {
        for (Part part : scale == 0 ? List.<Part>of() : parts) {
            Value<Any> product = product(trace.trainable(part.a()), trace.trainable(part.b()), part);
            trace.update(
                    Site.of(part.module() + ".weight"),
                    weight -> weight.plus(product.cast(weight.type().dtype())));
        }
    }

    /**
     * Returns the modules' weights with the products added, by PyTorch's names and in its layout: what to save for use elsewhere.
     *
     * @throws SondeException {@code unknown-layout} if a file does not say how a weight lies
     */
    public Map<String, Value<Any>> weights(Session session) {
        Map<String, Value<Any>> all = new LinkedHashMap<>();
        for (Part part : parts) {
            String name = part.module() + ".weight";
            Value<Any> product = product(session.trainable(part.a()), session.trainable(part.b()), part);
            Value<Any> weight = session.parameter(name).as(Any.class);
            all.put(name, weight.plus(product.cast(weight.type().dtype())));
        }
        return all;
    }

    private Value<Any> product(Value<Any> a, Value<Any> b, Part part) {
        if (part.layout() == Layout.UNKNOWN) {
            throw new SondeException(
                    "unknown-layout",
                    "Which axis of '" + part.module()
                            + ".weight' is the input's? It is square or no matrix, and the file names"
                            + " neither Linear nor Conv1D: expected Lora.apply, which needs no weight");
        }
        Value<Any> product = a.matmul(b).times(scale);
        return part.layout() == Layout.INPUT_FIRST ? product : product.transpose("1", "0");
    }

    /** Returns all matrices: A and B of the first module, then of the next. */
    public List<Trainable> trainables() {
        List<Trainable> all = new ArrayList<>();
        parts.forEach(part -> all.addAll(List.of(part.a(), part.b())));
        return all;
    }
}
