package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.SparseTensorProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.sonde.SondeException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Refuses models that are damaged or newer than ONNX Runtime reads, before anything of them is executed. */
final class GraphChecker {
    /** The newest that ONNX Runtime 1.29 accepts. */
    static final int MAX_IR = 13;

    static final int MAX_OPSET = 26;

    private final Path file;
    private final TensorReader tensors;

    GraphChecker(Path file, TensorReader tensors) {
        this.file = file;
        this.tensors = tensors;
    }

    void check(ModelProto model) {
        checkVersions(model);
        GraphProto graph = model.getGraph();
        if (graph.getOutputCount() == 0) {
            throw bad("damaged-file", "The graph has no outputs: expected at least one");
        }
        checkGraph(graph, Set.of(), "the graph");
    }

    private void checkVersions(ModelProto model) {
        boolean graph = model.hasGraph() && model.getGraph().getNodeCount() > 0;
        if (model.getIrVersion() <= 0) {
            if (graph) {
                throw bad(
                        "unsupported-ir",
                        "The ONNX model has no IR version: expected 1 to " + MAX_IR + " but was "
                                + model.getIrVersion());
            }
            throw ModelBytes.notOnnx(file, "a message without IR version and graph");
        }
        if (model.getIrVersion() > MAX_IR) {
            throw bad(
                    "unsupported-ir",
                    "The ONNX model is too new: expected IR version " + MAX_IR + " or less but was "
                            + model.getIrVersion() + ". Export it with an older IR version");
        }
        if (!model.hasGraph()) {
            throw bad("truncated", "The ONNX model is cut short: expected a graph but there is none");
        }
        if (model.getOpsetImportCount() == 0 && model.getIrVersion() >= 3) {
            throw bad(
                    "truncated",
                    "The ONNX model is cut short: expected the operator sets it uses (opset_import) after the graph but there"
                            + " are none");
        }
        for (OperatorSetIdProto opset : model.getOpsetImportList()) {
            boolean standard = opset.getDomain().isEmpty() || opset.getDomain().equals("ai.onnx");
            if (standard && opset.getVersion() > MAX_OPSET) {
                throw bad(
                        "unsupported-ir",
                        "The ONNX model is too new: expected operator set (ai.onnx) " + MAX_OPSET + " or less but was "
                                + opset.getVersion() + ". Export it with an older opset");
            }
            if (opset.getVersion() < 1) {
                throw bad(
                        "unsupported-ir",
                        "Bad operator set '" + opset.getDomain() + "': expected a version of at least 1 but was "
                                + opset.getVersion());
            }
        }
    }

    private void checkGraph(GraphProto graph, Set<String> outer, String where) {
        if (graph.getSparseInitializerCount() > 0) {
            SparseTensorProto sparse = graph.getSparseInitializer(0);
            throw bad(
                    "sparse-initializer",
                    "Initialiser '" + sparse.getValues().getName()
                            + "' is sparse: expected dense tensors only. Convert it" + " when you export the model");
        }
        Map<String, String> makers = new HashMap<>();
        for (ValueInfoProto input : graph.getInputList()) {
            define(makers, input.getName(), "an input of " + where);
        }
        for (TensorProto tensor : graph.getInitializerList()) {
            tensors.read(tensor);
            String name = tensor.getName();
            String known = makers.get(name);
            if (known != null && known.startsWith("an input")) {
                makers.remove(name); // a default value of that input
            }
            define(makers, name, "an initialiser of " + where);
        }
        for (int i = 0; i < graph.getNodeCount(); i++) {
            NodeProto node = graph.getNode(i);
            if (node.getOpType().isEmpty()) {
                throw bad(
                        "damaged-file", label(node, i) + " has no operator: expected a name such as MatMul but was ''");
            }
            for (String output : node.getOutputList()) {
                if (!output.isEmpty()) {
                    define(makers, output, label(node, i));
                }
            }
        }
        Set<String> visible = new HashSet<>(outer);
        visible.addAll(makers.keySet());
        for (int i = 0; i < graph.getNodeCount(); i++) {
            checkNode(graph.getNode(i), i, visible);
        }
        for (ValueInfoProto output : graph.getOutputList()) {
            if (!visible.contains(output.getName())) {
                throw bad(
                        "undefined-value",
                        "Output '" + output.getName() + "' of " + where
                                + " is computed by nothing: expected a node, an input or an initialiser of that name");
            }
        }
    }

    private void checkNode(NodeProto node, int index, Set<String> visible) {
        for (String input : node.getInputList()) {
            if (!input.isEmpty() && !visible.contains(input)) {
                throw bad(
                        "undefined-value",
                        label(node, index) + " reads '" + input
                                + "', which nothing computes: expected a node, an input or an initialiser of that name");
            }
        }
        for (AttributeProto attribute : node.getAttributeList()) {
            if (attribute.hasT()) {
                tensors.read(attribute.getT(), node.getName() + ":" + attribute.getName());
            }
            for (TensorProto tensor : attribute.getTensorsList()) {
                tensors.read(tensor, node.getName() + ":" + attribute.getName());
            }
        }
        List<GraphProto> graphs = Uses.graphs(node);
        for (GraphProto inner : graphs) {
            checkGraph(inner, visible, "a graph inside " + label(node, index));
        }
    }

    private void define(Map<String, String> makers, String name, String maker) {
        if (name.isEmpty()) {
            throw bad("damaged-file", "A value has no name: " + maker + " has an empty one");
        }
        String other = makers.putIfAbsent(name, maker);
        if (other != null) {
            throw bad(
                    "duplicate-value",
                    "Value '" + name + "' is defined twice: by " + other + " and by " + maker
                            + "; expected one definition");
        }
    }

    private SondeException bad(String code, String what) {
        return Problems.in(file, code, what);
    }

    static String label(NodeProto node, int index) {
        return "node " + (node.getName().isEmpty() ? "#" + index : "'" + node.getName() + "'") + " (" + node.getOpType()
                + ")";
    }
}
