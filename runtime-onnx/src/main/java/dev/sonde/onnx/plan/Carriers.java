package dev.sonde.onnx.plan;

import dev.sonde.DType;
import dev.sonde.graph.Operator;
import java.util.Set;

/**
 * The types that operators compute with. ONNX Runtime has kernels for few of the types of 16 and 8 bits, and not the same in
 * every operator set, so these are carried by a wider type and rounded again: the numbers are the same everywhere.
 */
final class Carriers {
    /** These move elements and compute nothing, or have a detour of their own. */
    private static final Set<Operator> MOVING = Set.of(
            Operator.WHERE,
            Operator.CAST,
            Operator.GATHER,
            Operator.GATHER_ALONG,
            Operator.SCATTER_ALONG,
            Operator.CONCAT,
            Operator.STACK,
            Operator.RESHAPE,
            Operator.TRANSPOSE,
            Operator.UNSQUEEZE,
            Operator.SQUEEZE,
            Operator.RENAME,
            Operator.ONE_HOT);

    private static final Set<Operator> OTHER_RESULT = Set.of(
            Operator.EQUAL,
            Operator.LESS,
            Operator.LESS_OR_EQUAL,
            Operator.GREATER,
            Operator.GREATER_OR_EQUAL,
            Operator.IS_NAN,
            Operator.IS_INF,
            Operator.ARG_MAX,
            Operator.ARG_MIN,
            Operator.TOP_K_INDICES);

    private Carriers() {}

    /** Returns the type that an operator on {@code dtype} computes with. */
    static DType of(Operator operator, DType dtype) {
        if (MOVING.contains(operator)) {
            return dtype;
        }
        return switch (dtype) {
            case FLOAT16, BFLOAT16 -> DType.FLOAT32;
            case FLOAT64 -> operator == Operator.ERF ? DType.FLOAT32 : dtype;
            case INT8, INT16, UINT8 -> DType.INT32;
            default -> dtype;
        };
    }

    /** Returns whether the result has the type of what it is computed from. */
    static boolean keepsType(Operator operator) {
        return !OTHER_RESULT.contains(operator);
    }
}
