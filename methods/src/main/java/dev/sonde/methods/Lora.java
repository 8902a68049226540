package dev.sonde.methods;

import dev.sonde.DType;
import dev.sonde.Site;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.training.Trainable;
import java.util.ArrayList;
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

    /** The two matrices of one module: {@code [in, rank]} and {@code [rank, out]}. */
    private record Part(String module, Trainable a, Trainable b) {}

    private Lora(double scale, List<Part> parts) {
        this.scale = scale;
        this.parts = parts;
    }

    /**
     * Returns additions to modules.
     *
     * @param rank columns of A; 0 for none, which changes nothing
     * @param scale what the addition is multiplied by: alpha / rank
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
                        Trainable.zeros(path + ".lora_B", rank, out)));
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

    /** Adds what the matrices make of the modules' inputs to their outputs. */
    public void apply(Trace trace) {
        for (Part part : parts) {
            Value<Any> input = trace.get(part.module() + "#input");
            Value<Any> addition = input.cast(DType.FLOAT32)
                    .matmul(trace.trainable(part.a()))
                    .matmul(trace.trainable(part.b()))
                    .times(scale)
                    .cast(input.type().dtype());
            trace.update(Site.of(part.module() + "#output"), v -> v.plus(addition));
        }
    }

    /** Returns all matrices: A and B of the first module, then of the next. */
    public List<Trainable> trainables() {
        List<Trainable> all = new ArrayList<>();
        parts.forEach(part -> all.addAll(List.of(part.a(), part.b())));
        return all;
    }
}
