package dev.sonde.onnx.run;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.onnx.plan.Feed;
import dev.sonde.onnx.plan.Leaving;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.onnx.plan.Program;
import dev.sonde.onnx.plan.Turn;
import dev.sonde.spi.Tokenizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Runs the steps of one generation: a forward pass, a choice of tokens, and again. Keys and values stay native; they pass from
 * one call to the next as they are.
 */
final class GenerationLoop implements AutoCloseable {
    private final Plan plan;
    private final int head;
    private final Sessions sessions;
    private final ModelManifest manifest;
    private final Ending ending;
    private final Crossings crossings;
    private final Map<Integer, Tensor> javaValues;
    private final RunInput.Generation input;
    private final GenerationRows rows;
    private final KeptValues kept;
    private final Optional<Leaving> leaving;
    private final Map<String, Integer> positions;
    private final List<Program> later = new ArrayList<>();
    private final IdentityHashMap<Program, Opened> opened = new IdentityHashMap<>();
    private final List<OnnxTensor> given = new ArrayList<>();
    private final Map<String, OnnxTensor> carried = new HashMap<>();
    private Map<String, OnnxTensor> cache = new HashMap<>();
    private List<OnnxTensor> buffers = List.of();
    private final int laterPrograms;

    /** A program with its session and those inputs that are the same at every step. */
    private record Opened(Sessions.Kept session, Map<String, OnnxTensor> fixed, Set<String> names) {}

    GenerationLoop(
            Plan plan,
            Turn turn,
            Sessions sessions,
            ModelManifest manifest,
            Ending ending,
            Crossings crossings,
            Map<Integer, Tensor> javaValues,
            Optional<Tokenizer> tokenizer) {
        this.plan = plan;
        this.head = turn.generation();
        this.leaving = turn.leaving();
        this.positions = turn.positions();
        this.sessions = sessions;
        this.manifest = manifest;
        this.ending = ending;
        this.crossings = crossings;
        this.javaValues = javaValues;
        this.input = (RunInput.Generation) plan.lowered().runs().get(head);
        this.rows = new GenerationRows(
                head, input, ending, new StopStrings(input.options().stopStrings(), tokenizer));
        this.kept = new KeptValues(plan, head, rows, leaving);
        this.laterPrograms = (int) plan.lowered().runs().stream()
                .filter(run -> run instanceof RunInput.Steps steps && steps.generation() == head)
                .count();
    }

    /** Returns the tensors that the next step needs. */
    Set<OnnxTensor> held() {
        Set<OnnxTensor> held = new HashSet<>(cache.values());
        held.addAll(buffers);
        held.addAll(carried.values());
        return held;
    }

    /** Runs the prompt pass and returns its outputs. */
    Map<String, OnnxTensor> prompt(Program program) {
        return step(program, 0);
    }

    /** Takes the program of some later steps; returns whether it was the last one. */
    boolean add(Program program) {
        later.add(program);
        return later.size() == laterPrograms;
    }

    boolean hasLaterSteps() {
        return laterPrograms > 0;
    }

    /** Runs the later steps, until all rows have ended. */
    void later() {
        if (positions.isEmpty()) {
            steps();
            return;
        }
        Map<String, OnnxTensor> all = cache;
        Map<String, OnnxTensor> handed = Map.copyOf(carried);
        handed.values().stream()
                .filter(each -> !given.contains(each) && !crossings.holds(each))
                .forEach(this::keep); // every length begins with them
        try {
            for (Map.Entry<Integer, List<Integer>> alike : rows.byLength().entrySet()) {
                begin(all, handed, alike.getKey(), alike.getValue());
                steps();
                end();
            }
        } catch (OrtException e) {
            throw new SondeException("engine", "Rows cannot go on apart: " + e.getMessage(), e);
        } finally {
            all.values().forEach(OnnxTensor::close);
        }
    }

