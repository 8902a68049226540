package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The graph while it is being normalised; the passes change it in place. */
final class WorkGraph {
    final Path file;
    final ModelProto model;
    final TensorReader tensors;
    final List<NodeProto> nodes;
    final List<ValueInfoProto> inputs;
    final List<ValueInfoProto> outputs;
    final Map<String, Weight> weights = new LinkedHashMap<>();
    final Map<String, Rearranged> rearranged = new LinkedHashMap<>();
    final List<String> notes = new ArrayList<>();

    WorkGraph(Path file, ModelProto model, TensorReader tensors) {
        this.file = file;
        this.model = model;
        this.tensors = tensors;
        this.nodes = new ArrayList<>(model.getGraph().getNodeList());
        this.inputs = new ArrayList<>(model.getGraph().getInputList());
        this.outputs = new ArrayList<>(model.getGraph().getOutputList());
    }

    /** Returns the names of all values of the outer graph. */
    Set<String> defined() {
        Set<String> names = new HashSet<>(weights.keySet());
        inputs.forEach(input -> names.add(input.getName()));
        nodes.forEach(node -> names.addAll(node.getOutputList()));
        return names;
    }

    /** Returns the names of all values that some node (or a graph inside a node) or the caller reads. */
    Set<String> used() {
        Set<String> names = new LinkedHashSet<>();
        nodes.forEach(node -> names.addAll(Uses.of(node)));
        names.addAll(outputNames());
        return names;
    }

    Set<String> outputNames() {
        Set<String> names = new LinkedHashSet<>();
        outputs.forEach(output -> names.add(output.getName()));
        return names;
    }

    void note(boolean when, String sentence) {
        if (when) {
            notes.add(sentence);
        }
    }
}
