package dev.sonde.graph;

/**
 * Sonde's own operators, with the meaning of ONNX opset 21; an engine lowers them to what its files understand. The number
 * of inputs and the attributes of each stand behind it.
 */
public enum Operator {
    NEG,
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
    NOT,
    IS_NAN,
    IS_INF,
    ADD,
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
    /** condition, a, b. */
    WHERE,
    /** texts: {@code dtype}. */
    CAST,
    MATMUL,
    /** texts: {@code equation}. */
    EINSUM,
    /** attributes: {@code axis}. */
    SOFTMAX,
    /** attributes: {@code axis}. */
    LOG_SOFTMAX,
    /** attributes: {@code axes}, {@code keep}; so are the other reductions. */
    SUM,
    MEAN,
    REDUCE_MAX,
    REDUCE_MIN,
    PROD,
    L2,
    LOG_SUM_EXP,
    /** attributes: {@code axis}. */
    ARG_MAX,
    ARG_MIN,
    /** attributes: {@code axis}, {@code k}. */
    TOP_K_VALUES,
    TOP_K_INDICES,
    /** x, indices; attributes: {@code axis}. */
    GATHER,
    /** x, indices of x's rank; attributes: {@code axis}. */
    GATHER_ALONG,
    /** x, indices and updates of x's rank; attributes: {@code axis}. */
    SCATTER_ALONG,
    /** attributes: {@code axis}. */
    CONCAT,
    /** attributes: {@code axis}; texts: {@code name} of the new axis. */
    STACK,
    /** attributes: {@code shape}; texts: {@code names}, separated by commas. */
    RESHAPE,
    /** attributes: {@code perm}. */
    TRANSPOSE,
    /** attributes: {@code axis}; texts: {@code name}. */
    UNSQUEEZE,
    /** attributes: {@code axis}. */
    SQUEEZE,
    /** texts: {@code names}, separated by commas. */
    RENAME,
    /** attributes: {@code shape}. */
    EXPAND,
    /** attributes: {@code axis}. */
    CUM_SUM,
    /** indices; attributes: {@code depth}; texts: {@code name}, {@code dtype}. */
    ONE_HOT,
    /** The value itself, which no gradient passes. */
    STOP_GRADIENT
}