    /** Rows of one length go on by themselves: they have what the prompt pass left of them. */
    private void begin(Map<String, OnnxTensor> all, Map<String, OnnxTensor> handed, int length, List<Integer> some)
            throws OrtException {
        rows.only(some);
        cache = new HashMap<>();
        for (Map.Entry<String, OnnxTensor> each : all.entrySet()) {
            try (OnnxTensor own = some(each.getValue(), some)) {
                int axis = Objects.requireNonNull(positions.get(each.getKey()));
                cache.put(each.getKey(), OrtTensors.first(sessions.environment().ort(), own, axis, length));
            }
        }
        carried.clear();
        for (Map.Entry<String, OnnxTensor> each : handed.entrySet()) {
            OnnxTensor value = each.getValue();
            carried.put(each.getKey(), carriesRows(each.getKey()) ? keep(some(value, some)) : value);
        }
    }

    private void end() {
        freeCache();
        cache = Map.of();
        List<OnnxTensor> last = List.copyOf(carried.values());
        carried.clear();
        last.forEach(each -> release(each, Map.of()));
        opened.values().forEach(open -> sessions.giveBack(open.session()));
        opened.clear();
    }

    private void steps() {
        for (int step = 1; step < input.options().maxNewTokens() && rows.goOn(); step++) {
            ending.check();
            leave();
            Map<String, OnnxTensor> outputs = step(program(step), step);
            Set<OnnxTensor> held = held();
            outputs.values().stream().filter(each -> !held.contains(each)).forEach(OnnxTensor::close);
        }
    }

    /** Rows that have ended leave the batch, if nothing that the later steps do needs all of them. */
    private void leave() {
        if (leaving.isEmpty()) {
            return;
        }
        int before = rows.present().size();
        List<Integer> stay = rows.leave(!isCached());
        if (stay.size() == before) {
            return;
        }
        try {
            Map<String, OnnxTensor> next = new HashMap<>();
            for (Map.Entry<String, OnnxTensor> each : cache.entrySet()) {
                next.put(each.getKey(), some(each.getValue(), stay));
            }
            List<OnnxTensor> edited = new ArrayList<>();
            for (OnnxTensor buffer : buffers) {
                edited.add(some(buffer, stay));
            }
            freeCache();
            cache = next;
            buffers = edited;
            leaveCarried(stay);
            for (Map.Entry<Program, Opened> each : opened.entrySet()) {
                leaveFixed(each.getKey(), each.getValue().fixed(), stay);
            }
        } catch (OrtException e) {
            throw new SondeException("engine", "Rows cannot leave a generation: " + e.getMessage(), e);
        }
    }

    private void leaveCarried(List<Integer> stay) throws OrtException {
        for (Map.Entry<String, OnnxTensor> each : carried.entrySet()) {
            if (carriesRows(each.getKey())) {
                release(each.setValue(some(each.getValue(), stay)), Map.of());
            }
        }
    }

    private void leaveFixed(Program program, Map<String, OnnxTensor> fixed, List<Integer> stay) throws OrtException {
        for (Map.Entry<String, OnnxTensor> each : fixed.entrySet()) {
            if (hasRows(program.feeds().get(each.getKey()))) {
                each.setValue(keep(some(each.getValue(), stay)));
            }
        }
    }

    private boolean carriesRows(String name) {
        return leaving.orElseThrow().values().stream()
                .map(plan.lowered().nodes()::get)
                .anyMatch(
                        node -> node instanceof Node.Carried each && each.name().equals(name));
    }

    private boolean hasRows(@Nullable Feed feed) {
        Set<Integer> given = leaving.map(Leaving::given).orElse(Set.of());
        return (feed instanceof Feed.Carried carry && given.contains(carry.initial()))
                || (feed instanceof Feed.Constant constant && given.contains(constant.node()))
                || (feed instanceof Feed.Foreign foreign && given.contains(foreign.node()));
    }

    private OnnxTensor some(OnnxTensor tensor, List<Integer> stay) throws OrtException {
        return OrtTensors.rows(sessions.environment().ort(), tensor, stay);
    }

    private boolean isCached() {
        return manifest.input(ModelInput.Role.PAST).isPresent();
    }

