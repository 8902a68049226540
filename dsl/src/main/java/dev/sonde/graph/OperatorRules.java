package dev.sonde.graph;

import dev.sonde.DType;
import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** The shape rule of each operator, for one application. */
final class OperatorRules {
    private final Node.Apply apply;
    private final Operator operator;
    private final List<ValueType> inputs;

    OperatorRules(Node.Apply apply, List<ValueType> inputs) {
        this.apply = apply;
        this.operator = apply.operator();
        this.inputs = inputs;
        int wanted = arity();
        if (inputs.isEmpty() || (wanted > 0 && inputs.size() != wanted)) {
            throw ShapeRules.mismatch(
                    operator, inputs, "expected " + Math.max(1, wanted) + " values but was given " + inputs.size());
        }
        checkTypes();
    }

    /** Refuses types that the operator has no meaning for. */
    private void checkTypes() {
        switch (operator) {
            case EXP,
                    LOG,
                    SQRT,
                    RECIPROCAL,
                    SIGMOID,
                    TANH,
                    ERF,
                    SIN,
                    COS,
                    FLOOR,
                    CEIL,
                    ROUND,
                    IS_NAN,
                    IS_INF,
                    SOFTMAX,
                    LOG_SOFTMAX,
                    MEAN,
                    L2,
                    LOG_SUM_EXP -> check("floating-point numbers", DType::isFloat);
            case NOT, AND, OR -> check("bool", dtype -> dtype == DType.BOOL);
            case NEG -> check("signed numbers", dtype -> dtype != DType.BOOL && dtype != DType.UINT8);
            case ABS,
                    RELU,
                    SIGN,
                    ADD,
                    SUB,
                    MUL,
                    DIV,
                    POW,
                    MIN,
                    MAX,
                    LESS,
                    LESS_OR_EQUAL,
                    GREATER,
                    GREATER_OR_EQUAL,
                    MATMUL,
                    EINSUM,
                    SUM,
                    REDUCE_MAX,
                    REDUCE_MIN,
                    PROD,
                    ARG_MAX,
                    ARG_MIN,
                    TOP_K_VALUES,
                    TOP_K_INDICES,
                    CUM_SUM -> check("numbers", dtype -> dtype != DType.BOOL);
            case ONE_HOT -> check("whole numbers", DType::isInteger);
            default -> {}
        }
    }

    private void check(String wanted, Predicate<DType> taken) {
        inputs.stream().map(ValueType::dtype).filter(taken.negate()).findFirst().ifPresent(dtype -> {
            throw new SondeException(
                    "wrong-dtype",
                    operator.name().toLowerCase(Locale.ROOT) + " needs " + wanted + " but was given " + dtype
                            + "; use cast(...)");
        });
    }

    private int arity() {
        return switch (operator) {
            case ADD,
                    SUB,
                    MUL,
                    DIV,
                    POW,
                    MIN,
                    MAX,
                    EQUAL,
                    LESS,
                    LESS_OR_EQUAL,
                    GREATER,
                    GREATER_OR_EQUAL,
                    AND,
                    OR,
                    MATMUL,
                    GATHER,
                    GATHER_ALONG -> 2;
            case WHERE, SCATTER_ALONG -> 3;
            case EINSUM, CONCAT, STACK -> 0;
            default -> 1;
        };
    }

    ValueType result() {
        ValueType result = find();
        boolean rows = !result.isRagged()
                || result.dims().get(0).size() == result.lengths().size();
        boolean named = !result.isRagged()
                || Set.of("batch", "").contains(result.dims().get(0).name());
        if (!rows || !named) {
            throw ragged(result.lengths());
        }
        return result;
    }

    private SondeException ragged(List<Long> lengths) {
        return ShapeRules.mismatch(
                operator, inputs, "rows have different lengths " + lengths + "; select positions first");
    }

