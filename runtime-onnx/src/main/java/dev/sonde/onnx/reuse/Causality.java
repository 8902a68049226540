package dev.sonde.onnx.reuse;

import dev.sonde.DType;
import dev.sonde.Tensor;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Proves from the masks of a run that positions before the first edited one cannot change: for each softmax over keys one of
 * the masks before it must hide every key from that position on from every position before it.
 */
public final class Causality {
    private final Forms forms;
    private final Map<String, boolean[][][]> hidden = new HashMap<>();

    /**
     * @param forms of the model
     * @param masks the masks of this run, by name
     */
    public Causality(Forms forms, Map<String, Tensor> masks) {
        this.forms = forms;
        masks.forEach((name, tensor) -> forms.mask(name).ifPresent(mask -> {
            if (readable(tensor, mask.hiding())) {
                hidden.put(name, read(tensor, mask));
            }
        }));
    }

    private static boolean readable(Tensor tensor, Forms.Hiding hiding) {
        return tensor.dtype() == (hiding == Forms.Hiding.ADDED ? DType.FLOAT32 : DType.BOOL);
    }

    /** Returns for each row, position and key whether the key is hidden: from all heads, where there are several. */
    private static boolean[][][] read(Tensor tensor, Forms.Mask mask) {
        int rank = tensor.rank();
        int positionAxis = rank + mask.position();
        int keyAxis = rank + mask.key();
        int rows = positionAxis > 0 && keyAxis > 0 && rank >= 3 ? (int) tensor.size(0) : 1;
        int positions = (int) tensor.size(positionAxis);
        int keys = (int) tensor.size(keyAxis);
        boolean[][][] hidden = new boolean[rows][positions][keys];
        for (boolean[][] row : hidden) {
            for (boolean[] each : row) {
                java.util.Arrays.fill(each, true);
            }
        }
        double[] numbers = tensor.toDoubles();
        for (int i = 0; i < numbers.length; i++) {
            int position = at(i, tensor, positionAxis);
            int key = at(i, tensor, keyAxis);
            int row = rows == 1 ? 0 : at(i, tensor, 0);
            hidden[row][position][key] &= hides(numbers[i], mask.hiding());
        }
        return hidden;
    }

    private static int at(int index, Tensor tensor, int axis) {
        int inner = 1;
        for (int i = axis + 1; i < tensor.rank(); i++) {
            inner *= (int) tensor.size(i);
        }
        return index / inner % (int) tensor.size(axis);
    }

    private static boolean hides(double number, Forms.Hiding hiding) {
        return switch (hiding) {
            case ADDED -> number <= Rules.HIDES;
            case TRUE_KEEPS -> number == 0;
            case TRUE_HIDES -> number != 0;
        };
    }

    /**
     * Returns the masks that can keep runs of one bin apart and hide what was before them.
     *
     * @param firsts the first position of each run that can change
     * @param softmaxes those that are computed
     * @return nothing if a softmax has none, so that earlier positions may change
     */
    public Optional<Set<String>> proof(Collection<Integer> firsts, Collection<Integer> softmaxes) {
        Set<String> good = new HashSet<>();
        hidden.forEach((name, each) -> {
            if (firsts.stream().allMatch(first -> isHidden(each, first))) {
                good.add(name);
            }
        });
        for (int softmax : softmaxes) {
            Set<String> candidates = forms.softmaxes().getOrDefault(softmax, Set.of());
            if (candidates.stream().noneMatch(good::contains)) {
                return Optional.empty();
            }
        }
        return Optional.of(good);
    }

    /** Returns whether positions before one cannot change when it does. */
    public boolean allows(int first, Collection<Integer> softmaxes) {
        return proof(java.util.List.of(first), softmaxes).isPresent();
    }

    private static boolean isHidden(boolean[][][] hidden, int first) {
        for (boolean[][] row : hidden) {
            for (int position = 0; position < row.length; position++) {
                if (!all(row[position], 0) && !isApart(row, position, first)) {
                    return false;
                }
            }
        }
        return true;
    }

    /**
     * Whether a position before the first one sees nothing from that one on. Positions that see nothing at all are padding: what
     * they hold depends on everything, so none may see them either.
     */
    private static boolean isApart(boolean[][] row, int position, int first) {
        if (position < first && !all(row[position], first)) {
            return false;
        }
        for (int key = 0; key < Math.min(first, row.length); key++) {
            if (!row[position][key] && all(row[key], 0)) {
                return false;
            }
        }
        return true;
    }

    private static boolean all(boolean[] hidden, int from) {
        for (int key = from; key < hidden.length; key++) {
            if (!hidden[key]) {
                return false;
            }
        }
        return true;
    }
}
