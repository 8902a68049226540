package dev.sonde.cli.conformance;

import dev.sonde.DType;
import dev.sonde.Model;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A model of two blocks on paper, which answers every experiment with the same tensors. */
final class PaperModel implements Model, Backend {
    private final Map<String, Tensor> answers;
    private final List<InterventionGraph> graphs = new ArrayList<>();

    PaperModel(Map<String, Tensor> answers) {
        this.answers = answers;
    }

    /** Returns what it was asked. */
    List<InterventionGraph> graphs() {
        return graphs;
    }

    @Override
    public ModelManifest manifest() {
        List<AxisInfo> tokens =
                List.of(new AxisInfo("batch", Size.symbol("batch")), new AxisInfo("position", Size.symbol("position")));
        List<AxisInfo> residual = List.of(tokens.get(0), tokens.get(1), new AxisInfo("d_model", Size.of(4)));
        List<SiteInfo> sites = new ArrayList<>();
        List<ModuleInfo> modules = new ArrayList<>();
        for (String block : List.of("h.0", "h.1")) {
            sites.add(new SiteInfo(block + "#output", "Residual", DType.FLOAT32, residual, block, true));
            modules.add(new ModuleInfo(block, "Block", 1, List.of(block + "#output"), residual));
        }
        sites.add(new SiteInfo("logits", "Logits", DType.FLOAT32, residual, "logits", true));
        return new ModelManifest(
                "paper",
                "abc",
                "hand",
                List.of(
                        new ModelInput("ids", ModelInput.Role.TOKENS, DType.INT64, tokens),
                        new ModelInput("mask", ModelInput.Role.ATTENTION_MASK, DType.INT64, tokens)),
                modules,
                sites,
                Map.of(),
                List.of(new Absence("h.0.dropout#output", "it does nothing in evaluation mode")),
                new ModelManifest.Placement(2, 2, List.of()));
    }

    @Override
    public Backend backend() {
        return this;
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return Optional.empty();
    }

    @Override
    public Prepared prepare(InterventionGraph graph, Limits limits) {
        graphs.add(graph);
        return new OnPaper(graph);
    }

    private record OnPaper(InterventionGraph graph) implements Prepared {
        @Override
        public Cost cost() {
            return new Cost(0, 0, 0);
        }

        @Override
        public String structureKey() {
            return "";
        }
    }

    @Override
    public List<Results> run(List<Prepared> prepared, Control control) {
        return List.of(new Results(answers, Map.of()));
    }

    @Override
    public void close() {}
}