    private ValueType find() {
        ValueType x = inputs.get(0);
        return switch (operator) {
            case NEG,
                    ABS,
                    EXP,
                    LOG,
                    SQRT,
                    RECIPROCAL,
                    RELU,
                    SIGMOID,
                    TANH,
                    ERF,
                    SIN,
                    COS,
                    FLOOR,
                    CEIL,
                    ROUND,
                    SIGN,
                    STOP_GRADIENT -> x;
            case NOT, IS_NAN, IS_INF -> x.withDType(DType.BOOL);
            case ADD, SUB, MUL, DIV, POW, MIN, MAX, AND, OR ->
                broadcast(inputs).withDType(ShapeRules.sameType(operator, inputs));
            case EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL -> {
                ShapeRules.sameType(operator, inputs);
                yield broadcast(inputs).withDType(DType.BOOL);
            }
            case WHERE -> where();
            case CAST -> x.withDType(DType.parse(text("dtype")));
            case MATMUL -> matmul();
            case EINSUM -> einsum();
            case SOFTMAX, LOG_SOFTMAX, CUM_SUM -> {
                whole(axis(x.rank()));
                yield x;
            }
            case SUM, MEAN, REDUCE_MAX, REDUCE_MIN, PROD, L2, LOG_SUM_EXP -> reduce();
            case ARG_MAX, ARG_MIN -> without(axis(x.rank())).withDType(DType.INT64);
            case TOP_K_VALUES, TOP_K_INDICES -> topK();
            case GATHER -> gather();
            case GATHER_ALONG -> gatherAlong();
            case SCATTER_ALONG -> scatter();
            case CONCAT -> concat();
            case STACK -> stack();
            case RESHAPE -> reshape();
            case TRANSPOSE -> transpose();
            case UNSQUEEZE -> insert(x, axis(x.rank() + 1), new Dim(textOr("name", ""), 1));
            case SQUEEZE -> squeeze();
            case RENAME -> rename();
            case EXPAND -> expand();
            case ONE_HOT ->
                insert(x, x.rank(), new Dim(textOr("name", ""), ints("depth").get(0)))
                        .withDType(DType.parse(text("dtype")));
        };
    }

    private ValueType broadcast(List<ValueType> values) {
        ValueType result = values.get(0);
        for (ValueType next : values.subList(1, values.size())) {
            result = broadcast(result, next);
        }
        return result;
    }

    private ValueType broadcast(ValueType a, ValueType b) {
        int rank = Math.max(a.rank(), b.rank());
        List<Dim> dims = new ArrayList<>();
        for (int i = 0; i < rank; i++) {
            int atA = i - rank + a.rank();
            int atB = i - rank + b.rank();
            dims.add(
                    atA < 0
                            ? b.dims().get(atB)
                            : atB < 0
                                    ? a.dims().get(atA)
                                    : broadcast(a.dims().get(atA), b.dims().get(atB)));
        }
        if (a.isRagged() && b.isRagged() && !a.lengths().equals(b.lengths())) {
            throw ShapeRules.mismatch(operator, inputs, "their rows have different lengths");
        }
        return new ValueType(a.dtype(), dims, a.isRagged() ? a.lengths() : b.lengths());
    }

    private Dim broadcast(Dim a, Dim b) {
        boolean names = a.name().isEmpty() || b.name().isEmpty() || a.name().equals(b.name());
        String name = a.name().isEmpty() ? b.name() : a.name();
        if (names && (a.size() == b.size() || b.size() == 1)) {
            return new Dim(name, a.size());
        }
        if (names && (a.size() == 1 || a.size() == Dim.UNKNOWN || b.size() == Dim.UNKNOWN)) {
            return new Dim(name, a.size() == 1 || a.size() == Dim.UNKNOWN ? b.size() : a.size());
        }
        throw ShapeRules.mismatch(operator, inputs, "axis " + a + " does not fit axis " + b + hint());
    }

    /** Says what to do where one value has some of the other's named axes, which are aligned from the right. */
    private String hint() {
        ValueType first = inputs.get(0);
        ValueType last = inputs.get(inputs.size() - 1);
        ValueType wide = first.rank() > last.rank() ? first : last;
        ValueType narrow = first.rank() > last.rank() ? last : first;
        boolean part = inputs.size() == 2
                && narrow.rank() == wide.rank() - 1
                && wide.names().containsAll(narrow.names())
                && !narrow.names().contains("");
        for (int i = 0; part && i < wide.rank(); i++) {
            String name = wide.names().get(i);
            if (!narrow.names().contains(name)) {
                return "; axes are aligned from the right: unsqueeze(" + i + ", \"" + name
                        + "\") makes room for the missing one";
            }
        }
        return "";
    }

