package dev.sonde.onnx.reuse;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which values follow the edits of which runs, and for which positions each is needed. Runs are put into levels by where their
 * first edit is; a value of level n is computed for the runs of the first n levels, and is for all others what it is in the base
 * run.
 */
public final class Reach {
    /** Nanoseconds that a multiplication, a number that is moved and a call of an operator take. */
    private static final double MULTIPLY = 0.015;

    private static final double MOVE = 0.4;
    private static final double CALL = 4_000;

    /** Calls that one operator becomes where runs are laid out anew, on average. */
    private static final double LAID_OUT = 2;

    /** No product inside a model has so many terms for one position; that with the unembedding has. */
    private static final double MANY = 1L << 25;

    private static final int LIVING = 6;

    private final List<NodeProto> nodes;
    private final Forms forms;
    private final int[] levels;
    private final Map<String, Integer> raw = new HashMap<>();
    private final Map<String, Integer> edited;
    private final Map<String, Boolean> needed = new HashMap<>();

    /**
     * @param nodes of the model, sorted
     * @param forms of its values
     * @param edited for each edited value the number of levels whose runs, or later ones, edit it
     */
    public Reach(List<NodeProto> nodes, Forms forms, Map<String, Integer> edited) {
        this.nodes = nodes;
        this.forms = forms;
        this.edited = edited;
        this.levels = new int[nodes.size()];
        for (int i = 0; i < levels.length; i++) {
            NodeProto node = nodes.get(i);
            boolean sizes = node.getOpType().equals("Shape") || node.getOpType().equals("Size");
            levels[i] = sizes
                    ? 0
                    : node.getInputList().stream().mapToInt(this::level).max().orElse(0);
            if (levels[i] > 0) {
                int level = levels[i];
                node.getOutputList().forEach(output -> raw.put(output, level));
            }
        }
    }

    /** Says that a value is looked at: at all positions, or only at wanted ones. */
    public void look(String value, boolean all) {
        needed.merge(value, all, Boolean::logicalOr);
    }

    /** Finds what is needed, when all has been said that is looked at. */
    public void close() {
        for (int i = levels.length - 1; i >= 0; i--) {
            ask(i);
        }
    }

    private void ask(int index) {
        NodeProto node = nodes.get(index);
        if (levels[index] == 0 || !isNeeded(index)) {
            return;
        }
        boolean all = isAll(index);
        node.getOutputList().forEach(output -> needed.put(output, all)); // a node makes all that it makes at once
        for (int i = 0; i < node.getInputCount(); i++) {
            if (forms.has(node.getInput(i))) {
                needed.merge(node.getInput(i), all || forms.operand(index, i) >= 0, Boolean::logicalOr);
            }
        }
    }

    /** Returns for how many levels a value is computed, before edits of its own. */
    public int raw(String value) {
        return raw.getOrDefault(value, 0);
    }

    /** Returns for how many levels a value is computed or edited. */
    public int level(String value) {
        return Math.max(raw(value), edited.getOrDefault(value, 0));
    }

    /** Returns for how many levels a node runs. */
    public int level(int node) {
        return levels[node];
    }

    /** Returns whether what a node makes is needed. */
    public boolean isNeeded(int node) {
        return nodes.get(node).getOutputList().stream().anyMatch(needed::containsKey);
    }

    /** Returns whether what a node makes is needed at all positions. */
    public boolean isAll(int node) {
        return nodes.get(node).getOutputList().stream().anyMatch(this::isAll);
    }

    /** Returns whether a value is needed at all positions, and not only at those that are looked at. */
    public boolean isAll(String value) {
        return needed.getOrDefault(value, false);
    }

    /** Returns the nodes of the softmaxes over keys that are computed. */
    public List<Integer> softmaxes() {
        return forms.softmaxes().keySet().stream()
                .filter(node -> levels[node] > 0 && isNeeded(node))
                .toList();
    }

    /** Returns the work that a layout means, in nanoseconds of one core, by rough estimate. */
    public double work(Bins bins) {
        double sum = 0;
        for (int i = 0; i < levels.length; i++) {
            if (levels[i] > 0 && isNeeded(i)) {
                sum += LAID_OUT * CALL + work(i, bins.tokens(levels[i], isAll(i)), bins.keys());
            }
        }
        return sum;
    }

    /** Returns the work of computing everything for so many rows, in nanoseconds of one core, by rough estimate. */
    public double work(long rows, long positions) {
        boolean[] all = ancestors();
        double sum = 0;
        for (int i = 0; i < all.length; i++) {
            if (all[i]) {
                sum += CALL + work(i, rows * positions, positions);
            }
        }
        return sum;
    }

    private boolean[] ancestors() {
        boolean[] wanted = new boolean[levels.length];
        Set<String> values = new HashSet<>(needed.keySet());
        for (int i = levels.length - 1; i >= 0; i--) {
            NodeProto node = nodes.get(i);
            if (node.getOutputList().stream().anyMatch(output -> values.contains(output) && forms.has(output))) {
                wanted[i] = true;
                values.addAll(node.getInputList());
            }
        }
        return wanted;
    }

    private double work(int index, long tokens, long keys) {
        NodeProto node = nodes.get(index);
        String output = node.getOutput(0);
        if (!forms.has(output)) {
            return 0;
        }
        double each = (double) forms.width(output) * (forms.of(output).hasKey() ? keys : 1);
        double products = forms.multiplications(index);
        if (products > MANY && !isAll(index)) {
            products = 0; // the unembedding of what is looked at
        }
        if (forms.operand(index, 1) >= 0) {
            products = (double) forms.width(node.getInput(1)) * keys;
        }
        return tokens * (each * MOVE + products * MULTIPLY);
    }

    /** Returns the bytes that the largest values of a layout take, by rough estimate. */
    public long bytes(Bins bins) {
        double largest = 0;
        for (int i = 0; i < levels.length; i++) {
            String output = nodes.get(i).getOutput(0);
            if (levels[i] > 0 && isNeeded(i) && forms.has(output) && forms.multiplications(i) <= MANY) {
                double each = (double) forms.width(output) * (forms.of(output).hasKey() ? bins.keys() : 1);
                largest = Math.max(largest, each * bins.tokens(levels[i], isAll(i)));
            }
        }
        return (long) (LIVING * Float.BYTES * largest);
    }

    /** Returns why what is needed cannot be computed, if it cannot. */
    public Optional<String> refusal() {
        for (int i = 0; i < levels.length; i++) {
            if (levels[i] > 0 && isNeeded(i)) {
                for (String output : nodes.get(i).getOutputList()) {
                    if (!output.isEmpty() && !forms.has(output)) {
                        return Optional.of(forms.refusal(output).orElse("'" + output + "' does not follow the tokens"));
                    }
                }
            }
        }
        return Optional.empty();
    }
}
