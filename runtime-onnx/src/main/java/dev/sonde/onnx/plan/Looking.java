package dev.sonde.onnx.plan;

import dev.sonde.graph.Selection;

/** Which positions are looked at. */
final class Looking {
    private Looking() {}

    /** Returns whether positions are selected and nothing else, none of them before {@code first}. */
    static boolean isAt(Selection selection, int axis, int first) {
        return selection.picks().size() == 1
                && selection.picks().get(0).axis() == axis
                && selection.picks().get(0).rows().stream()
                        .flatMap(java.util.List::stream)
                        .allMatch(position -> position >= first);
    }
}