    private Program program(int step) {
        for (Program program : later) {
            if (((RunInput.Steps) program.input().orElseThrow()).contains(step)) {
                return program;
            }
        }
        throw new IllegalStateException("no program for step " + step);
    }

    /** Returns the results by id: what was generated, and what steps kept. */
    Map<Integer, Tensor> results() {
        Map<Integer, Tensor> results = new HashMap<>();
        for (int id = 0; id < plan.lowered().nodes().size(); id++) {
            Node node = plan.lowered().nodes().get(id);
            if (node instanceof Node.Generated generated && generated.generation() == head) {
                results.put(id, rows.result(generated.part()));
            } else if (node instanceof Node.OverSteps over && over.generation() == head) {
                results.put(id, kept.over(id));
            }
        }
        return results;
    }

    private Map<String, OnnxTensor> step(Program program, int step) {
        Map<String, OnnxTensor> inputs = new HashMap<>();
        List<OnnxTensor> own = new ArrayList<>();
        try (OrtSession.RunOptions options = new OrtSession.RunOptions()) {
            Opened open = open(program);
            StepInputs places = new StepInputs(manifest, input, rows, step);
            for (String name : open.names()) {
                inputs.put(name, input(program, open, places, name, own));
            }
            Body body = open.session().body();
            return take(program, step, ending.watch(options, () -> body.run(inputs, options)));
        } catch (OrtException e) {
            ending.check(); // if it was ended, this is how
            throw new SondeException("engine", "Step " + step + " of a generation failed: " + e.getMessage(), e);
        } finally {
            own.forEach(OnnxTensor::close);
        }
    }

    private Opened open(Program program) throws OrtException {
        Opened known = opened.get(program);
        if (known != null) {
            return known;
        }
        Sessions.Kept session = sessions.borrow(program);
        Map<String, OnnxTensor> fixed = new HashMap<>();
        Opened now = new Opened(session, fixed, session.body().inputNames());
        opened.put(program, now);
        for (Map.Entry<String, Feed> feed : program.feeds().entrySet()) {
            if (feed.getValue() instanceof Feed.Given value && now.names().contains(feed.getKey())) {
                fixed.put(
                        feed.getKey(), keep(OrtTensors.in(sessions.environment().ort(), value.tensor())));
            } else if (feed.getValue() instanceof Feed.Constant value
                    && now.names().contains(feed.getKey())) {
                fixed.put(feed.getKey(), value(value.node(), value));
            } else if (feed.getValue() instanceof Feed.Foreign value
                    && now.names().contains(feed.getKey())) {
                fixed.put(feed.getKey(), value(value.node(), value));
            }
        }
        return now;
    }

    private OnnxTensor keep(OnnxTensor tensor) {
        given.add(tensor);
        return tensor;
    }

    /** Returns a value that does not come from a step, for the rows that the batch still has. */
    private OnnxTensor value(int id, Feed feed) throws OrtException {
        OnnxTensor all = value(id);
        return rows.present().size() < rows.count() && hasRows(feed) ? keep(some(all, rows.present())) : all;
    }

    /** Returns a value that does not come from a step. */
    private OnnxTensor value(int id) throws OrtException {
        if (crossings.has(id)) {
            return crossings.get(id);
        }
        Tensor tensor = javaValues.get(id);
        if (tensor == null && plan.lowered().nodes().get(id) instanceof Node.Constant constant) {
            tensor = constant.value();
        }
        if (tensor == null) {
            throw new IllegalStateException("value " + id + " is not there yet");
        }
        return keep(OrtTensors.in(sessions.environment().ort(), tensor));
    }

    private OnnxTensor input(Program program, Opened open, StepInputs places, String name, List<OnnxTensor> own)
            throws OrtException {
        OnnxTensor known = open.fixed().get(name);
        if (known == null) {
            known = cache.get(name);
        }
        Feed feed = program.feeds().get(name);
        if (feed instanceof Feed.Carried value) {
            OnnxTensor carry = carried.get(value.name());
            if (carry == null) {
                carry = value(value.initial(), value);
                carried.put(value.name(), carry);
            }
            return carry;
        }
        if (feed instanceof Feed.Buffer buffer) {
            return buffers.get(buffer.number());
        }
        if (known != null) {
            return known;
        }
        Tensor tensor = feed instanceof Feed.Where where ? places.where(where) : places.tensor(name);
        OnnxTensor made = OrtTensors.in(sessions.environment().ort(), tensor);
        own.add(made);
        return made;
    }

