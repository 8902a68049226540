package dev.sonde.processor;

import dev.sonde.DType;
import dev.sonde.Model;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.manifest.Absence;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.ModuleInfo;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.manifest.Size;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Prepared;
import dev.sonde.spi.Results;
import dev.sonde.spi.Tokenizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A two-layer decoder that exists on paper: it records like a real one, and only constants can be run on it. */
final class PaperModel implements Model, Backend {
    private static final AxisInfo BATCH = new AxisInfo("batch", Size.symbol("batch"));
    private static final AxisInfo POSITION = new AxisInfo("position", Size.symbol("position"));

    private final ModelManifest manifest = describe();

    private static AxisInfo axis(String name, long size) {
        return new AxisInfo(name, Size.of(size));
    }

    private static ModelManifest describe() {
        List<AxisInfo> tokens = List.of(BATCH, POSITION);
        List<AxisInfo> residual = List.of(BATCH, POSITION, axis("d_model", 8));
        List<AxisInfo> pattern = List.of(
                BATCH,
                axis("head", 2),
                new AxisInfo("query", Size.symbol("position")),
                new AxisInfo("key", Size.symbol("position")));
        List<SiteInfo> sites = new ArrayList<>();
        List<ModuleInfo> modules = new ArrayList<>();
        modules.add(new ModuleInfo("", "Paper", 1, List.of(), List.of()));
        for (int i = 0; i < 2; i++) {
            String block = "transformer.h." + i;
            String output = block + "#output";
            sites.add(new SiteInfo("layers." + i + "#resid_post", "Residual", DType.FLOAT32, residual, output, true));
            sites.add(new SiteInfo("layers." + i + "#pattern", "Pattern", DType.FLOAT32, pattern, "p" + i, true));
            sites.add(new SiteInfo(output, "Residual", DType.FLOAT32, residual, output, true));
            modules.add(new ModuleInfo(block, "Block", 1, List.of(output), residual));
        }
        List<AxisInfo> logits = List.of(BATCH, POSITION, axis("vocab", 11));
        sites.add(new SiteInfo("logits", "Logits", DType.FLOAT32, logits, "logits", true));
        return new ModelManifest(
                "paper",
                "abc123",
                "hand",
                List.of(
                        new ModelInput("input_ids", ModelInput.Role.TOKENS, DType.INT64, tokens),
                        new ModelInput("attention_mask", ModelInput.Role.ATTENTION_MASK, DType.INT64, tokens)),
                modules,
                sites,
                Map.of("layers.0", "transformer.h.0", "layers.1", "transformer.h.1"),
                List.of(new Absence("layers.0#z", "it is fused in com.microsoft.Attention at 'Attention_0'")),
                new ModelManifest.Placement(10, 9, List.of()));
    }

    @Override
    public Backend backend() {
        return this;
    }

    @Override
    public ModelManifest manifest() {
        return manifest;
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return Optional.of(new Tokenizer() {
            @Override
            public long[] encode(String text) {
                return text.chars().mapToLong(c -> c % 11).toArray();
            }

            @Override
            public long[] encodePlain(String text) {
                return encode(text);
            }

            @Override
            public String decode(long... ids) {
                return "<" + ids[0] + ">";
            }
        });
    }

    @Override
    public Prepared prepare(InterventionGraph graph, Limits limits) {
        return new Prepared() {
            @Override
            public InterventionGraph graph() {
                return graph;
            }

            @Override
            public Cost cost() {
                return new Cost(0, 0, 0);
            }

            @Override
            public String structureKey() {
                return graph.toString();
            }
        };
    }

    @Override
    public List<Results> run(List<Prepared> prepared, Control control) {
        List<Results> results = new ArrayList<>();
        for (Prepared each : prepared) {
            Map<String, Tensor> saved = new LinkedHashMap<>();
            each.graph().saves().forEach((name, id) -> {
                if (each.graph().nodes().get(id) instanceof Node.Constant constant) {
                    saved.put(name, constant.value());
                }
            });
            results.add(new Results(saved, Map.of()));
        }
        return results;
    }

    @Override
    public void close() {}
}
