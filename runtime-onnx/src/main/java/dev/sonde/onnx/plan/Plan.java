package dev.sonde.onnx.plan;

import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.ValueType;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Prepared;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** A graph and the programs that it becomes. */
public final class Plan implements Prepared {
    private final Target target;
    private final InterventionGraph graph;
    private final InterventionGraph lowered;
    private final Planned planned;
    private final Map<Integer, List<String>> savedAs = new HashMap<>();

    Plan(Target target, InterventionGraph graph, Planned planned) {
        this.target = target;
        this.graph = graph;
        this.planned = planned;
        this.lowered = planned.lowered().with(graph);
        lowered.saves()
                .forEach((name, id) ->
                        savedAs.computeIfAbsent(id, unused -> new ArrayList<>()).add(name));
    }

    @Override
    public InterventionGraph graph() {
        return graph;
    }

    Dependencies dependencies() {
        return new Dependencies(lowered, planned.lowered().parts());
    }

    /** Returns whether it was planned for that model. */
    public boolean isFor(Target model) {
        return target == model;
    }

    /** Returns the graph that the programs compute: it has gradients of several runs as sums of those of one. */
    public InterventionGraph lowered() {
        return lowered;
    }

    /** Returns the types of its values. */
    public List<ValueType> types() {
        return planned.lowered().types();
    }

    /** Returns the programs in the order in which they run. */
    public List<Program> programs() {
        return planned.programs();
    }

    /** Returns the parts of the model that a program opens one after the other; one if the weights fit. */
    public List<Segment> segments(Program program) {
        return target.segments(program);
    }

    /** Returns the fused operators that some program has written out, such as {@code FastGelu at 'FastGelu_0'}. */
    public Set<String> unfused() {
        return programs().stream()
                .flatMap(program -> program.assembly().unfused().stream())
                .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    /** Returns, for people, what was reused and why something was not. */
    public List<String> notes() {
        return planned.notes();
    }

    /** Returns the names under which a value is saved. */
    public List<String> savedAs(int id) {
        return savedAs.getOrDefault(id, List.of());
    }

    @Override
    public Cost cost() {
        return planned.cost();
    }

    @Override
    public String explain() {
        return Explanation.of(target, this);
    }

    @Override
    public String structureKey() {
        int key = programs().stream().map(Program::splice).toList().hashCode();
        return Integer.toHexString(key);
    }
}