    private ValueType where() {
        if (inputs.get(0).dtype() != DType.BOOL) {
            throw ShapeRules.mismatch(operator, inputs, "the condition must be bool");
        }
        DType type = ShapeRules.sameType(operator, inputs.subList(1, 3));
        return broadcast(inputs).withDType(type);
    }

    private ValueType matmul() {
        ValueType a = inputs.get(0);
        ValueType b = inputs.get(1);
        DType type = ShapeRules.sameType(operator, inputs);
        if (a.rank() == 0 || b.rank() == 0) {
            throw ShapeRules.mismatch(operator, inputs, "a value without axes cannot be multiplied so");
        }
        Dim inner = a.dims().get(a.rank() - 1);
        Dim other = b.dims().get(Math.max(0, b.rank() - 2));
        if (!ShapeRules.fits(inner, other)) {
            throw ShapeRules.mismatch(operator, inputs, "axis " + inner + " does not fit axis " + other);
        }
        even(a, inner);
        even(b, other);
        List<Dim> rows = a.dims().subList(0, Math.max(0, a.rank() - 2));
        List<Dim> columns = b.dims().subList(0, Math.max(0, b.rank() - 2));
        List<Dim> dims = new ArrayList<>(
                broadcast(ValueType.of(type, rows), ValueType.of(type, columns)).dims());
        if (a.rank() > 1) {
            dims.add(a.dims().get(a.rank() - 2));
        }
        if (b.rank() > 1) {
            dims.add(b.dims().get(b.rank() - 1));
        }
        return new ValueType(type, dims, a.isRagged() ? a.lengths() : b.lengths());
    }

    /** Refuses to sum along positions of rows that have different numbers of them. */
    private void even(ValueType value, Dim summed) {
        if (value.isRagged() && summed.isOfPositions()) {
            throw ragged(value.lengths());
        }
    }

    private ValueType einsum() {
        String[] sides = text("equation").replace(" ", "").split("->", -1);
        String[] terms = sides[0].split(",", -1);
        if (sides.length != 2 || terms.length != inputs.size()) {
            throw ShapeRules.mismatch(
                    operator, inputs, "expected an equation like 'bpd,de->bpe' but was '" + text("equation") + "'");
        }
        Map<Character, Dim> letters = new HashMap<>();
        for (int i = 0; i < terms.length; i++) {
            if (terms[i].length() != inputs.get(i).rank()) {
                throw ShapeRules.mismatch(operator, inputs, "'" + terms[i] + "' names " + terms[i].length() + " axes");
            }
            for (int j = 0; j < terms[i].length(); j++) {
                Dim dim = inputs.get(i).dims().get(j);
                if (sides[1].indexOf(terms[i].charAt(j)) < 0) {
                    even(inputs.get(i), j == 0 ? new Dim("position", dim.size()) : dim);
                }
                letters.merge(terms[i].charAt(j), dim, this::broadcast);
            }
        }
        List<Dim> dims = new ArrayList<>();
        for (char letter : sides[1].toCharArray()) {
            Dim dim = letters.get(letter);
            if (dim == null) {
                throw ShapeRules.mismatch(operator, inputs, "'" + letter + "' is on the right of the equation only");
            }
            dims.add(dim);
        }
        List<Long> lengths = inputs.stream()
                .filter(ValueType::isRagged)
                .findFirst()
                .map(ValueType::lengths)
                .orElse(List.of());
        return new ValueType(ShapeRules.sameType(operator, inputs), dims, lengths);
    }

    private ValueType reduce() {
        ValueType x = inputs.get(0);
        Set<Integer> axes = new LinkedHashSet<>();
        ints("axes").forEach(axis -> axes.add(checked(axis, x.rank())));
        boolean keep = !ints("keep").isEmpty() && ints("keep").get(0) == 1;
        List<Dim> dims = new ArrayList<>();
        for (int i = 0; i < x.rank(); i++) {
            if (!axes.contains(i)) {
                dims.add(x.dims().get(i));
            } else {
                whole(i);
                if (keep) {
                    dims.add(new Dim(x.dims().get(i).name(), 1));
                }
            }
        }
        return x.withDims(dims);
    }

    /** Refuses to mix the positions of rows that have different numbers of them. */
    private void whole(int axis) {
        ValueType x = inputs.get(0);
        if (x.isRagged() && (axis == 0 || x.dims().get(axis).isOfPositions())) {
            throw ragged(x.lengths());
        }
    }

