package dev.sonde.onnx.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which axes of a value are rows, positions and keys, so that each number of it has a place in a list: rows, positions and keys
 * first, the axes that are the same in every run behind them.
 *
 * @param rank its number of axes
 * @param position the axis of positions, -1 if it has none
 * @param key the axis of keys, -1 if it has none
 * @param merged whether rows and positions are its first axis
 * @param rest sizes of the other axes
 */
record Slots(int rank, int position, int key, boolean merged, List<Long> rest) {
    Slots {
        rest = List.copyOf(rest);
    }

    private List<Integer> order() {
        List<Integer> order = new ArrayList<>(List.of(0));
        if (!merged) {
            IntStream.of(position, key).filter(axis -> axis >= 0).forEach(order::add);
        }
        IntStream.range(0, rank).filter(axis -> !order.contains(axis)).forEach(order::add);
        return order;
    }

    private static List<Integer> inverse(List<Integer> order) {
        return IntStream.range(0, order.size()).mapToObj(order::indexOf).toList();
    }

    private static boolean isSorted(List<Integer> order) {
        return order.equals(order.stream().sorted().toList());
    }

    /** Returns the numbers of a value as a list of what each place holds. */
    String flat(String value, Layout layout, Sizes sizes) {
        if (merged) {
            return value;
        }
        String turned = isSorted(order()) ? value : layout.transpose(value, order());
        return sizes.reshape(turned, places("-1"));
    }

    /** Returns the value of which a list holds the places. */
    String whole(String list, String positions, String keys, Layout layout, Sizes sizes) {
        if (merged) {
            return list;
        }
        List<String> shape = new ArrayList<>(List.of("-1"));
        if (position >= 0) {
            shape.add(positions);
        }
        if (key >= 0) {
            shape.add(keys);
        }
        rest.forEach(size -> shape.add(Long.toString(size)));
        String turned = sizes.reshape(list, shape);
        return isSorted(order()) ? turned : layout.transpose(turned, inverse(order()));
    }

    private List<String> places(String first) {
        List<String> shape = new ArrayList<>(List.of(first));
        rest.forEach(size -> shape.add(Long.toString(size)));
        return shape;
    }
}
