package dev.sonde.onnx.plan;

import dev.sonde.SondeException;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.onnx.grad.Backward;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The gradients of one program: collects what is wanted while the program is written, and emits the backward passes behind it. */
final class Gradients {
    private final InterventionGraph experiment;
    private final Cones cones;
    private final Emitter emitter;
    private final Site site;
    private final Map<Key, List<Request>> wanted = new LinkedHashMap<>();
    private final List<Write> writes = new ArrayList<>();
    private final Dependencies dependencies;
    private final Set<Integer> absent;

    /** What a value of the experiment is in the program. */
    interface Site {
        /** Returns the name of a value of the experiment. */
        String name(int id);

        /** Returns the name of the value of the file, or of the program, of which {@code wrt} is what a site shows. */
        String wire(int wrt);

        /** Returns what a site shows of a gradient. */
        String show(int wrt, String gradient);

        /** Returns a gradient in which what a site shows of it is replaced. */
        String replace(int wrt, String gradient, int value);

        /** Returns a gradient of zeros. */
        String zeros(int wrt);

        /** Returns the values that are kept for the way back, or none if all are. */
        Set<String> checkpoints();
    }

    /** Gradients of one value come from one pass. */
    private record Key(List<Integer> of, List<Integer> seeds) {
        int last() {
            return of.stream().max(Integer::compare).orElse(0);
        }
    }

    private record Request(int id, Node.Gradient gradient, String wire, String to) {}

    private record Write(Effect.GradientWrite effect, String wire) {}

    /** {@code absent} receives the ids of parts of gradients that are nothing: zeros stand for them. */
    Gradients(
            InterventionGraph experiment, Dependencies dependencies, Emitter emitter, Site site, Set<Integer> absent) {
        this.experiment = experiment;
        this.dependencies = dependencies;
        this.absent = absent;
        this.cones = new Cones(experiment, dependencies);
        this.emitter = emitter;
        this.site = site;
    }

    /** Returns the name that a gradient will have. */
    String request(int id, Node.Gradient gradient) {
        gradient.seeds().forEach(site::name); // so that their types are known
        Request request = new Request(id, gradient, site.wire(gradient.wrt()), emitter.fresh());
        wanted.computeIfAbsent(new Key(gradient.of(), gradient.seeds()), unused -> new ArrayList<>())
                .add(request);
        return request.to();
    }

    /** Says that a gradient is replaced on its way back. */
    void write(Effect.GradientWrite write) {
        writes.add(new Write(write, site.wire(write.wrt())));
    }

    boolean isEmpty() {
        return wanted.isEmpty();
    }

    /** Emits all passes. */
    void emit(ProgramCircuit circuit) {
        passes().forEach(pass -> emit(circuit, pass));
    }

    /**
     * Returns what is differentiated together: numbers of runs that do not depend on what the others are differentiated by, as
     * runs that are rows of one batch, share a pass over all rows.
     */
    private List<List<Key>> passes() {
        List<List<Key>> together = new ArrayList<>();
        List<List<Key>> alone = new ArrayList<>();
        for (Key key : wanted.keySet()) {
            if (cones.passesGradient(key.of())) {
                alone.add(List.of(key)); // a gradient of a gradient needs that one first
            } else {
                together.stream()
                        .filter(pass -> pass.stream().allMatch(other -> areApart(key, other)))
                        .findFirst()
                        .ifPresentOrElse(pass -> pass.add(key), () -> together.add(new ArrayList<>(List.of(key))));
            }
        }
        alone.sort(java.util.Comparator.comparingInt(pass -> pass.get(0).last()));
        together.addAll(alone);
        return together;
    }

    private boolean areApart(Key one, Key other) {
        return wanted(one).stream().noneMatch(wrt -> cones.depends(other.of(), wrt))
                && wanted(other).stream().noneMatch(wrt -> cones.depends(one.of(), wrt));
    }

    private Set<Integer> wanted(Key key) {
        Set<Integer> all = new LinkedHashSet<>();
        wanted.getOrDefault(key, List.of())
                .forEach(request -> all.add(request.gradient().wrt()));
        return all;
    }

    private void emit(ProgramCircuit circuit, List<Key> pass) {
        Map<String, String> seeds = new LinkedHashMap<>();
        Set<Integer> of = new HashSet<>();
        List<Request> requests = new ArrayList<>();
        for (Key key : pass) {
            for (int i = 0; i < key.of().size(); i++) {
                String seed = key.seeds().isEmpty() ? "" : site.name(key.seeds().get(i));
                seeds.merge(site.name(key.of().get(i)), seed, (a, b) -> emitter.node("Add", List.of(a, b)));
            }
            of.addAll(key.of());
            requests.addAll(wanted.getOrDefault(key, List.of()));
        }
        Set<String> wires = new LinkedHashSet<>();
        requests.forEach(request -> wires.add(request.wire()));
        List<Write> edits = writes.stream()
                .filter(write -> of.contains(write.effect().of()))
                .toList();
        Set<Request> open = new LinkedHashSet<>(requests);
        Set<Write> made = new HashSet<>();
        Map<String, String> found = Backward.of(circuit, seeds, wires, checkpoints(), (wire, gradient) -> {
            String g = gradient;
            for (Write write : edits) {
                if (write.wire().equals(wire)) {
                    finish(open, write.effect(), g);
                    g = site.replace(write.effect().wrt(), g, write.effect().value());
                    made.add(write);
                }
            }
            return g;
        });
        open.forEach(request -> finish(request, found));
        edits.stream().filter(write -> !made.contains(write)).findFirst().ifPresent(write -> {
            throw none(experiment, write.effect().wrt(), List.of(write.effect().of()));
        });
    }

    /** A gradient of a gradient must meet the values themselves and not their copies, so then all is kept. */
    Set<String> checkpoints() {
        boolean again = wanted.keySet().stream().anyMatch(key -> cones.passesGradient(key.of()));
        return again || isEmpty() ? Set.of() : site.checkpoints();
    }

    /** Gradients that were read before an edit are what they were then. */
    private void finish(Set<Request> open, Effect.GradientWrite write, String gradient) {
        Map<Request, String> done = new HashMap<>();
        open.stream()
                .filter(request -> request.gradient().wrt() == write.wrt()
                        && request.gradient().of().equals(List.of(write.of()))
                        && request.gradient().version() <= write.version())
                .forEach(request -> done.put(request, gradient));
        done.forEach(this::finish);
        open.removeAll(done.keySet());
    }

    private void finish(Request request, String gradient) {
        emitter.node("Identity", List.of(site.show(request.gradient().wrt(), gradient)), request.to());
    }

    private void finish(Request request, Map<String, String> found) {
        String gradient = found.get(request.wire());
        if (gradient != null) {
            finish(request, gradient);
        } else if (dependencies.isPart(request.id())) {
            absent.add(request.id());
            emitter.node("Identity", List.of(site.zeros(request.gradient().wrt())), request.to());
        } else {
            throw none(experiment, request.gradient().wrt(), request.gradient().of());
        }
    }

    /** Returns the error that says that there is no gradient. */
    static SondeException none(InterventionGraph experiment, int wrt, List<Integer> of) {
        Node node = experiment.nodes().get(wrt);
        String name = node instanceof Node.Read read ? "site '" + read.site() + "'" : "value %" + wrt;
        return new SondeException(
                "no-gradient",
                "There is no gradient of %" + of.get(0) + " with respect to " + name
                        + ": expected a value that it was computed from");
    }
}
