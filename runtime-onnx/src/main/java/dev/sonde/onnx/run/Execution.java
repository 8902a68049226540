package dev.sonde.onnx.run;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.onnx.plan.Feed;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.onnx.plan.Program;
import dev.sonde.onnx.plan.Turn;
import dev.sonde.spi.Tokenizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One execution of a plan, program by program. For one thread. */
final class Execution implements AutoCloseable {
    private final Sessions sessions;
    private final ModelManifest manifest;
    private final Plan plan;
    private final Ending ending;
    private final Crossings crossings;
    private final Staging staging = new Staging();
    private final Map<String, Tensor> saved = new LinkedHashMap<>();
    private final Map<Integer, Tensor> javaValues = new HashMap<>();
    private final Map<Integer, GenerationLoop> loops = new HashMap<>();
    private final Map<Integer, List<Program>> pending = new HashMap<>();
    private final Optional<Tokenizer> tokenizer;

    /**
     * @param memoryBudget bytes that values may take which wait for another program
     */
    Execution(
            Sessions sessions,
            ModelManifest manifest,
            Plan plan,
            Ending ending,
            Optional<Tokenizer> tokenizer,
            long memoryBudget) {
        this.tokenizer = tokenizer;
        this.sessions = sessions;
        this.manifest = manifest;
        this.plan = plan;
        this.ending = ending;
        this.crossings = new Crossings(plan.programs(), sessions.environment().ort(), memoryBudget);
    }

    /** Runs all programs, telling {@code done} after each. */
    Map<String, Tensor> run(Runnable done) {
        for (List<Program> alike : together()) {
            ending.check();
            if (alike.get(0).turn().isPresent()) {
                generate(alike.get(0));
            } else {
                run(alike);
            }
            alike.forEach(each -> done.run());
        }
        InterventionGraph graph = plan.lowered();
        Map<String, Tensor> ordered = new LinkedHashMap<>();
        graph.saves().forEach((name, id) -> {
            if (!name.startsWith(InterventionGraph.LOG)) {
                ordered.put(name, result(name, id));
            } else if (graph.nodes().get(id) instanceof Node.Constant constant) {
                ending.log(name, constant.value());
            }
        });
        return ordered;
    }

    /** The prompt pass runs at once; programs of later steps run when all are there, in the order of the steps. */
    private void generate(Program program) {
        Turn turn = program.turn().orElseThrow();
        int head = turn.generation();
        boolean first = program.input().orElseThrow() instanceof RunInput.Generation;
        if (first) {
            loops.put(
                    head, new GenerationLoop(plan, turn, sessions, manifest, ending, crossings, javaValues, tokenizer));
        }
        GenerationLoop loop = Objects.requireNonNull(loops.get(head));
        pending.computeIfAbsent(head, unused -> new ArrayList<>()).add(program);
        if (first) {
            take(program, loop.prompt(program), loop.held());
        }
        if (first ? !loop.hasLaterSteps() : loop.add(program)) {
            loop.later();
            loop.results().forEach((id, tensor) -> {
                javaValues.put(id, tensor);
                keep(id, tensor);
            });
            loop.close();
            pending.getOrDefault(head, List.of()).forEach(crossings::used);
        }
    }

    private Tensor result(String name, int id) {
        Tensor computed = saved.get(name);
        if (computed != null) {
            return computed;
        }
        return ((Node.Constant) plan.lowered().nodes().get(id)).value();
    }

    /** Returns the programs in their order, those together for which the same segments of the model are opened. */
    private List<List<Program>> together() {
        List<List<Program>> all = new ArrayList<>();
        for (Program program : plan.programs()) {
            List<Program> before = all.isEmpty() ? List.of() : all.get(all.size() - 1);
            boolean joins = !before.isEmpty()
                    && before.get(0).splice().equals(program.splice())
                    && program.turn().isEmpty()
                    && before.stream().noneMatch(each -> needs(program, each))
                    && sessions.isCut(program);
            if (!joins) {
                all.add(new ArrayList<>());
            }
            all.get(all.size() - 1).add(program);
        }
        return all;
    }

    private static boolean needs(Program program, Program other) {
        return !other.locals().isEmpty()
                || program.feeds().values().stream()
                        .anyMatch(feed -> feed instanceof Feed.Foreign foreign
                                && other.values().containsKey(foreign.node()));
    }

