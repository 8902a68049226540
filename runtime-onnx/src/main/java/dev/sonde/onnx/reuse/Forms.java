package dev.sonde.onnx.reuse;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Follows the axis of positions through a model, from the embedding of the tokens on. Only the two products of attention may mix
 * positions; what else does so, or is not understood, is refused with its reason, and so is all that follows from it.
 *
 * <p>What does not follow from the tokens (masks, tables of positions) is the same in all runs over the same tokens; it is not
 * followed, but taken from one of them.
 */
public final class Forms {
    private final ModelFacts facts;
    private final Map<String, Form> forms = new HashMap<>();
    private final Map<String, String> refusals = new HashMap<>();
    private final Map<Operand, Integer> operands = new HashMap<>();
    private final Map<Integer, String> copies = new HashMap<>();
    private final Map<String, Mask> masks = new LinkedHashMap<>();
    private final Map<Integer, Set<String>> softmaxes = new LinkedHashMap<>();

    /** A node's input at some place. */
    private record Operand(int node, int input) {}

    /** How a mask hides keys. */
    public enum Hiding {
        /** It is added to the scores: a very negative number hides. */
        ADDED,
        /** It chooses the scores where it is true. */
        TRUE_KEEPS,
        /** It chooses a very negative number where it is true. */
        TRUE_HIDES
    }

    /**
     * A value that may hide keys from positions.
     *
     * @param hiding how
     * @param position the axis of positions, counted from the end, so that -1 is the last
     * @param key the axis of keys, counted from the end
     */
    public record Mask(Hiding hiding, int position, int key) {}

    /**
     * Follows the tokens through a model.
     *
     * @param graph the model, its nodes sorted
     * @param shapes of its values
     * @param seeds inputs that bring tokens, or what stands for them
     */
    public Forms(GraphProto graph, Function<String, Optional<ValueShape>> shapes, Collection<String> seeds) {
        this.facts = new ModelFacts(graph, shapes);
        Set<String> reached = new HashSet<>(seeds);
        seeds.stream().filter(this::isStream).forEach(seed -> forms.put(seed, Form.at(1)));
        Rules rules = new Rules(facts, this);
        for (int i = 0; i < facts.nodes().size(); i++) {
            follow(i, facts.nodes().get(i), rules, reached);
        }
    }

    private void follow(int index, NodeProto node, Rules rules, Set<String> reached) {
        if (node.getOpType().equals("Shape") || node.getOpType().equals("Size")) {
            return; // the sizes are those of any run
        }
        Optional<String> refused = node.getInputList().stream()
                .map(refusals::get)
                .filter(java.util.Objects::nonNull)
                .findFirst();
        if (refused.isPresent()) {
            refuse(node, refused.get());
        } else if (node.getInputList().stream().anyMatch(forms::containsKey)) {
            try {
                rules.apply(index, node);
                check(node);
            } catch (Refusal refusal) {
                refuse(node, refusal.reason());
            }
        } else if (node.getInputList().stream().anyMatch(reached::contains)) {
            node.getOutputList().stream().filter(this::isStream).forEach(root -> forms.put(root, Form.at(1)));
        } else {
            return;
        }
        reached.addAll(node.getOutputList());
    }

    /** Whether it is floats, rows by positions by something. */
    private boolean isStream(String value) {
        List<Extent> extents = facts.extents(value).orElse(List.of());
        return facts.isFloat(value)
                && extents.size() == 3
                && extents.get(0).equals(Extent.BATCH)
                && extents.get(1).isPositions()
                && extents.get(2).isFixed();
    }

    private void refuse(NodeProto node, String reason) {
        String full = reason.startsWith("node '")
                ? reason
                : "node '" + node.getName() + "' (" + node.getOpType() + "): " + reason;
        node.getOutputList().forEach(output -> {
            forms.remove(output);
            refusals.put(output, full);
        });
    }

    /** Rows must be outermost, and positions nowhere but where the form says. */
    private void check(NodeProto node) throws Refusal {
        for (String output : node.getOutputList()) {
            Form form = forms.get(output);
            if (form == null || (facts.extents(output).isEmpty() && output.isEmpty())) {
                continue;
            }
            List<Extent> extents = facts.known(output);
            for (int axis = 0; axis < extents.size(); axis++) {
                if (!fits(extents.get(axis), axis, form)) {
                    throw new Refusal("axis " + axis + " of what it makes has a size that its form does not explain");
                }
            }
        }
    }

    private static boolean fits(Extent extent, int axis, Form form) {
        if (form.merged() && axis == 0) {
            return extent.equals(Extent.MERGED);
        }
        if (!form.merged() && (axis == form.position() || axis == form.key())) {
            return extent.isPositions();
        }
        return axis == 0 ? extent.batches() == 1 && extent.positions() == 0 : extent.isFixed();
    }

    void put(NodeProto node, Form form) {
        node.getOutputList().stream().filter(each -> !each.isEmpty()).forEach(output -> forms.put(output, form));
    }

    void operand(int node, int input, int axis) {
        operands.put(new Operand(node, input), axis);
    }

    void copy(int node, String input) {
        copies.put(node, input);
    }

    void mask(String value, Mask mask) {
        masks.put(value, mask);
    }

    void softmax(int node, Set<String> candidates) {
        softmaxes.put(node, candidates);
    }

    /** Returns whether a value follows from the tokens, position by position. */
    public boolean has(String value) {
        return forms.containsKey(value);
    }

    /** Returns where a value has its positions. */
    public Form of(String value) {
        return java.util.Objects.requireNonNull(forms.get(value), value);
    }

    /** Returns why a value has no form, if it follows from the tokens. */
    public Optional<String> refusal(String value) {
        return Optional.ofNullable(refusals.get(value));
    }

    /** Returns the axis of positions if an input of a node is the keys or values of attention, else -1. */
    public int operand(int node, int input) {
        return operands.getOrDefault(new Operand(node, input), -1);
    }

    /** Returns which of its inputs a node passes on unchanged, because the others are empty. */
    public Optional<String> copy(int node) {
        return Optional.ofNullable(copies.get(node));
    }

    /** Returns the masks that each softmax over keys sees, by node. */
    public Map<Integer, Set<String>> softmaxes() {
        return softmaxes;
    }

    /** Returns how a value hides keys, if it does. */
    public Optional<Mask> mask(String value) {
        return Optional.ofNullable(masks.get(value));
    }

    /** Returns the sizes of a value whose form, or whose use, is known. */
    public List<Extent> extents(String value) {
        return facts.extents(value).orElseThrow();
    }

    /** Returns whether a value is the same in all runs whatever they are given. */
    public boolean isFixed(String value) {
        return facts.isFixed(value);
    }

    /** Returns the multiplications that a product with a matrix of the file takes for one position, 0 for other nodes. */
    public long multiplications(int index) {
        NodeProto node = facts.nodes().get(index);
        if (node.getOpType().equals("MatMulNBits")) {
            return ModelFacts.number(node, "N", 0) * ModelFacts.number(node, "K", 0);
        }
        boolean product = node.getOpType().equals("MatMul") || node.getOpType().equals("Gemm");
        if (!product || !facts.isFixed(node.getInput(1))) {
            return 0;
        }
        return facts.extents(node.getInput(1))
                .map(Extent::product)
                .orElse(Extent.NONE)
                .factor();
    }

    /** Returns how many numbers a value has for one position, and for one key where it has keys. */
    public long width(String value) {
        return Extent.product(new ArrayList<>(extents(value))).factor();
    }
}
