package dev.sonde.graph;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Rows of several values behind one another, which may differ in length: then they are padded on the right to the longest. */
final class RowStack {
    private final Operator operator;
    private final List<ValueType> inputs;

    RowStack(Operator operator, List<ValueType> inputs) {
        this.operator = operator;
        this.inputs = inputs;
    }

    ValueType type() {
        ValueType first = inputs.get(0);
        List<Dim> dims = new ArrayList<>(first.dims());
        long rows = 0;
        List<Long> lengths = new ArrayList<>();
        for (ValueType each : inputs) {
            join(dims, each);
            long next = each.dims().get(0).size();
            rows = rows == Dim.UNKNOWN || next == Dim.UNKNOWN ? Dim.UNKNOWN : rows + next;
            lengths.addAll(lengths(each));
        }
        dims.set(0, new Dim(dims.get(0).name(), rows));
        boolean ragged = lengths.size() == rows && lengths.stream().distinct().count() > 1;
        return new ValueType(ShapeRules.sameType(operator, inputs), dims, ragged ? lengths : List.of());
    }

    private void join(List<Dim> dims, ValueType next) {
        if (next.rank() != dims.size()) {
            throw ShapeRules.mismatch(operator, inputs, "they have different numbers of axes");
        }
        for (int i = 1; i < dims.size(); i++) {
            Dim a = dims.get(i);
            Dim b = next.dims().get(i);
            boolean longer = a.isOfPositions() && a.name().equals(b.name()) && Math.min(a.size(), b.size()) >= 0;
            if (!longer && !ShapeRules.fits(a, b)) {
                throw ShapeRules.mismatch(operator, inputs, "axis " + a + " does not fit axis " + b);
            }
            if (longer && b.size() > a.size()) {
                dims.set(i, b);
            }
        }
    }

    private static List<Long> lengths(ValueType type) {
        if (type.isRagged()) {
            return type.lengths();
        }
        long rows = Math.max(0, type.dims().get(0).size());
        return type.dims().stream()
                .filter(Dim::isOfPositions)
                .findFirst()
                .map(dim -> Collections.nCopies((int) rows, dim.size()))
                .orElse(List.of());
    }
}
