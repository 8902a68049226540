package dev.sonde.onnx.reuse;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** For each operator, where what it makes has its positions. What is not here is refused. */
final class Rules {
    /** What is added to scores, or takes their place, hides a key from here on. */
    static final double HIDES = -1e4;

    private static final Set<String> ELEMENTWISE = Set.of(
            "Add",
            "Sub",
            "Mul",
            "Div",
            "Pow",
            "Where",
            "Cast",
            "Tanh",
            "Erf",
            "Sigmoid",
            "Sqrt",
            "Reciprocal",
            "Neg",
            "And",
            "Or",
            "Not",
            "Max",
            "Min",
            "Exp",
            "Log",
            "Relu",
            "Gelu",
            "IsNaN",
            "IsInf",
            "Equal",
            "Greater",
            "Less",
            "LessOrEqual",
            "GreaterOrEqual",
            "Identity",
            "Clip",
            "Softplus",
            "Abs",
            "Sin",
            "Cos",
            "Swish",
            "LeakyRelu",
            "Elu",
            "Selu",
            "Celu",
            "Mish",
            "HardSigmoid",
            "HardSwish",
            "Sign",
            "Floor",
            "Ceil",
            "Round",
            "FastGelu",
            "QuickGelu",
            "BiasGelu");
    private static final Set<String> NORMS =
            Set.of("LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization");
    private static final Set<String> REDUCTIONS =
            Set.of("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceSumSquare");
    private static final Set<String> BETWEEN = Set.of("Cast", "Identity", "Max", "Add");

    private final ModelFacts facts;
    private final Forms forms;

    Rules(ModelFacts facts, Forms forms) {
        this.facts = facts;
        this.forms = forms;
    }

    void apply(int index, NodeProto node) throws Refusal {
        String type = node.getOpType();
        if (ELEMENTWISE.contains(type)) {
            forms.put(node, elementwise(node));
            return;
        }
        besides(node);
        if (type.equals("Softmax") || NORMS.contains(type) || REDUCTIONS.contains(type)) {
            forms.put(node, along(index, node));
        } else {
            switch (type) {
                case "Transpose" -> forms.put(node, transpose(node));
                case "Reshape", "Unsqueeze", "Squeeze", "Flatten" -> forms.put(node, reshape(node));
                case "Expand" -> forms.put(node, expand(node));
                case "Split", "Slice", "Gather" -> forms.put(node, part(node));
                case "Concat" -> forms.put(node, concat(index, node));
                case "MatMul", "Gemm", "MatMulNBits" -> forms.put(node, product(index, node));
                default -> throw new Refusal("Sonde does not know whether it mixes positions");
            }
        }
    }

    /** What else such a node reads must be the same for all rows and positions; the shape of a result is written anew. */
    private void besides(NodeProto node) throws Refusal {
        boolean shaped = node.getOpType().equals("Reshape") || node.getOpType().equals("Expand");
        for (int i = 0; i < node.getInputCount(); i++) {
            String input = node.getInput(i);
            boolean besides = !input.isEmpty() && !forms.has(input) && !(shaped && i == 1) && !facts.isFixed(input);
            if (besides && !node.getOpType().equals("Concat")) {
                for (Extent extent : facts.known(input)) {
                    if (!extent.isFixed()) {
                        throw new Refusal("'" + input + "' has positions or rows of its own");
                    }
                }
            }
        }
    }

    private Form of(NodeProto node, int input) throws Refusal {
        String value = node.getInput(input);
        if (!forms.has(value)) {
            throw new Refusal("its input '" + value + "' does not follow the tokens but another does");
        }
        return forms.of(value);
    }

    private int rank(String value) throws Refusal {
        return facts.known(value).size();
    }

    private List<String> followed(NodeProto node) {
        return node.getInputList().stream().filter(forms::has).toList();
    }

    private void onlyFirst(NodeProto node) throws Refusal {
        of(node, 0);
        if (node.getInputList().stream().skip(1).anyMatch(forms::has)) {
            throw new Refusal("more than its first input follows the tokens");
        }
    }

    // Element by element.