    private ValueType without(int axis) {
        whole(axis);
        List<Dim> dims = new ArrayList<>(inputs.get(0).dims());
        dims.remove(axis);
        return inputs.get(0).withDims(dims);
    }

    private ValueType topK() {
        ValueType x = inputs.get(0);
        int axis = axis(x.rank());
        whole(axis);
        long k = ints("k").get(0);
        if (k < 1
                || (x.dims().get(axis).size() != Dim.UNKNOWN
                        && k > x.dims().get(axis).size())) {
            throw ShapeRules.mismatch(
                    operator,
                    inputs,
                    "there are no " + k + " largest along " + x.dims().get(axis));
        }
        List<Dim> dims = new ArrayList<>(x.dims());
        dims.set(axis, Dim.of(k));
        return operator == Operator.TOP_K_INDICES ? x.withDims(dims).withDType(DType.INT64) : x.withDims(dims);
    }

    private ValueType gather() {
        ValueType x = inputs.get(0);
        if (!inputs.get(1).dtype().isInteger()) {
            throw ShapeRules.mismatch(operator, inputs, "indices must be whole numbers");
        }
        int axis = axis(x.rank());
        whole(axis);
        List<Dim> dims = new ArrayList<>(x.dims().subList(0, axis));
        dims.addAll(inputs.get(1).dims());
        dims.addAll(x.dims().subList(axis + 1, x.rank()));
        return x.withDims(dims);
    }

    private void along() {
        ValueType x = inputs.get(0);
        ValueType indices = inputs.get(1);
        if (!indices.dtype().isInteger() || indices.rank() != x.rank()) {
            throw ShapeRules.mismatch(operator, inputs, "indices must be whole numbers of the same rank");
        }
        whole(axis(x.rank()));
    }

    private ValueType gatherAlong() {
        along();
        ValueType x = inputs.get(0);
        ValueType indices = inputs.get(1);
        List<Dim> dims = new ArrayList<>();
        for (int i = 0; i < x.rank(); i++) {
            Dim dim = indices.dims().get(i);
            boolean same = dim.name().isEmpty() && dim.size() == x.dims().get(i).size();
            dims.add(same ? x.dims().get(i) : dim);
        }
        return new ValueType(x.dtype(), dims, x.isRagged() ? x.lengths() : indices.lengths());
    }

    private ValueType scatter() {
        along();
        ShapeRules.sameType(operator, List.of(inputs.get(0), inputs.get(2)));
        for (int i = 0; i < inputs.get(0).rank(); i++) {
            if (!ShapeRules.fits(
                    Dim.of(inputs.get(1).dims().get(i).size()),
                    Dim.of(inputs.get(2).dims().get(i).size()))) {
                throw ShapeRules.mismatch(operator, inputs, "indices and updates must have one shape");
            }
        }
        return inputs.get(0);
    }

    private ValueType concat() {
        ValueType x = inputs.get(0);
        int axis = axis(x.rank());
        if (axis == 0 && x.dims().get(0).name().equals("batch")) {
            return new RowStack(operator, inputs).type();
        }
        long size = 0;
        for (ValueType each : inputs) {
            if (each.rank() != x.rank()) {
                throw ShapeRules.mismatch(operator, inputs, "they have different numbers of axes");
            }
            for (int i = 0; i < x.rank(); i++) {
                if (i != axis && !ShapeRules.fits(x.dims().get(i), each.dims().get(i))) {
                    throw ShapeRules.mismatch(
                            operator,
                            inputs,
                            "axis " + x.dims().get(i) + " does not fit axis "
                                    + each.dims().get(i));
                }
            }
            long next = each.dims().get(axis).size();
            size = size == Dim.UNKNOWN || next == Dim.UNKNOWN ? Dim.UNKNOWN : size + next;
        }
        whole(axis);
        List<Dim> dims = new ArrayList<>(x.dims());
        dims.set(axis, new Dim(x.dims().get(axis).name(), size));
        return x.withDims(dims).withDType(ShapeRules.sameType(operator, inputs));
    }

