package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Puts the normalised graph together as a model and decides where its weights lie. */
final class SkeletonBuilder {
    /** Smaller tensors stay in the graph, where ONNX Runtime's shape inference reads them. */
    static final long EXTERNAL_FROM = 1 << 10;

    private static final long ALL_INLINE = 64 << 10;
    /** External data stay where they are as long as what was added to them is no more than this. */
    private static final long ADDED_INLINE = 16 << 20;

    private static final Set<String> KEPT_METADATA =
            Set.of("pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy", "namespace");
    private static final int LONGEST_MODEL_METADATA = 64 << 10;

    private final WorkGraph graph;
    private final WeightsFile store;
    private boolean moved;

    SkeletonBuilder(WorkGraph graph, WeightsFile store) {
        this.graph = graph;
        this.store = store;
    }

    /** Returns whether the weights lie in the weights file (else in the graph, or beside the model). */
    boolean usesWeightsFile() {
        return moved && store.size() > 0;
    }

    ModelProto build() throws IOException {
        List<TensorProto> initialisers = initialisers();
        ModelProto model = graph.model;
        GraphProto.Builder skeleton = model.getGraph().toBuilder();
        skeleton.clearNode()
                .clearInput()
                .clearOutput()
                .clearInitializer()
                .clearValueInfo()
                .clearDocString();
        for (NodeProto node : graph.nodes) {
            skeleton.addNode(slim(node));
        }
        graph.inputs.forEach(value -> skeleton.addInput(slim(value)));
        graph.outputs.forEach(value -> skeleton.addOutput(slim(value)));
        known().forEach(skeleton::addValueInfo);
        skeleton.addAllInitializer(initialisers);
        ModelProto.Builder result = model.toBuilder()
                .setGraph(skeleton)
                .setIrVersion(Math.max(4, model.getIrVersion()))
                .clearDocString()
                .clearTrainingInfo()
                .clearFunctions()
                .clearMetadataProps();
        for (FunctionProto function : model.getFunctionsList()) {
            result.addFunctions(slim(function));
        }
        for (StringStringEntryProto entry : model.getMetadataPropsList()) {
            if (entry.getValueBytes().size() <= LONGEST_MODEL_METADATA) {
                result.addMetadataProps(entry);
            }
        }
        return result.build();
    }

    /** What the file says of values that are still made: some of ONNX Runtime's rewrites need it. */
    private List<ValueInfoProto> known() {
        Set<String> made = new HashSet<>();
        graph.nodes.forEach(node -> made.addAll(node.getOutputList()));
        return graph.model.getGraph().getValueInfoList().stream()
                .filter(value -> made.contains(value.getName()))
                .map(SkeletonBuilder::slim)
                .toList();
    }

    private List<TensorProto> initialisers() throws IOException {
        dropUnused();
        long added = 0;
        boolean external = false;
        for (Weight weight : graph.weights.values()) {
            if (isLarge(weight)) {
                external |= weight.isBesideModel();
                added += weight.isBesideModel() ? 0 : weight.size();
            }
        }
        moved = added > (external ? ADDED_INLINE : ALL_INLINE);
        List<TensorProto> tensors = new ArrayList<>();
        for (Weight weight : graph.weights.values()) {
            if (!isLarge(weight) || (!weight.isBesideModel() && !moved)) {
                tensors.add(weight.toInlineProto());
            } else {
                tensors.add(external(moved ? store.append(weight) : weight));
            }
        }
        return tensors;
    }

    private static boolean isLarge(Weight weight) {
        return !weight.isText() && weight.size() >= EXTERNAL_FROM;
    }

    private void dropUnused() {
        Set<String> used = graph.used();
        int before = graph.weights.size();
        graph.weights.keySet().retainAll(used);
        int dropped = before - graph.weights.size();
        graph.note(dropped > 0, "Dropped " + dropped + " initialisers that nothing reads any more.");
    }

    static TensorProto external(Weight weight) {
        if (!(weight.place() instanceof Weight.InFile in)) {
            throw new IllegalStateException("not in a file: " + weight.name());
        }
        return TensorProto.newBuilder()
                .setName(weight.name())
                .setDataType(weight.type())
                .addAllDims(weight.dims())
                .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                .addExternalData(entry("location", in.location() == null ? WeightsFile.NAME : in.location()))
                .addExternalData(entry("offset", Long.toString(in.offset())))
                .addExternalData(entry("length", Long.toString(in.length())))
                .build();
    }

    private static StringStringEntryProto entry(String key, String value) {
        return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
    }

    private static ValueInfoProto slim(ValueInfoProto value) {
        return value.toBuilder().clearDocString().clearMetadataProps().build();
    }

    private NodeProto slim(NodeProto node) {
        NodeProto.Builder slim = node.toBuilder().clearDocString().clearMetadataProps();
        for (StringStringEntryProto entry : node.getMetadataPropsList()) {
            if (KEPT_METADATA.contains(entry.getKey()) || entry.getKey().startsWith("pkg.onnxscript.")) {
                slim.addMetadataProps(entry);
            }
        }
        for (int i = 0; i < node.getAttributeCount(); i++) {
            slim.setAttribute(i, slim(node.getAttribute(i)));
        }
        return slim.build();
    }

    private AttributeProto slim(AttributeProto attribute) {
        AttributeProto.Builder slim = attribute.toBuilder().clearDocString();
        if (attribute.hasT()) {
            slim.setT(slim(attribute.getT()));
        }
        for (int i = 0; i < attribute.getTensorsCount(); i++) {
            slim.setTensors(i, slim(attribute.getTensors(i)));
        }
        if (attribute.hasG()) {
            slim.setG(slim(attribute.getG()));
        }
        for (int i = 0; i < attribute.getGraphsCount(); i++) {
            slim.setGraphs(i, slim(attribute.getGraphs(i)));
        }
        return slim.build();
    }

    private GraphProto slim(GraphProto inner) {
        GraphProto.Builder slim = inner.toBuilder().clearDocString().clearValueInfo();
        for (int i = 0; i < inner.getNodeCount(); i++) {
            slim.setNode(i, slim(inner.getNode(i)));
        }
        for (int i = 0; i < inner.getInitializerCount(); i++) {
            slim.setInitializer(i, slim(inner.getInitializer(i)));
        }
        return slim.build();
    }

    private static FunctionProto slim(FunctionProto function) {
        FunctionProto.Builder slim = function.toBuilder().clearDocString();
        for (int i = 0; i < function.getNodeCount(); i++) {
            NodeProto.Builder node =
                    function.getNode(i).toBuilder().clearDocString().clearMetadataProps();
            for (StringStringEntryProto entry : function.getNode(i).getMetadataPropsList()) {
                if (KEPT_METADATA.contains(entry.getKey()) || entry.getKey().startsWith("pkg.onnxscript.")) {
                    node.addMetadataProps(entry);
                }
            }
            slim.setNode(i, node);
        }
        return slim.build();
    }

    /** Tensors inside nodes carry their bytes when the weights move, since a session knows one folder only. */
    private TensorProto slim(TensorProto tensor) {
        boolean external = tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL;
        return external && moved ? graph.tensors.read(tensor).toInlineProto() : tensor;
    }
}