    private Form elementwise(NodeProto node) throws Refusal {
        int rank = rank(node.getOutput(0));
        Set<Integer> positions = new TreeSet<>();
        Set<Integer> keys = new TreeSet<>();
        Set<Boolean> merged = new TreeSet<>();
        Set<String> masks = new HashSet<>();
        boolean soft = false;
        for (String input : followed(node)) {
            Form form = forms.of(input);
            int off = rank - rank(input);
            positions.add(form.position() + off);
            if (form.hasKey()) {
                keys.add(form.key() + off);
            }
            merged.add(form.merged());
            masks.addAll(form.masks());
            soft |= form.soft();
        }
        if (positions.size() != 1 || keys.size() > 1 || merged.size() != 1) {
            throw new Refusal("its inputs have their positions on different axes");
        }
        int position = positions.iterator().next();
        int key = keys.isEmpty() ? -1 : keys.iterator().next();
        boolean one = merged.iterator().next();
        for (String input : node.getInputList()) {
            if (!input.isEmpty() && !forms.has(input)) {
                given(input, rank, position, key, one);
            }
        }
        Form form = new Form(position, key, one, masks, soft);
        return form.hasKey() && !soft ? masked(node, form, rank) : form;
    }

    /** What does not follow the tokens may have positions only where the others have them. */
    private void given(String input, int rank, int position, int key, boolean merged) throws Refusal {
        List<Extent> extents = facts.known(input);
        int off = rank - extents.size();
        for (int axis = 0; axis < extents.size(); axis++) {
            Extent extent = extents.get(axis);
            boolean place = off + axis == position || off + axis == key;
            boolean rows = off + axis == 0 && extent.equals(Extent.BATCH);
            if (!extent.isFixed() && !rows && (merged || !place || !extent.isPositions())) {
                throw new Refusal("'" + input + "' has positions or rows on another axis");
            }
            if (merged && !extent.isFixed()) {
                throw new Refusal("'" + input + "' has rows where rows and positions are one axis");
            }
        }
    }

    private Form masked(NodeProto node, Form form, int rank) throws Refusal {
        Set<String> masks = new HashSet<>(form.masks());
        for (int i = 0; i < node.getInputCount(); i++) {
            Optional<Forms.Hiding> hiding = hiding(node, i, form, rank);
            if (hiding.isPresent()) {
                String value = node.getInput(i);
                forms.mask(value, new Forms.Mask(hiding.get(), form.position() - rank, form.key() - rank));
                masks.add(value);
            }
        }
        boolean more = masks.size() > form.masks().size();
        if (!form.masks().isEmpty()
                && !BETWEEN.contains(node.getOpType())
                && !(node.getOpType().equals("Where") && more)) {
            scaled(node);
        }
        return new Form(form.position(), form.key(), form.merged(), masks, false);
    }

    private Optional<Forms.Hiding> hiding(NodeProto node, int input, Form form, int rank) throws Refusal {
        String value = node.getInput(input);
        if (value.isEmpty() || forms.has(value) || !isOverKeys(value, form, rank)) {
            return Optional.empty();
        }
        if (node.getOpType().equals("Add")) {
            return facts.isFloat(value) ? Optional.of(Forms.Hiding.ADDED) : Optional.empty();
        }
        if (!node.getOpType().equals("Where") || input != 0) {
            return Optional.empty();
        }
        boolean keeps = forms.has(node.getInput(1));
        double[] fill = facts.numbers(node.getInput(keeps ? 2 : 1)).orElse(new double[0]);
        if (fill.length != 1 || !(fill[0] <= HIDES)) {
            return Optional.empty();
        }
        return Optional.of(keeps ? Forms.Hiding.TRUE_KEEPS : Forms.Hiding.TRUE_HIDES);
    }

    private boolean isOverKeys(String value, Form form, int rank) throws Refusal {
        List<Extent> extents = facts.known(value);
        int off = rank - extents.size();
        return form.position() >= off
                && form.key() >= off
                && extents.get(form.position() - off).isPositions()
                && extents.get(form.key() - off).isPositions();
    }

    /** Between a mask and the softmax scores may be made larger or smaller, but not turned around. */
    private void scaled(NodeProto node) throws Refusal {
        boolean scales = node.getOpType().equals("Mul") || node.getOpType().equals("Div");
        for (String input : node.getInputList()) {
            double[] numbers =
                    forms.has(input) ? new double[] {1} : facts.numbers(input).orElse(new double[0]);
            scales &= numbers.length == 1 && numbers[0] > 0;
        }
        if (!scales) {
            throw new Refusal("it changes scores between their mask and the softmax");
        }
    }

    // Along axes.

