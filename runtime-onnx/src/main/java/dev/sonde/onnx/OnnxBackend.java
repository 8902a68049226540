package dev.sonde.onnx;

import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.file.TurnedWeights;
import dev.sonde.onnx.plan.ModelGraph;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.onnx.plan.Planning;
import dev.sonde.onnx.plan.Plans;
import dev.sonde.onnx.plan.Segmentation;
import dev.sonde.onnx.plan.Target;
import dev.sonde.onnx.plan.TurnedProducts;
import dev.sonde.onnx.plan.Wiring;
import dev.sonde.onnx.run.Masks;
import dev.sonde.onnx.run.OperatorProbe;
import dev.sonde.onnx.run.Runner;
import dev.sonde.onnx.run.RuntimeEnvironment;
import dev.sonde.onnx.run.SessionSettings;
import dev.sonde.onnx.run.Sessions;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Prepared;
import dev.sonde.spi.Results;
import dev.sonde.spi.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Plans graphs and runs them on ONNX Runtime. */
final class OnnxBackend implements Backend {
    private static final long MODEL_BYTES = 256L << 20;
    private static final long SMALL = 8 << 20;

    private final ModelManifest manifest;
    private final Target target;
    private final Sessions sessions;
    private final OperatorProbe operators;
    private final Runner runner;
    private final Provenance provenance;
    private final Optional<FileTokenizer> tokenizer;
    private final UseCount uses;
    private final Plans plans;

    OnnxBackend(
            OnnxFile file,
            ModelGraph graph,
            Supplier<ModelGraph> byHead,
            Wiring wiring,
            TurnedWeights turned,
            Options options,
            Optional<FileTokenizer> tokenizer) {
        this.manifest = wiring.manifest();
        RuntimeEnvironment environment = RuntimeEnvironment.get(options.threads());
        Segmentation segmentation = new Segmentation(graph.model(), options.weightsBudget());
        TurnedProducts products = new TurnedProducts(graph, turned);
        this.sessions = new Sessions(
                environment,
                settings(file, options),
                graph.model(),
                segmentation,
                products,
                options.sessions(),
                MODEL_BYTES);
        this.target = new Target(graph, wiring, segmentation, new Masks(sessions, manifest)::values, products, byHead);
        this.operators = new OperatorProbe(environment, graph.model());
        this.runner = new Runner(sessions, manifest, tokenizer.map(each -> each), options.memoryBudget());
        this.provenance = new Provenance(
                file, options, products.turnsAny(), environment.ort().getVersion(), environment.notes());
        this.tokenizer = tokenizer;
        this.plans = new Plans(target, planning(options));
        this.uses = new UseCount(manifest.name());
    }

    private static Planning planning(Options options) {
        return switch (options.planning()) {
            case OFF -> Planning.OFF;
            case FULL -> new Planning(true, Planning.Reuse.ESTIMATED, options.memoryBudget());
            case REUSE -> new Planning(true, Planning.Reuse.ALWAYS, options.memoryBudget());
        };
    }

    private static SessionSettings settings(OnnxFile file, Options options) {
        boolean prepack = options.prepacking() == Options.Prepacking.ON
                || (options.prepacking() == Options.Prepacking.AUTO && needsPrepacking(file));
        return new SessionSettings(
                options.threads(),
                options.optimization().level(),
                options.target().cudaDevice(),
                prepack,
                options.prepacking() == Options.Prepacking.AUTO,
                file.weightsFolder());
    }

    /** Quantised products are very slow without, and small models are packed in no time. */
    private static boolean needsPrepacking(OnnxFile file) {
        return isSmall(file)
                || file.skeleton().getGraph().getNodeList().stream()
                        .anyMatch(node -> node.getOpType().startsWith("MatMulNBits"));
    }

    private static boolean isSmall(OnnxFile file) {
        List<TensorProto> weights = file.skeleton().getGraph().getInitializerList();
        return weights.stream().mapToLong(TurnedWeights::bytes).sum() <= SMALL
                && weights.stream().noneMatch(weight -> TurnedWeights.bytes(weight) >= TurnedWeights.LEAST);
    }

    /** Returns the turned matrices of a model if products are to be written with them. */
    static TurnedWeights turned(OnnxFile file, Options options) {
        boolean wanted = options.prepacking() == Options.Prepacking.AUTO
                && options.optimization() != Options.Optimization.NONE
                && options.target().equals(Options.ExecutionTarget.CPU)
                && !needsPrepacking(file);
        return wanted ? TurnedWeights.of(file) : TurnedWeights.NONE;
    }

    @Override
    public ModelManifest manifest() {
        return manifest;
    }

    @Override
    public Optional<Tokenizer> tokenizer() {
        return tokenizer.map(each -> each);
    }

    @Override
    public ValueType infer(Node.Onnx node, List<ValueType> inputs, List<Optional<Tensor>> known) {
        return uses.use(() -> operators.infer(node, inputs, known));
    }

    @Override
    public void check(InterventionGraph graph) {
        uses.use(() -> plans.of(graph, unused -> {}));
    }

    /** Returns how many sessions were made so far. */
    long sessionsCreated() {
        return sessions.created();
    }

    @Override
    public Prepared prepare(InterventionGraph graph, Limits limits) {
        return uses.use(() -> {
            checkModel(graph);
            LimitChecks.check(graph, limits);
            return plans.of(graph, cost -> LimitChecks.check(cost, limits));
        });
    }

    private void checkModel(InterventionGraph graph) {
        if (!graph.model().isEmpty() && !graph.model().equals(manifest.sha256())) {
            throw new SondeException(
                    "other-model",
                    "The experiment was recorded for the model with sha256 " + graph.model() + " but '"
                            + manifest.name() + "' has " + manifest.sha256());
        }
    }

    @Override
    public List<Results> run(List<Prepared> prepared, Control control) {
        return uses.use(() -> {
            List<Plan> plans = prepared.stream().map(this::plan).toList();
            List<Map<String, Tensor>> saved = runner.run(plans, control);
            List<Results> results = new ArrayList<>();
            for (int i = 0; i < plans.size(); i++) {
                results.add(new Results(saved.get(i), provenance.of(plans.get(i))));
            }
            return results;
        });
    }

    private Plan plan(Prepared prepared) {
        if (prepared instanceof Plan plan && plan.isFor(target)) {
            return plan;
        }
        throw new SondeException(
                "other-model", "Expected a graph that model '" + manifest.name() + "' prepared but was " + prepared);
    }

    @Override
    public void close() {
        uses.end(() -> {
            sessions.close();
            tokenizer.ifPresent(FileTokenizer::close);
        });
    }
}
