package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.SondeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Evaluates constant subgraphs once, so that no session has to.
 *
 * <p>A node is folded when all it reads is constant, it is a deterministic operator of ai.onnx without inner graphs, and it
 * does not (de)quantise: quantised weights stay small and their kernels fuse. What it makes may be large where the file is:
 * a result of up to {@value #FREE_RESULT} bytes is always kept, a larger one only up to {@value #RESULT_GROWTH} times the
 * constants that its subgraph reads (one bit unpacked to float32 is 32), and a step between up to
 * {@value #STEP_GROWTH} times. A causal mask of 8192 x 8192 made from two numbers therefore stays two numbers and a node.
 */
final class ConstantFolder {
    static final long FREE_RESULT = 16L << 20;
    static final long RESULT_GROWTH = 32;
    static final long STEP_GROWTH = 64;
    /** All results together that are larger than what they were made from; beyond, only {@link #RESULT_GROWTH} counts. */
    static final long FREE_TOTAL = 256L << 20;

    private static final Set<String> NEVER = Set.of(
            "DequantizeLinear",
            "QuantizeLinear",
            "DynamicQuantizeLinear",
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
            "Multinomial",
            "Bernoulli",
            "Dropout",
            "If",
            "Loop",
            "Scan",
            "SequenceMap",
            "Constant");

    private final WorkGraph graph;
    private final ConstantEvaluator evaluator;
    private long free = FREE_TOTAL;

    private ConstantFolder(WorkGraph graph, ConstantEvaluator evaluator) {
        this.graph = graph;
        this.evaluator = evaluator;
    }

    /** Folds what can be folded; returns whether anything was. */
    static boolean fold(WorkGraph graph, WeightsFile store) throws IOException {
        return new ConstantFolder(graph, new ConstantEvaluator(graph, store)).fold();
    }

    private boolean fold() throws IOException {
        List<NodeProto> candidates = candidates();
        if (candidates.isEmpty()) {
            return false;
        }
        Set<String> wanted = wantedOutside(candidates);
        IdentityHashMap<NodeProto, Boolean> gone = new IdentityHashMap<>();
        int results = 0;
        List<String> kept = new ArrayList<>();
        for (List<NodeProto> component : components(candidates)) {
            Evaluated done = evaluate(component, wanted);
            for (Weight weight : done.results) {
                graph.weights.put(weight.name(), weight);
                results++;
            }
            done.folded.forEach(node -> gone.put(node, true));
            kept.addAll(done.reasons);
        }
        noteRearranged(gone.keySet());
        graph.nodes.removeIf(gone::containsKey);
        graph.note(
                !gone.isEmpty(),
                "Evaluated " + gone.size() + " nodes that read only constants; " + results
                        + " of their values became initialisers.");
        graph.note(
                !kept.isEmpty(), "Left " + kept.size() + " constant subgraphs in place: " + Problems.list(kept) + ".");
        return !gone.isEmpty();
    }

    private List<NodeProto> candidates() {
        Set<String> constant = new HashSet<>(graph.weights.keySet());
        List<NodeProto> candidates = new ArrayList<>();
        for (NodeProto node : graph.nodes) {
            if (isFoldable(node)
                    && node.getInputList().stream().allMatch(name -> name.isEmpty() || constant.contains(name))) {
                candidates.add(node);
                constant.addAll(node.getOutputList());
            }
        }
        return candidates;
    }

    private static boolean isFoldable(NodeProto node) {
        return ConstantNodes.isStandard(node)
                && !NEVER.contains(node.getOpType())
                && node.getInputCount() > 0
                && Uses.graphs(node).isEmpty()
                && node.getAttributeList().stream().noneMatch(AttributeProto::hasSparseTensor);
    }

    private Set<String> wantedOutside(List<NodeProto> candidates) {
        IdentityHashMap<NodeProto, Boolean> inside = new IdentityHashMap<>();
        candidates.forEach(node -> inside.put(node, true));
        Set<String> wanted = new HashSet<>(graph.outputNames());
        for (NodeProto node : graph.nodes) {
            if (!inside.containsKey(node)) {
                wanted.addAll(Uses.of(node));
            }
        }
        return wanted;
    }

    /** Splits the candidates where they share initialisers only, each part in the order of the graph. */
    private static List<List<NodeProto>> components(List<NodeProto> candidates) {
        Map<String, Integer> makers = new HashMap<>();
        int[] parent = IntStream.range(0, candidates.size()).toArray();
        for (int i = 0; i < candidates.size(); i++) {
            for (String input : candidates.get(i).getInputList()) {
                Integer maker = makers.get(input);
                if (maker != null) {
                    parent[root(parent, i)] = root(parent, maker);
                }
            }
            for (String output : candidates.get(i).getOutputList()) {
                makers.put(output, i);
            }
        }
        Map<Integer, List<NodeProto>> parts = new LinkedHashMap<>();
        for (int i = 0; i < candidates.size(); i++) {
            parts.computeIfAbsent(root(parent, i), root -> new ArrayList<>()).add(candidates.get(i));
        }
        return new ArrayList<>(parts.values());
    }

    private static int root(int[] parent, int at) {
        int root = at;
        while (parent[root] != root) {
            parent[root] = parent[parent[root]];
            root = parent[root];
        }
        return root;
    }

    private record Evaluated(List<Weight> results, List<NodeProto> folded, List<String> reasons) {}

    private Evaluated evaluate(List<NodeProto> component, Set<String> wantedOutside) throws IOException {
        Set<String> wanted = new LinkedHashSet<>();
        component.forEach(node ->
                node.getOutputList().stream().filter(wantedOutside::contains).forEach(wanted::add));
        long reads = readBytes(component);
        if (wanted.isEmpty()) {
            return new Evaluated(List.of(), component, List.of()); // nothing reads it
        }
        ConstantEvaluator.Limits limits = limits(reads);
        ConstantEvaluator.Outcome whole = evaluator.run(component, wanted, graph.weights, limits);
        if (whole.isDone()) {
            return accepted(whole.results(), component, reads, List.of());
        }
        return oneByOne(component, wanted, reads, whole.why());
    }

    private ConstantEvaluator.Limits limits(long reads) {
        return new ConstantEvaluator.Limits(
                Math.max(FREE_RESULT, times(reads, STEP_GROWTH)),
                Math.max(Math.min(FREE_RESULT, free), times(reads, RESULT_GROWTH)));
    }

    private Evaluated accepted(List<Weight> results, List<NodeProto> folded, long reads, List<String> reasons) {
        long made = results.stream().mapToLong(Weight::size).sum();
        free -= Math.max(0, made - times(reads, RESULT_GROWTH));
        return new Evaluated(results, folded, reasons);
    }

    /** The slow way, for parts whose shapes are known only after evaluation or that cannot be folded to their end. */
    private Evaluated oneByOne(List<NodeProto> component, Set<String> wanted, long reads, String why)
            throws IOException {
        Map<String, Weight> known = new HashMap<>();
        List<NodeProto> folded = new ArrayList<>();
        List<NodeProto> left = new ArrayList<>();
        List<String> reasons = new ArrayList<>();
        for (NodeProto node : component) {
            Set<String> outputs = new LinkedHashSet<>(node.getOutputList());
            outputs.remove("");
            Map<String, Weight> inputs = new HashMap<>();
            for (String input : node.getInputList()) {
                Weight weight = known.getOrDefault(input, graph.weights.get(input));
                if (weight != null) {
                    inputs.put(input, weight);
                }
            }
            if (!inputs.keySet().containsAll(Uses.of(node))) {
                left.add(node); // reads what was left
                continue;
            }
            refuseDivisionByZero(node, inputs);
            ConstantEvaluator.Outcome one =
                    evaluator.run(List.of(node), outputs, inputs, limits(reads).single());
            if (one.isDone()) {
                one.results().forEach(weight -> known.put(weight.name(), weight));
                folded.add(node);
            } else {
                left.add(node);
                reasons.add("'" + node.getOutput(0) + "' (" + node.getOpType() + ": "
                        + (one.why().isEmpty() ? why : one.why()) + ")");
            }
        }
        Set<String> needed = new HashSet<>(wanted);
        left.forEach(node -> needed.addAll(node.getInputList()));
        List<Weight> results = folded.stream()
                .flatMap(node -> node.getOutputList().stream())
                .filter(needed::contains)
                .map(known::get)
                .filter(Objects::nonNull)
                .toList();
        return accepted(results, folded, reads, reasons);
    }

    /** ONNX Runtime divides integers without looking: the processor's trap would end this program. */
    private void refuseDivisionByZero(NodeProto node, Map<String, Weight> inputs) {
        if (!ConstantEvaluator.DIVIDES.contains(node.getOpType()) || node.getInputCount() != 2) {
            return;
        }
        Weight by = inputs.get(node.getInput(1));
        if (by == null
                || by.isText()
                || ElementTypes.dtype(by.type()).filter(t -> t.isFloat()).isPresent()) {
            return;
        }
        int width = Math.max(1, ElementTypes.bits(by.type()) / 8);
        ByteBuffer bytes = by.bytes();
        while (bytes.remaining() >= width) {
            boolean zero = true;
            boolean minusOne = true;
            for (int i = 0; i < width; i++) {
                byte b = bytes.get();
                zero &= b == 0;
                minusOne &= b == -1;
            }
            if (zero || (minusOne && node.getOpType().equals("Div") && dividesSmallest(node, inputs))) {
                throw new SondeException(
                        "division-by-zero",
                        "Node '" + node.getName() + "' (" + node.getOpType()
                                + ") divides constants: expected a divisor other than "
                                + (zero ? "0" : "-1 of the smallest integer") + "\n    in " + graph.file);
            }
        }
    }

    private static boolean dividesSmallest(NodeProto node, Map<String, Weight> inputs) {
        Weight value = inputs.get(node.getInput(0));
        if (value == null || value.isText()) {
            return false;
        }
        int width = Math.max(1, ElementTypes.bits(value.type()) / 8);
        ByteBuffer bytes = value.bytes();
        while (bytes.remaining() >= width) {
            boolean smallest = true;
            for (int i = 0; i < width; i++) {
                byte b = bytes.get();
                smallest &= i == width - 1 ? b == Byte.MIN_VALUE : b == 0;
            }
            if (smallest) {
                return true;
            }
        }
        return false;
    }

    private long readBytes(List<NodeProto> component) {
        Set<String> read = new HashSet<>();
        component.forEach(node -> read.addAll(node.getInputList()));
        long bytes = 0;
        for (String name : read) {
            Weight weight = graph.weights.get(name);
            if (weight != null && !weight.isText()) {
                bytes += weight.size();
            }
        }
        return bytes;
    }

    private static long times(long bytes, long factor) {
        return bytes > Long.MAX_VALUE / factor ? Long.MAX_VALUE : bytes * factor;
    }

    /** Remembers which constants are another tensor turned round, so that a weight is known by its own name too. */
    private void noteRearranged(Set<NodeProto> folded) {
        for (NodeProto node : folded) {
            String output = node.getOutput(0);
            if (!graph.weights.containsKey(output)) {
                continue;
            }
            if (node.getOpType().equals("Identity")) {
                graph.rearranged.put(output, new Rearranged(node.getInput(0), List.of()));
            } else if (node.getOpType().equals("Transpose")) {
                graph.rearranged.put(
                        output, new Rearranged(node.getInput(0), permutation(node, graph.weights.get(output))));
            }
        }
    }

    private static List<Integer> permutation(NodeProto node, Weight result) {
        int rank = result.dims().size();
        return node.getAttributeList().stream()
                .filter(attribute -> attribute.getName().equals("perm"))
                .findFirst()
                .map(perm -> perm.getIntsList().stream().map(Long::intValue).toList())
                .orElseGet(() ->
                        IntStream.range(0, rank).map(i -> rank - 1 - i).boxed().toList());
    }
}