    private Form along(int index, NodeProto node) throws Refusal {
        onlyFirst(node);
        Form form = of(node, 0);
        List<Integer> axes = axes(node, rank(node.getInput(0)));
        if (axes.contains(form.position()) || (form.merged() && axes.contains(0))) {
            throw new Refusal("it mixes positions");
        }
        if (form.hasKey() && axes.contains(form.key())) {
            if (!node.getOpType().equals("Softmax")) {
                throw new Refusal("it mixes the keys of attention");
            }
            forms.softmax(index, form.masks());
            return new Form(form.position(), form.key(), form.merged(), form.masks(), true);
        }
        return form;
    }

    private List<Integer> axes(NodeProto node, int rank) throws Refusal {
        if (NORMS.contains(node.getOpType())) {
            int first = axis(ModelFacts.number(node, "axis", -1), rank);
            return IntStream.range(first, rank).boxed().toList();
        }
        if (node.getOpType().equals("Softmax")) {
            // before opset 13 the default was 1, and all axes behind it were one
            int axis = axis(ModelFacts.number(node, "axis", 0), rank);
            if (axis != rank - 1) {
                throw new Refusal("its softmax is not over the last axis");
            }
            return List.of(axis);
        }
        if (ModelFacts.number(node, "keepdims", 1) != 1) {
            throw new Refusal("it drops axes");
        }
        return listed(node, "axes", 1, rank);
    }

    private List<Integer> listed(NodeProto node, String attribute, int input, int rank) throws Refusal {
        Optional<List<Long>> given = ModelFacts.list(node, attribute);
        if (given.isPresent()) {
            return given.get().stream().map(axis -> axis(axis, rank)).toList();
        }
        if (node.getInputCount() <= input || node.getInput(input).isEmpty()) {
            throw new Refusal("it does not say along which axes");
        }
        double[] numbers = facts.numbers(node.getInput(input))
                .orElseThrow(() -> new Refusal("along which axes is computed while it runs"));
        List<Integer> axes = new ArrayList<>();
        for (double number : numbers) {
            axes.add(axis((long) number, rank));
        }
        return axes;
    }

    private static int axis(long axis, int rank) {
        return (int) (axis < 0 ? axis + rank : axis);
    }

    // Moving axes.

    private Form transpose(NodeProto node) throws Refusal {
        Form form = of(node, 0);
        int rank = rank(node.getInput(0));
        List<Long> perm = ModelFacts.list(node, "perm")
                .orElseGet(() -> IntStream.range(0, rank)
                        .mapToObj(i -> (long) rank - 1 - i)
                        .toList());
        return form.moved(perm.indexOf((long) form.position()), form.hasKey() ? perm.indexOf((long) form.key()) : -1);
    }

    private Form expand(NodeProto node) throws Refusal {
        onlyFirst(node);
        Form form = of(node, 0);
        int off = rank(node.getOutput(0)) - rank(node.getInput(0));
        return form.moved(form.position() + off, form.hasKey() ? form.key() + off : -1);
    }

    private Form reshape(NodeProto node) throws Refusal {
        onlyFirst(node);
        Form form = of(node, 0);
        List<Extent> from = facts.known(node.getInput(0));
        List<Extent> to = facts.known(node.getOutput(0));
        if (form.merged()) {
            int kept = same(from, to, 0);
            if (kept == 0) {
                return form;
            }
            if (to.size() > 1
                    && to.get(0).equals(Extent.BATCH)
                    && to.get(1).isPositions()
                    && from.get(0).equals(Extent.MERGED)) {
                return new Form(1, -1, false, form.masks(), form.soft());
            }
            throw new Refusal("the axis of positions is lost");
        }
        int position = same(from, to, form.position());
        if (position < 0 && form.position() == 1 && !form.hasKey() && to.get(0).equals(Extent.MERGED)) {
            return new Form(0, -1, true, form.masks(), form.soft());
        }
        int key = form.hasKey() ? same(from, to, form.key()) : -1;
        if (position < 0 || (form.hasKey() && key < 0)) {
            throw new Refusal("the axis of positions is lost");
        }
        return form.moved(position, key);
    }

    /** Returns which axis of the new shape is an axis of the old one, or -1. */
    private static int same(List<Extent> from, List<Extent> to, int axis) {
        Extent before = Extent.product(from.subList(0, axis));
        for (int i = 0; i < to.size(); i++) {
            if (to.get(i).equals(from.get(axis))
                    && Extent.product(to.subList(0, i)).equals(before)) {
                return i;
            }
        }
        return -1;
    }