    /** Takes over what a step computed, and returns its outputs. */
    private Map<String, OnnxTensor> take(Program program, int step, Map<String, OnnxTensor> outputs)
            throws OrtException {
        Turn turn = program.turn().orElseThrow();
        int run = program.runs().get(0);
        Map<Integer, OnnxTensor> values = new HashMap<>();
        program.values().forEach((id, name) -> values.put(id, outputs.get(name)));
        kept.take(values, step);
        log(values, step);
        effects(run, step, values);
        Map<String, OnnxTensor> next = new HashMap<>();
        turn.cache().forEach((past, present) -> next.put(past, outputs.get(present)));
        freeCache();
        cache = next;
        buffers = turn.buffers().stream().map(outputs::get).toList();
        return outputs;
    }

    private void effects(int run, int step, Map<Integer, OnnxTensor> values) throws OrtException {
        Effect.Choose choose = null;
        Map<String, OnnxTensor> next = new HashMap<>();
        for (Effect effect : plan.lowered().effects()) {
            if (effect.run() != run) {
                continue;
            }
            if (effect instanceof Effect.Choose each) {
                choose = each;
            } else if (effect instanceof Effect.Carry carry) {
                OnnxTensor own = values.get(carry.value());
                next.put(carry.name(), own == null ? value(carry.value()) : own);
            } else if (effect instanceof Effect.Finish finish) {
                OnnxTensor condition = values.get(finish.condition());
                rows.finish(tensor(condition == null ? value(finish.condition()) : condition), step);
            }
        }
        next.forEach((name, tensor) -> release(carried.put(name, tensor), next));
        if (choose != null) {
            rows.choose(floats(values.get(choose.logits())), floats(values.get(choose.logSumExp())), step);
        }
    }

    /** Frees what was carried before, unless it is carried on or somebody else's. */
    private void release(@Nullable OnnxTensor before, Map<String, OnnxTensor> next) {
        if (before == null) {
            return;
        }
        boolean needed = before.isClosed()
                || next.containsValue(before)
                || carried.containsValue(before)
                || given.contains(before)
                || crossings.holds(before);
        if (!needed) {
            before.close();
        }
    }

    private static float[] floats(@Nullable OnnxTensor tensor) {
        if (tensor == null) {
            throw new IllegalStateException("a step lacks its logits");
        }
        return tensor.getFloatBuffer().array(); // a copy on the heap
    }

    private static Tensor tensor(@Nullable OnnxTensor tensor) {
        if (tensor == null) {
            throw new IllegalStateException("a step lacks an output");
        }
        return OrtTensors.out(tensor, List.of());
    }

    private void log(Map<Integer, OnnxTensor> values, int step) {
        plan.lowered().saves().forEach((name, id) -> {
            OnnxTensor value = values.get(id);
            if (value != null && name.startsWith(InterventionGraph.LOG)) {
                ending.log(
                        name,
                        kept.whole(id, value, step)
                                .withNames(plan.types().get(id).names()));
            }
        });
    }

    private void freeCache() {
        cache.values().forEach(OnnxTensor::close);
        buffers.forEach(OnnxTensor::close);
    }

    /** Frees all that it holds. */
    @Override
    public void close() {
        freeCache();
        cache = Map.of();
        buffers = List.of();
        carried.values().stream()
                .filter(tensor -> !tensor.isClosed() && !given.contains(tensor) && !crossings.holds(tensor))
                .forEach(OnnxTensor::close);
        carried.clear();
        given.forEach(OnnxTensor::close);
        given.clear();
        opened.values().forEach(open -> sessions.giveBack(open.session()));
        opened.clear();
    }
}
