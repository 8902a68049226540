package dev.sonde.onnx.reuse;

import java.util.Set;

/**
 * Where a value that follows from the tokens has its positions.
 *
 * @param position the axis of the positions; rows are outermost on axis 0
 * @param key the axis of the keys that positions look at, or -1
 * @param merged whether rows and positions are one axis, the first
 * @param masks what has been added to scores, or has chosen among them, and may hide keys
 * @param soft whether it is behind a softmax over the keys
 */
public record Form(int position, int key, boolean merged, Set<String> masks, boolean soft) {
    /** Copies its set. */
    public Form {
        masks = Set.copyOf(masks);
    }

    static Form at(int position) {
        return new Form(position, -1, false, Set.of(), false);
    }

    boolean hasKey() {
        return key >= 0;
    }

    Form moved(int newPosition, int newKey) {
        return new Form(newPosition, newKey, merged, masks, soft);
    }

    /** Returns whether it is rows by positions by anything, one after the other. */
    public boolean isPlain() {
        return position == 1 && key < 0 && !merged;
    }
}