    private void run(List<Program> alike) {
        Program first = alike.get(0);
        Sessions.Kept session = sessions.borrow(first);
        List<OnnxTensor> own = new ArrayList<>();
        try (OrtSession.RunOptions options = new OrtSession.RunOptions()) {
            List<Map<String, OnnxTensor>> inputs = new ArrayList<>();
            for (Program program : alike) {
                inputs.add(inputs(program, session.body(), own));
            }
            List<Map<String, OnnxTensor>> outputs =
                    ending.watch(options, () -> session.body().run(inputs, options));
            for (int i = 0; i < alike.size(); i++) {
                take(alike.get(i), outputs.get(i), Set.of());
            }
        } catch (OrtException e) {
            ending.check(); // if it was ended, this is how
            throw new SondeException("engine", first.label() + " failed: " + e.getMessage(), e);
        } finally {
            own.forEach(OnnxTensor::close);
            staging.clear();
            sessions.giveBack(session);
            alike.forEach(crossings::used);
        }
    }

    private Map<String, OnnxTensor> inputs(Program program, Body body, List<OnnxTensor> own) throws OrtException {
        Map<String, OnnxTensor> inputs = new HashMap<>();
        for (String name : body.inputNames()) {
            Feed feed = program.feeds().get(name);
            if (feed instanceof Feed.Foreign foreign && !javaValues.containsKey(foreign.node())) {
                inputs.put(name, crossings.get(foreign.node()));
            } else {
                OnnxTensor tensor = staged(given(program, name, feed));
                own.add(tensor);
                inputs.put(name, tensor);
            }
        }
        return inputs;
    }

    private OnnxTensor staged(Tensor tensor) throws OrtException {
        return OrtTensors.in(
                sessions.environment().ort(),
                tensor,
                staging.take(tensor.bytes().remaining()));
    }

    private Tensor given(Program program, String name, @Nullable Feed feed) {
        if (feed instanceof Feed.Given given) {
            return given.tensor();
        }
        if (feed instanceof Feed.Constant constant) {
            return ((Node.Constant) plan.lowered().nodes().get(constant.node())).value();
        }
        if (feed instanceof Feed.Foreign foreign) {
            return Objects.requireNonNull(javaValues.get(foreign.node()));
        }
        return new ModelInputs(manifest, program.input().orElseThrow()).tensor(name);
    }

    private void take(Program program, Map<String, OnnxTensor> outputs, Set<OnnxTensor> held) {
        program.values().forEach((id, name) -> save(id, outputs.get(name)));
        for (int id : program.locals()) {
            if (!(plan.lowered().nodes().get(id) instanceof Node.Local local)) {
                continue; // the generation puts it there
            }
            OnnxTensor input = outputs.get(program.values().get(local.input()));
            compute(id, local, input);
        }
        crossings.put(program, outputs, held);
    }

    private void compute(int id, Node.Local local, @Nullable OnnxTensor computed) {
        Tensor input = computed == null
                ? Objects.requireNonNull(javaValues.get(local.input()))
                : tensor(computed, plan.types().get(local.input()));
        Tensor output = local.function().apply(input);
        boolean fits = output.dtype() == local.type().dtype() && ShapeRules.fits(local.type(), output.shape());
        if (!fits) {
            throw new SondeException(
                    "wrong-result",
                    "A function in Java (" + local.where() + ") returned " + output.describe() + ": expected "
                            + local.type());
        }
        Tensor named = output.withNames(local.type().names());
        javaValues.put(id, named);
        keep(id, Padding.clear(named, local.type()));
    }

    private static Tensor tensor(OnnxTensor tensor, ValueType type) {
        return Padding.clear(OrtTensors.out(tensor, type.names()), type);
    }

    private void save(int id, @Nullable OnnxTensor tensor) {
        if (tensor == null) {
            throw new IllegalStateException("no output for value " + id);
        }
        if (!plan.savedAs(id).isEmpty()) {
            keep(id, tensor(tensor, plan.types().get(id)));
        }
    }

    private void keep(int id, Tensor tensor) {
        for (String name : plan.savedAs(id)) {
            if (name.startsWith(InterventionGraph.LOG)) {
                ending.log(name, tensor);
            } else {
                saved.put(name, tensor);
                ending.saved(name, tensor);
            }
        }
    }

    @Override
    public void close() {
        loops.values().forEach(GenerationLoop::close);
        crossings.close();
        staging.close();
    }
}