    private ValueType stack() {
        ValueType x = inputs.get(0);
        for (ValueType each : inputs) {
            boolean fits = each.rank() == x.rank() && !each.isRagged();
            for (int i = 0; fits && i < x.rank(); i++) {
                fits = ShapeRules.fits(x.dims().get(i), each.dims().get(i));
            }
            if (!fits) {
                throw ShapeRules.mismatch(
                        operator,
                        List.of(x, each),
                        each.isRagged()
                                ? "rows have different lengths; select positions first"
                                : "they have different shapes");
            }
        }
        ShapeRules.sameType(operator, inputs);
        return insert(x, axis(x.rank() + 1), new Dim(textOr("name", ""), inputs.size()));
    }

    private static ValueType insert(ValueType x, int axis, Dim dim) {
        List<Dim> dims = new ArrayList<>(x.dims());
        dims.add(axis, dim);
        return x.withDims(dims);
    }

    private ValueType reshape() {
        ValueType x = inputs.get(0);
        if (x.isRagged()) {
            throw ShapeRules.mismatch(operator, inputs, "rows have different lengths; select positions first");
        }
        List<Long> shape = ints("shape");
        long known = shape.stream().filter(size -> size != -1).reduce(1L, (a, b) -> a * b);
        long count = x.dims().stream().map(Dim::size).reduce(1L, (a, b) -> a * b);
        boolean open = x.dims().stream().anyMatch(dim -> dim.size() == Dim.UNKNOWN);
        long rest = open || known == 0 ? Dim.UNKNOWN : count / known;
        if (!open && (shape.contains(-1L) ? known == 0 || count % known != 0 : count != known)) {
            throw ShapeRules.mismatch(operator, inputs, count + " elements do not fill " + shape);
        }
        List<Dim> dims = new ArrayList<>();
        String[] names = textOr("names", "").split(",", -1);
        for (int i = 0; i < shape.size(); i++) {
            dims.add(new Dim(i < names.length ? names[i] : "", shape.get(i) == -1 ? rest : shape.get(i)));
        }
        return x.withDims(dims);
    }

    private ValueType transpose() {
        ValueType x = inputs.get(0);
        Set<Integer> seen = new LinkedHashSet<>();
        ints("perm").forEach(axis -> seen.add(checked(axis, x.rank())));
        if (seen.size() != x.rank()) {
            throw ShapeRules.mismatch(operator, inputs, "the order " + ints("perm") + " does not name each axis once");
        }
        return x.withDims(seen.stream().map(x.dims()::get).toList());
    }

    private ValueType squeeze() {
        ValueType x = inputs.get(0);
        int axis = axis(x.rank());
        if (x.dims().get(axis).size() != 1) {
            throw ShapeRules.mismatch(operator, inputs, "axis " + x.dims().get(axis) + " is not of size 1");
        }
        return without(axis);
    }

    private ValueType rename() {
        ValueType x = inputs.get(0);
        String[] names = text("names").split(",", -1);
        if (x.isRagged()) {
            throw ragged(x.lengths());
        }
        if (names.length != x.rank() && x.rank() > 0) {
            throw ShapeRules.mismatch(operator, inputs, names.length + " names for " + x.rank() + " axes");
        }
        List<Dim> dims = new ArrayList<>();
        for (int i = 0; i < x.rank(); i++) {
            dims.add(new Dim(names[i], x.dims().get(i).size()));
        }
        return x.withDims(dims);
    }

    private ValueType expand() {
        ValueType x = inputs.get(0);
        return broadcast(
                x, ValueType.of(x.dtype(), ints("shape").stream().map(Dim::of).toList()));
    }

    private int axis(int rank) {
        return checked(ints("axis").isEmpty() ? 0 : ints("axis").get(0), rank);
    }

    private int checked(long axis, int rank) {
        long at = axis < 0 ? axis + rank : axis;
        if (at < 0 || at >= rank) {
            throw ShapeRules.mismatch(operator, inputs, "there is no axis " + axis);
        }
        return (int) at;
    }

    private List<Long> ints(String name) {
        return apply.attributes().getOrDefault(name, List.of());
    }

    private String text(String name) {
        String text = apply.texts().get(name);
        if (text == null) {
            throw ShapeRules.mismatch(operator, inputs, "its '" + name + "' is missing");
        }
        return text;
    }

    private String textOr(String name, String otherwise) {
        return apply.texts().getOrDefault(name, otherwise);
    }
}