    // Parts and wholes.

    private Form part(NodeProto node) throws Refusal {
        onlyFirst(node);
        Form form = of(node, 0);
        int rank = rank(node.getInput(0));
        if (node.getOpType().equals("Slice")) {
            int named =
                    node.getInputCount() > 3 || ModelFacts.list(node, "axes").isPresent() ? 3 : -1;
            if (named < 0) {
                throw new Refusal("it does not say along which axes");
            }
            for (int axis : listed(node, "axes", named, rank)) {
                across(form, axis);
            }
            return form;
        }
        int axis = axis(ModelFacts.number(node, "axis", 0), rank);
        across(form, axis);
        if (!node.getOpType().equals("Gather")) {
            return form;
        }
        String indices = node.getInput(1);
        if (facts.known(indices).stream().anyMatch(extent -> !extent.isFixed())) {
            throw new Refusal("its indices differ from position to position");
        }
        int more = rank(indices) - 1;
        return form.moved(
                form.position() + (form.position() > axis ? more : 0),
                form.hasKey() ? form.key() + (form.key() > axis ? more : 0) : -1);
    }

    private static void across(Form form, int axis) throws Refusal {
        if (axis == 0 || axis == form.position() || axis == form.key()) {
            throw new Refusal("it takes a part of the rows, positions or keys");
        }
    }

    private Form concat(int index, NodeProto node) throws Refusal {
        List<String> followed = followed(node);
        Form form = forms.of(followed.get(0));
        int axis = axis(ModelFacts.number(node, "axis", 0), rank(node.getOutput(0)));
        if (axis == form.position() && followed.size() == 1 && othersAreEmpty(node, axis)) {
            forms.copy(index, followed.get(0));
            return form;
        }
        across(form, axis);
        for (String input : node.getInputList()) {
            boolean alike = forms.has(input)
                    ? forms.of(input).position() == form.position()
                            && forms.of(input).key() == form.key()
                    : facts.known(input).stream().allMatch(Extent::isFixed);
            if (!alike || (form.merged() && !forms.has(input))) {
                throw new Refusal("its inputs have their positions on different axes");
            }
        }
        return form;
    }

    private boolean othersAreEmpty(NodeProto node, int axis) throws Refusal {
        for (String input : node.getInputList()) {
            if (!forms.has(input) && !facts.known(input).get(axis).equals(Extent.NONE)) {
                return false;
            }
        }
        return true;
    }

    // Products.

    private Form product(int index, NodeProto node) throws Refusal {
        String left = node.getInput(0);
        String right = node.getInput(1);
        boolean attention = node.getOpType().equals("MatMul") && forms.has(left) && forms.has(right);
        return attention ? attention(index, node) : weighted(node);
    }

    /** A product with a matrix that is the same for all positions. */
    private Form weighted(NodeProto node) throws Refusal {
        onlyFirst(node);
        Form form = of(node, 0);
        int rank = rank(node.getInput(0));
        boolean fixed = node.getInputList().stream()
                .skip(1)
                .filter(each -> !each.isEmpty())
                .allMatch(facts::isFixed);
        if (!fixed || form.hasKey() || form.position() == rank - 1 || ModelFacts.number(node, "transA", 0) != 0) {
            throw new Refusal("it mixes positions");
        }
        return form.moved(form.position() + rank(node.getOutput(0)) - rank, -1);
    }

    private Form attention(int index, NodeProto node) throws Refusal {
        Form left = of(node, 0);
        Form right = of(node, 1);
        int leftRank = rank(node.getInput(0));
        int rightRank = rank(node.getInput(1));
        int rank = rank(node.getOutput(0));
        boolean plain = !left.merged() && !right.merged() && !right.hasKey() && leftRank == rank && rightRank == rank;
        if (plain && left.position() == rank - 2 && !left.hasKey() && right.position() == rank - 1) {
            forms.operand(index, 1, right.position());
            return Form.at(rank - 2).moved(rank - 2, rank - 1);
        }
        boolean weighs = left.position() == rank - 2 && left.key() == rank - 1 && left.soft();
        if (plain && weighs && right.position() == rank - 2) {
            forms.operand(index, 1, right.position());
            return Form.at(rank - 2);
        }
        throw new Refusal("it is a product of positions that is not attention as Sonde knows it");
    }
}
