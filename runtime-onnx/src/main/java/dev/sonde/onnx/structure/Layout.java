package dev.sonde.onnx.structure;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where the features of heads are among the columns of a weight: groups of equal size, and in each group some heads in a row.
 *
 * @param heads how many
 * @param width columns of one head
 * @param groups how many
 * @param size columns of one group
 * @param start the group's column where its first head begins
 */
record Layout(int heads, int width, int groups, int size, int start) {
    /** Returns the layout in which the columns of heads have these numbers; nothing for layouts that no exporter makes. */
    static Optional<Layout> of(List<Integer> columns, int heads, int width, int all) {
        for (int inGroup = heads; inGroup >= 1; inGroup--) {
            int groups = heads / inGroup;
            if (heads % inGroup == 0 && all % groups == 0) {
                Layout layout = new Layout(heads, width, groups, all / groups, columns.get(0));
                if (layout.fits(columns)) {
                    return Optional.of(layout);
                }
            }
        }
        return Optional.empty();
    }

    private int inGroup() {
        return heads / groups;
    }

    private boolean fits(List<Integer> columns) {
        if (start + inGroup() * width > size) {
            return false;
        }
        for (int i = 0; i < columns.size(); i++) {
            int head = i / width;
            int expected = head / inGroup() * size + start + head % inGroup() * width + i % width;
            if (columns.get(i) != expected) {
                return false;
            }
        }
        return true;
    }

    /** Returns the view from a matrix {@code input, output} (the other way round if {@code turned}) to head, input, width. */
    View matrix(boolean turned) {
        List<View.Step> steps = new ArrayList<>();
        if (turned) {
            steps.add(new View.Transpose(List.of(1, 0)));
        }
        steps.addAll(columns(List.of(0L)));
        steps.add(new View.Transpose(List.of(1, 0, 2)));
        return new View(steps);
    }

    /** Returns the view from a matrix to input, width, for features without heads. */
    View plain(boolean turned) {
        List<View.Step> steps = new ArrayList<>();
        if (turned) {
            steps.add(new View.Transpose(List.of(1, 0)));
        }
        if (start > 0 || width < size) {
            steps.add(new View.SliceAxis(1, start, start + (long) width));
        }
        return new View(steps);
    }

    /** Returns the view from a bias to head, width. */
    View bias() {
        return new View(columns(List.of()));
    }

    /** Returns the view from a bias to width. */
    View plainBias() {
        return start > 0 || width < size ? View.of(new View.SliceAxis(0, start, start + (long) width)) : View.IDENTITY;
    }

    private List<View.Step> columns(List<Long> lead) {
        int axis = lead.size();
        List<View.Step> steps = new ArrayList<>();
        if (groups > 1) {
            steps.add(reshape(lead, List.of((long) groups, (long) size), List.of(-1L)));
        }
        if (start > 0 || (long) inGroup() * width < size) {
            steps.add(new View.SliceAxis(axis + (groups > 1 ? 1 : 0), start, start + (long) inGroup() * width));
        }
        if (groups == 1 || inGroup() > 1) {
            List<Long> before = groups > 1 ? List.of((long) groups, (long) inGroup() * width) : List.of(-1L);
            steps.add(reshape(lead, List.of((long) heads, (long) width), before));
        }
        return steps;
    }

    private static View.Reshape reshape(List<Long> lead, List<Long> target, List<Long> inverse) {
        List<Long> to = new ArrayList<>(lead);
        to.addAll(target);
        List<Long> back = new ArrayList<>(lead);
        back.addAll(inverse);
        return new View.Reshape(to, back);
    }
}
