package dev.sonde.onnx.run;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import dev.sonde.onnx.file.InputShapes;
import dev.sonde.onnx.file.Uses;
import dev.sonde.onnx.plan.Assembly;
import dev.sonde.onnx.plan.Domains;
import dev.sonde.onnx.plan.Program;
import dev.sonde.onnx.plan.Segment;
import dev.sonde.onnx.plan.Splice;
import dev.sonde.onnx.plan.TurnedProducts;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Builds the model that a program runs. */
final class SplicedModel {
    private static final int EPILOGUE_IR = 10;

    private SplicedModel() {}

    /**
     * Builds the model of a whole program.
     *
     * @param level which rewrites ONNX Runtime will do: those above the basic ones depend on the shapes that a file states
     */
    static ModelProto build(Program program, ModelProto skeleton, TurnedProducts products, OptLevel level) {
        Assembly all = program.assembly();
        Segment whole = new Segment(all.nodes(), all.sources(), program.splice().outputs());
        boolean asTheFile = level.compareTo(OptLevel.BASIC_OPT) > 0
                && program.splice().redirects().isEmpty();
        return program.splice().onModel()
                ? build(program, skeleton, products, whole, Map.of(), asTheFile)
                : epilogue(program.splice(), whole, skeleton);
    }

    /**
     * Builds the model of one segment.
     *
     * @param types element types of what earlier segments give
     */
    static ModelProto build(
            Program program,
            ModelProto skeleton,
            TurnedProducts products,
            Segment segment,
            Map<String, Integer> types) {
        return build(program, skeleton, products, segment, types, false);
    }

    private static ModelProto build(
            Program program,
            ModelProto skeleton,
            TurnedProducts products,
            Segment segment,
            Map<String, Integer> types,
            boolean asTheFile) {
        TurnedProducts.Written written =
                products.write(segment.nodes(), program.splice().few());
        Set<String> reads = reads(segment, written.nodes());
        GraphProto.Builder graph = graph(program.splice(), written.nodes(), reads, segment.gives());
        graph.addAllInitializer(written.initializers());
        ModelProto.Builder model = shell(skeleton);
        addSources(skeleton.getGraph(), written.nodes(), reads, asTheFile, graph);
        reads.stream()
                .filter(types::containsKey)
                .sorted()
                .forEach(name -> graph.addInput(tensor(name, types.getOrDefault(name, 0))));
        Domains.addMissing(model, written.nodes(), skeleton); // operators that the user named, too
        return model.setGraph(graph).build();
    }

    private static ModelProto epilogue(Splice splice, Segment whole, ModelProto versions) {
        GraphProto.Builder graph = graph(splice, whole.nodes(), whole.reads(), whole.gives());
        ModelProto.Builder model = ModelProto.newBuilder()
                .setIrVersion(EPILOGUE_IR)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(splice.opset()));
        Domains.addMissing(model, splice.nodes(), versions);
        return model.setGraph(graph).build();
    }

    /** Returns what is read from outside: what was written anew may read less. */
    private static Set<String> reads(Segment segment, List<NodeProto> nodes) {
        Set<String> used = new HashSet<>(segment.gives());
        nodes.forEach(node -> used.addAll(Uses.of(node)));
        used.retainAll(segment.reads());
        return used;
    }

    private static GraphProto.Builder graph(
            Splice splice, List<NodeProto> nodes, Set<String> reads, List<String> outputs) {
        GraphProto.Builder graph = GraphProto.newBuilder().setName("sonde").addAllNode(nodes);
        splice.inputs().stream()
                .filter(input -> reads.contains(input.getName()))
                .forEach(graph::addInput);
        splice.initializers().stream()
                .filter(tensor -> reads.contains(tensor.getName()))
                .forEach(graph::addInitializer);
        // the type of an output is found by inference
        outputs.forEach(name -> graph.addOutput(ValueInfoProto.newBuilder().setName(name)));
        return graph;
    }

    private static ValueInfoProto tensor(String name, int type) {
        ValueInfoProto.Builder value = ValueInfoProto.newBuilder().setName(name);
        value.getTypeBuilder().getTensorTypeBuilder().setElemType(type);
        return value.build();
    }

    private static void addSources(
            GraphProto skeleton,
            List<NodeProto> nodes,
            Set<String> reads,
            boolean asTheFile,
            GraphProto.Builder graph) {
        boolean forget = !asTheFile && InputShapes.mayBeForgotten(nodes);
        skeleton.getInputList().stream()
                .filter(input -> reads.contains(input.getName()))
                .map(input -> forget ? InputShapes.forget(input) : input)
                .forEach(graph::addInput);
        skeleton.getInitializerList().stream()
                .filter(tensor -> reads.contains(tensor.getName()))
                .forEach(graph::addInitializer);
        if (asTheFile) {
            Set<String> made = new HashSet<>();
            nodes.forEach(node -> made.addAll(node.getOutputList()));
            skeleton.getValueInfoList().stream()
                    .filter(value -> made.contains(value.getName()))
                    .forEach(graph::addValueInfo);
        }
        graph.addAllQuantizationAnnotation(skeleton.getQuantizationAnnotationList());
    }

    private static ModelProto.Builder shell(ModelProto skeleton) {
        return ModelProto.newBuilder()
                .setIrVersion(skeleton.getIrVersion())
                .addAllOpsetImport(skeleton.getOpsetImportList())
                .addAllFunctions(skeleton.getFunctionsList());
    }
}
