package dev.sonde.onnx.plan;

import java.util.List;

/** One invertible step from a value of the file to what a site shows of it. */
public sealed interface Step {
    /**
     * Takes the elements in another shape.
     *
     * @param to the shape; 0 keeps the axis at that place, -1 is what remains
     */
    record Reshape(List<Long> to) implements Step {
        /** Copies its list. */
        public Reshape {
            to = List.copyOf(to);
        }
    }

    /**
     * Orders the axes anew.
     *
     * @param perm for each new axis the old one
     */
    record Transpose(List<Integer> perm) implements Step {
        /** Copies its list. */
        public Transpose {
            perm = List.copyOf(perm);
        }

        List<Integer> inverse() {
            return java.util.stream.IntStream.range(0, perm.size())
                    .mapToObj(perm::indexOf)
                    .toList();
        }
    }

    /**
     * Takes a part of one axis.
     *
     * @param axis the axis
     * @param start first index
     * @param end index after the last
     */
    record SliceAxis(int axis, long start, long end) implements Step {}
}
