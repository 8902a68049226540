package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.AttributeProto;
import dev.sonde.DType;
import dev.sonde.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;

/** Every operator that has a gradient, with random shapes, attributes and forms. */
final class RuleCases {
    /** One operator in one form; the least opset is that of the form. */
    record Case(String operator, int since, int until, Consumer<Trial> make) {}

    private static final Map<String, Case> ALL = new LinkedHashMap<>();

    private RuleCases() {}

    static Map<String, Case> all() {
        return ALL;
    }

    private static void add(String name, int since, int until, Consumer<Trial> make) {
        ALL.put(name, new Case(name.replaceAll(" .*", ""), since, until, make));
    }

    private static void add(String name, Consumer<Trial> make) {
        add(name, 13, 26, make);
    }

    static {
        unary();
        arithmetic();
        products();
        reductions();
        form();
        indices();
        norms();
        convolutions();
        fused();
    }

    private static void unary(String type, ToDoubleFunction<Trial> numbers, AttributeProto... attributes) {
        add(type, t -> t.of(type, List.of(t.x(() -> numbers.applyAsDouble(t), t.sizes(t.below(1, 4)))), attributes));
    }

    private static void unary() {
        for (String type : List.of(
                "Identity",
                "Dropout",
                "Neg",
                "Exp",
                "Sin",
                "Cos",
                "Atan",
                "Sinh",
                "Cosh",
                "Asinh",
                "Tanh",
                "Sigmoid",
                "Erf",
                "Softplus")) {
            unary(type, Trial::normal);
        }
        for (String type : List.of("Abs", "Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Softsign")) {
            unary(type, t -> t.away(0));
        }
        for (String type : List.of("Log", "Sqrt", "Reciprocal")) {
            unary(type, t -> t.between(0.5, 3));
        }
        for (String type : List.of("Asin", "Acos", "Atanh", "Tan")) {
            unary(type, t -> t.between(-0.8, 0.8));
        }
        unary("Acosh", t -> t.between(1.3, 3));
        unary("HardSigmoid", t -> t.away(-2.5, 2.5));
        unary("ThresholdedRelu", t -> t.away(0.7), Attrs.of("alpha", 0.7));
        unary("Shrink", t -> t.away(-0.6, 0.6), Attrs.of("lambd", 0.6), Attrs.of("bias", 0.25));
        add("HardSwish", 14, 26, t -> t.of("HardSwish", List.of(t.x(() -> t.away(-3, 3), t.sizes(2)))));
        add("Mish", 18, 26, t -> t.of("Mish", List.of(t.x(t.sizes(2)))));
        add("Swish", 24, 26, t -> t.of("Swish", List.of(t.x(t.sizes(2))), Attrs.of("alpha", 1.3)));
        add("Gelu", 20, 26, t -> t.of("Gelu", List.of(t.x(t.sizes(2)))));
        add("Gelu tanh", 20, 26, t -> t.of("Gelu", List.of(t.x(t.sizes(2))), Attrs.of("approximate", "tanh")));
        add("LeakyRelu slope", t -> t.of("LeakyRelu", List.of(t.x(() -> t.away(0), 3, 4)), Attrs.of("alpha", 0.3)));
        add("Elu alpha", t -> t.of("Elu", List.of(t.x(() -> t.away(0), 3, 4)), Attrs.of("alpha", 0.6)));
        add("Celu alpha", t -> t.of("Celu", List.of(t.x(() -> t.away(0), 3, 4)), Attrs.of("alpha", 0.6)));
        add(
                "HardSigmoid alpha",
                t -> t.of(
                        "HardSigmoid",
                        List.of(t.x(() -> t.away(-1.25, 1.25), 3, 4)),
                        Attrs.of("alpha", 0.4),
                        Attrs.of("beta", 0.5 + 0.1 * 0)));
        add("Cast", t -> {
            String narrow =
                    t.node("Cast", List.of(t.x(t.sizes(2))), Attrs.of("to", t.dtype == DType.FLOAT64 ? 11L : 1L));
            t.of("Sin", List.of(narrow));
        });
        add("CastLike", 15, 26, t -> t.of("CastLike", List.of(t.x(t.sizes(2)), t.scalar(1))));
        add("Clip", t -> {
            List<String> in = new ArrayList<>(List.of(t.x(() -> t.away(-1, 1), t.sizes(2))));
            boolean low = t.coin();
            in.add(low ? t.scalar(-1) : "");
            if (t.coin()) {
                in.add(t.scalar(1));
            }
            t.of("Clip", in);
        });
        add(
                "Clip attributes",
                9,
                10,
                t -> t.of(
                        "Clip",
                        List.of(t.x(() -> t.away(-1, 1), t.sizes(2))),
                        Attrs.of("min", -1.0),
                        Attrs.of("max", 1.0)));
    }

    private static void two(String type, ToDoubleFunction<Trial> numbers) {
        add(type, t -> {
            long[][] shapes = broadcast(t);
            t.of(
                    type,
                    List.of(
                            t.x(() -> numbers.applyAsDouble(t), shapes[0]),
                            t.x(() -> numbers.applyAsDouble(t), shapes[1])));
        });
        add(type + " of itself", t -> {
            String x = t.x(() -> numbers.applyAsDouble(t), t.sizes(2));
            t.of(type, List.of(x, x));
        });
    }

    /** Two shapes that broadcast, in each direction. */
    private static long[][] broadcast(Trial t) {
        long[] full = t.sizes(t.below(1, 4));
        long[][] shapes = new long[2][];
        for (int i = 0; i < 2; i++) {
            int lost = t.below(0, full.length + 1);
            if (i == 1 && shapes[0].length < full.length) {
                lost = 0;
            }
            shapes[i] = java.util.Arrays.copyOfRange(full, lost, full.length);
            for (int axis = 0; axis < shapes[i].length; axis++) {
                shapes[i][axis] = t.below(0, 3) == 0 ? 1 : shapes[i][axis];
            }
        }
        return shapes;
    }

    private static void arithmetic() {
        two("Add", Trial::normal);
        two("Sub", Trial::normal);
        two("Mul", Trial::normal);
        two("Div", t -> t.between(0.5, 2));
        add("Pow", t -> {
            long[][] shapes = broadcast(t);
            t.of("Pow", List.of(t.x(() -> t.between(0.5, 2), shapes[0]), t.x(shapes[1])));
        });
        add("Pow of negative", t -> t.of("Pow", List.of(t.x(() -> t.away(0), 2, 3), t.scalar(t.below(2, 5)))));
        add(
                "Pow whole exponent",
                t -> t.of("Pow", List.of(t.x(() -> t.away(0), 2, 3), t.constant(Tensor.scalar(DType.INT64, 3)))));
        for (String type : List.of("Min", "Max")) {
            add(
                    type,
                    t -> t.of(type, List.of(t.apart(2, 3), t.x(() -> 0.1 + Math.rint(t.normal() * 5) / 5 + 0.05, 3))));
            add(
                    type + " of three",
                    t -> t.of(
                            type,
                            List.of(
                                    t.x(() -> 0.3 * t.below(-5, 5), 2, 3),
                                    t.x(() -> 0.1 + 0.3 * t.below(-5, 5), 3),
                                    t.x(() -> 0.2 + 0.3 * t.below(-5, 5), 2, 1))));
        }
        for (String type : List.of("Sum", "Mean")) {
            add(type, t -> t.of(type, List.of(t.x(2, 3), t.x(3), t.x(2, 1))));
        }
        add("PRelu", t -> t.of("PRelu", List.of(t.x(() -> t.away(0), 2, 3, 2), t.x(3, 1))));
        add("Where", t -> {
            long[][] shapes = broadcast(t);
            long[] mask = t.coin() ? shapes[0] : shapes[1];
            boolean[] chosen = new boolean[(int) Trial.Numbers.count(mask)];
            for (int i = 0; i < chosen.length; i++) {
                chosen[i] = t.coin();
            }
            t.of("Where", List.of(t.input(Tensor.of(chosen, mask)), t.x(shapes[0]), t.x(shapes[1])));
        });
    }

    private static void matmul(String name, long[] a, long[] b) {
        add("MatMul " + name, t -> t.of("MatMul", List.of(t.x(a), t.x(b))));
    }

    private static long[] dims(long... dims) {
        return dims;
    }

    private static void products() {
        matmul("matrices", dims(2, 3), dims(3, 4));
        matmul("stack and matrix", dims(2, 2, 3), dims(3, 4));
        matmul("matrix and stack", dims(2, 3), dims(3, 3, 2));
        matmul("stacks", dims(2, 1, 2, 3), dims(3, 3, 2));
        matmul("equal stacks", dims(2, 2, 2, 3), dims(2, 2, 3, 2));
        matmul("vectors", dims(3), dims(3));
        matmul("vector and matrix", dims(3), dims(3, 2));
        matmul("vector and stack", dims(3), dims(2, 3, 2));
        matmul("matrix and vector", dims(2, 3), dims(3));
        matmul("stack and vector", dims(2, 2, 3), dims(3));
        add("MatMul of itself", t -> {
            String x = t.x(3, 3);
            t.of("MatMul", List.of(x, x));
        });
        add("Gemm", t -> {
            boolean a = t.coin();
            boolean b = t.coin();
            List<String> in =
                    new ArrayList<>(List.of(t.x(a ? dims(3, 2) : dims(2, 3)), t.x(b ? dims(4, 3) : dims(3, 4))));
            if (t.coin()) {
                in.add(t.x(t.pick(List.of(dims(4), dims(2, 1), dims(2, 4), dims(1), dims()))));
            }
            t.of(
                    "Gemm",
                    in,
                    Attrs.of("transA", a ? 1L : 0L),
                    Attrs.of("transB", b ? 1L : 0L),
                    Attrs.of("alpha", 0.5),
                    Attrs.of("beta", 0.25));
        });
        einsum("bij,bjk->bik", dims(2, 2, 3), dims(2, 3, 2));
        einsum("bqhd,bkhd->bhqk", dims(2, 2, 2, 3), dims(2, 3, 2, 3));
        einsum("ij,jk", dims(2, 3), dims(3, 2));
        einsum("ij,k->ik", dims(2, 3), dims(4));
        einsum("ij->ji", dims(2, 3));
        einsum("ij,ij->", dims(2, 3), dims(2, 3));
        einsum("i,j,k->ijk", dims(2), dims(3), dims(2));
        add("com.microsoft:FusedMatMul", t -> {
            boolean a = t.coin();
            boolean b = t.coin();
            t.contrib(
                    "FusedMatMul",
                    List.of(t.x(a ? dims(2, 3, 2) : dims(2, 2, 3)), t.x(b ? dims(2, 4, 3) : dims(2, 3, 4))),
                    Attrs.of("transA", a ? 1L : 0L),
                    Attrs.of("transB", b ? 1L : 0L),
                    Attrs.of("alpha", 0.5));
        });
        add("com.microsoft:FusedMatMul matrix", t -> {
            boolean b = t.coin();
            t.contrib(
                    "FusedMatMul",
                    List.of(t.x(2, 2, 3), t.x(b ? dims(4, 3) : dims(3, 4))),
                    Attrs.of("transB", b ? 1L : 0L));
        });
    }

    private static void einsum(String equation, long[]... shapes) {
        add(
                "Einsum " + equation,
                t -> t.of(
                        "Einsum", java.util.Arrays.stream(shapes).map(t::x).toList(), Attrs.of("equation", equation)));
    }

    private static void reductions() {
        for (String type : List.of(
                "ReduceSum",
                "ReduceMean",
                "ReduceMax",
                "ReduceMin",
                "ReduceL1",
                "ReduceL2",
                "ReduceSumSquare",
                "ReduceLogSum",
                "ReduceLogSumExp",
                "ReduceProd")) {
            add(type, 18, 26, t -> {
                List<String> in = new ArrayList<>(List.of(numbers(t, type)));
                List<Long> axes = t.pick(List.of(List.of(1L), List.of(0L, 2L), List.of(-1L), List.<Long>of()));
                if (!axes.isEmpty()) {
                    in.add(t.ints(axes.stream().mapToLong(Long::longValue).toArray()));
                }
                t.of(type, in, Attrs.of("keepdims", t.coin() ? 1L : 0L));
            });
            add(
                    type + " axes as attribute",
                    11,
                    type.equals("ReduceSum") ? 12 : 17,
                    t -> t.of(
                            type,
                            List.of(numbers(t, type)),
                            Attrs.of("axes", t.pick(List.of(List.of(1L), List.of(0L, -1L)))),
                            Attrs.of("keepdims", t.coin() ? 1L : 0L)));
        }
        add(
                "ReduceSum of nothing",
                18,
                26,
                t -> t.of("ReduceSum", List.of(t.x(2, 3), t.ints()), Attrs.of("noop_with_empty_axes", 1L)));
        add(
                "ReduceMean of all by empty axes",
                18,
                26,
                t -> t.of("ReduceMean", List.of(t.x(2, 3), t.ints()), Attrs.of("keepdims", 0L)));
        for (String type : List.of("Softmax", "LogSoftmax")) {
            add(type, t -> t.of(type, List.of(t.x(2, 3, 4)), Attrs.of("axis", t.pick(List.of(-1L, 0L, 1L, 2L)))));
            add(
                    type + " flat",
                    9,
                    12,
                    t -> t.of(type, List.of(t.x(2, 3, 2)), Attrs.of("axis", t.pick(List.of(-1L, 0L, 1L, 2L)))));
        }
        add("Softmax without axis", t -> t.of("Softmax", List.of(t.x(2, 3))));
        add(
                "CumSum",
                t -> t.of(
                        "CumSum",
                        List.of(t.x(2, 3, 2), t.constant(Tensor.scalar(DType.INT64, t.below(-1, 3)))),
                        Attrs.of("exclusive", t.coin() ? 1L : 0L),
                        Attrs.of("reverse", t.coin() ? 1L : 0L)));
        add(
                "ReduceProd with zeros",
                t -> t.of(
                        "ReduceProd",
                        List.of(t.x(() -> t.coin() ? 0 : t.away(0), 3, 4)),
                        Attrs.of("axes", List.of(1L))));
        ALL.put(
                "ReduceProd with zeros",
                new Case("ReduceProd", 13, 17, ALL.get("ReduceProd with zeros").make()));
        add(
                "LpNormalization",
                t -> t.of(
                        "LpNormalization",
                        List.of(t.x(() -> t.away(0), 2, 3)),
                        Attrs.of("axis", t.pick(List.of(-1L, 0L))),
                        Attrs.of("p", t.coin() ? 1L : 2L)));
    }

    private static String numbers(Trial t, String type) {
        return switch (type) {
            case "ReduceMax", "ReduceMin" -> t.apart(2, 3, 2);
            case "ReduceLogSum" -> t.x(() -> t.between(0.5, 2), 2, 3, 2);
            default -> t.x(() -> t.away(0), 2, 3, 2);
        };
    }

    private static void form() {
        add(
                "Reshape",
                t -> t.of(
                        "Reshape",
                        List.of(
                                t.x(2, 3, 2),
                                t.ints(t.coin(), t.pick(List.of(dims(4, 3), dims(-1, 2), dims(0, 6), dims(12)))))));
        add("Flatten", t -> t.of("Flatten", List.of(t.x(2, 3, 2)), Attrs.of("axis", t.pick(List.of(0L, 1L, 2L, -1L)))));
        add("Squeeze", t -> t.of("Squeeze", List.of(t.x(1, 3, 1), t.ints(0, -1))));
        add("Squeeze all", t -> t.of("Squeeze", List.of(t.x(1, 3, 1))));
        add("Unsqueeze", t -> t.of("Unsqueeze", List.of(t.x(2, 3), t.ints(0, -1))));
        add("Squeeze attribute", 11, 12, t -> t.of("Squeeze", List.of(t.x(1, 3, 1)), Attrs.of("axes", List.of(0L))));
        add("Unsqueeze attribute", 11, 12, t -> t.of("Unsqueeze", List.of(t.x(2, 3)), Attrs.of("axes", List.of(1L))));
        add(
                "Transpose",
                t -> t.of(
                        "Transpose",
                        List.of(t.x(2, 3, 2)),
                        Attrs.of("perm", t.pick(List.of(List.of(1L, 2L, 0L), List.of(0L, 2L, 1L))))));
        add("Transpose without order", t -> t.of("Transpose", List.of(t.x(2, 3, 2))));
        add(
                "Expand",
                t -> t.of(
                        "Expand",
                        List.of(
                                t.x(3, 1),
                                t.ints(t.coin(), t.pick(List.of(dims(2, 3, 2), dims(3, 4), dims(1, 1, 5), dims(1)))))));
        add("Tile", t -> t.of("Tile", List.of(t.x(2, 3), t.ints(t.coin(), 2, 3))));
        add(
                "Concat",
                t -> t.of(
                        "Concat",
                        List.of(t.x(2, 3), t.input(t::normal, 2, 1), t.x(2, 2)),
                        Attrs.of("axis", t.coin() ? 1L : -1L)));
        add("Concat of itself", t -> {
            String x = t.x(2, 3);
            t.of("Concat", List.of(x, x), Attrs.of("axis", 0L));
        });
        add("Split", t -> {
            String first = t.node("", "Split", 3, List.of(t.x(2, 6), t.ints(1, 3, 2)), Attrs.of("axis", -1L));
            t.outputs.addAll(t.coin() ? List.of(first + ":1") : List.of(first, first + ":2"));
        });
        add("Split attribute", 11, 12, t -> {
            String first = t.node(
                    "", "Split", 2, List.of(t.x(4, 2)), Attrs.of("axis", 0L), Attrs.of("split", List.of(1L, 3L)));
            t.outputs.add(first + ":1");
        });
        add("Split equal", 18, 26, t -> {
            String first =
                    t.node("", "Split", 2, List.of(t.x(4, 3)), Attrs.of("axis", 1L), Attrs.of("num_outputs", 2L));
            t.outputs.addAll(List.of(first, first + ":1"));
        });
        add("Slice", t -> {
            boolean known = t.coin();
            t.of(
                    "Slice",
                    List.of(
                            t.x(4, 5),
                            t.ints(known, t.pick(List.of(dims(1), dims(-3), dims(0)))),
                            t.ints(known, t.pick(List.of(dims(3), dims(-1), dims(Long.MAX_VALUE)))),
                            t.ints(t.coin() ? 1 : -1)));
        });
        add(
                "Slice steps",
                t -> t.of(
                        "Slice",
                        List.of(t.x(4, 5), t.ints(t.coin() ? 0 : 1), t.ints(Long.MAX_VALUE), t.ints(1), t.ints(2))));
        add(
                "Slice backwards",
                t -> t.of("Slice", List.of(t.x(2, 5), t.ints(-1), t.ints(Long.MIN_VALUE + 1), t.ints(1), t.ints(-1))));
        add("Slice of two axes", t -> t.of("Slice", List.of(t.x(4, 5), t.ints(1, 0), t.ints(3, -1), t.ints(0, 1))));
        add(
                "Slice of two axes with steps",
                t -> t.of(
                        "Slice",
                        List.of(t.x(4, 5), t.ints(1, 4), t.ints(4, Long.MIN_VALUE + 1), t.ints(0, 1), t.ints(2, -2))));
        add("Slice without axes", t -> t.of("Slice", List.of(t.x(4, 5), t.ints(1, 0), t.ints(3, 4))));
        for (String mode : List.of("constant", "reflect", "edge")) {
            add(
                    "Pad " + mode,
                    t -> t.of(
                            "Pad",
                            List.of(t.x(3, 4), t.ints(mode.equals("constant") ? t.coin() : true, 1, 0, 2, 1)),
                            Attrs.of("mode", mode)));
        }
        add("Pad wrap", 19, 26, t -> t.of("Pad", List.of(t.x(3, 4), t.ints(1, 0, 2, 1)), Attrs.of("mode", "wrap")));
        add("Pad value", t -> t.of("Pad", List.of(t.x(3, 4), t.ints(1, 0, 2, 1), t.scalar(1.5))));
        add("Pad axes", 18, 26, t -> t.of("Pad", List.of(t.x(3, 4), t.ints(1, 2), "", t.ints(-1))));
        add("Pad cutting", t -> t.of("Pad", List.of(t.x(3, 4), t.ints(-1, 0, 1, -2))));
        add("Pad attributes", 9, 10, t -> t.of("Pad", List.of(t.x(3, 4)), Attrs.of("pads", List.of(1L, 0L, 2L, 1L))));
        add(
                "Trilu",
                14,
                26,
                t -> t.of(
                        "Trilu",
                        List.of(t.x(2, 3, 4), t.constant(Tensor.scalar(DType.INT64, t.below(-1, 2)))),
                        Attrs.of("upper", t.coin() ? 1L : 0L)));
        for (String mode : List.of("DCR", "CRD")) {
            add(
                    "DepthToSpace " + mode,
                    t -> t.of(
                            "DepthToSpace",
                            List.of(t.x(1, 8, 2, 3)),
                            Attrs.of("blocksize", 2L),
                            Attrs.of("mode", mode)));
        }
        add("SpaceToDepth", t -> t.of("SpaceToDepth", List.of(t.x(1, 2, 4, 2)), Attrs.of("blocksize", 2L)));
        add(
                "ReverseSequence",
                t -> t.of(
                        "ReverseSequence",
                        List.of(t.x(4, 2, 2), t.ints(2, 4)),
                        Attrs.of("time_axis", 0L),
                        Attrs.of("batch_axis", 1L)));
    }

    private static void indices() {
        add(
                "Gather",
                t -> t.of(
                        "Gather",
                        List.of(t.x(4, 3), indices(t, t.pick(List.of(dims(), dims(2), dims(2, 2))), 3)),
                        Attrs.of("axis", t.coin() ? 0L : 1L)));
        add("Gather of negative", t -> t.of("Gather", List.of(t.x(4, 3), t.ints(-1, 0, -1))));
        add(
                "Gather before opset 16",
                11,
                15,
                t -> t.of("Gather", List.of(t.x(4, 3), t.ints(2, 0, 2)), Attrs.of("axis", t.coin() ? 0L : 1L)));
        add(
                "GatherElements",
                16,
                26,
                t -> t.of(
                        "GatherElements",
                        List.of(t.x(4, 3), indices(t, dims(2, 3), 3)),
                        Attrs.of("axis", t.coin() ? 0L : 1L)));
        add("GatherND", 16, 26, t -> t.of("GatherND", List.of(t.x(3, 4, 2), indices(t, dims(3, 2), 3))));
        add(
                "GatherND of batches",
                16,
                26,
                t -> t.of(
                        "GatherND",
                        List.of(t.x(2, 3, 4, 2), indices(t, dims(2, 2, 1), 3)),
                        Attrs.of("batch_dims", 1L)));
        add(
                "ScatterElements",
                16,
                26,
                t -> t.of(
                        "ScatterElements",
                        List.of(t.x(3, 4), t.constant(Tensor.of(new long[] {0, 2, 1, 0, 2, 0, 2, 1}, 2, 4)), t.x(2, 4)),
                        Attrs.of("axis", 0L)));
        add(
                "ScatterElements add",
                16,
                26,
                t -> t.of(
                        "ScatterElements",
                        List.of(t.x(3, 4), indices(t, dims(3, 2), 4), t.x(3, 2)),
                        Attrs.of("axis", -1L),
                        Attrs.of("reduction", "add")));
        add(
                "ScatterND",
                t -> t.of("ScatterND", List.of(t.x(3, 4), t.constant(Tensor.of(new long[] {2, 0}, 2, 1)), t.x(2, 4))));
        add(
                "ScatterND add",
                16,
                26,
                t -> t.of(
                        "ScatterND",
                        List.of(t.x(3, 4), t.constant(Tensor.of(new long[] {2, 0, 2}, 3, 1)), t.x(3, 4)),
                        Attrs.of("reduction", "add")));
        add("TopK", t -> {
            String first = t.node(
                    "",
                    "TopK",
                    2,
                    List.of(t.apart(2, 5), t.ints(2)),
                    Attrs.of("axis", -1L),
                    Attrs.of("largest", t.coin() ? 1L : 0L));
            t.outputs.add(first);
        });
        add(
                "Resize",
                t -> t.of(
                        "Resize",
                        List.of(t.x(1, 2, 2, 3), "", t.constant(Tensor.of(new float[] {1, 1, 2, 2}))),
                        Attrs.of("mode", "nearest")));
        add(
                "Resize linear",
                t -> t.of(
                        "Resize",
                        List.of(t.x(1, 2, 3, 2), "", t.constant(Tensor.of(new float[] {1, 1, 2, 1.5f}))),
                        Attrs.of("mode", "linear"),
                        Attrs.of(
                                "coordinate_transformation_mode",
                                t.pick(List.of("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel")))));
        add(
                "Resize cubic to sizes",
                t -> t.of(
                        "Resize",
                        List.of(t.x(1, 2, 4, 4), "", "", t.ints(1, 2, 6, 5)),
                        Attrs.of("mode", "cubic"),
                        Attrs.of("cubic_coeff_a", -0.75)));
        add(
                "Compress",
                t -> t.of(
                        "Compress",
                        List.of(t.x(3, 2), t.constant(Tensor.of(new boolean[] {true, false, true}, 3))),
                        Attrs.of("axis", 0L)));
    }

    private static String indices(Trial t, long[] shape, int below) {
        long[] values = new long[(int) Trial.Numbers.count(shape)];
        for (int i = 0; i < values.length; i++) {
            values[i] = t.below(0, below);
        }
        Tensor tensor = Tensor.of(values, shape);
        return t.coin() ? t.constant(tensor) : t.input(tensor);
    }

    private static void norms() {
        add("LayerNormalization", 17, 26, t -> {
            List<String> in = new ArrayList<>(List.of(t.x(2, 3, 4), t.x(4)));
            if (t.coin()) {
                in.add(t.x(4));
            }
            t.of("LayerNormalization", in, Attrs.of("epsilon", 1e-3));
        });
        add(
                "LayerNormalization of two axes",
                17,
                26,
                t -> t.of("LayerNormalization", List.of(t.x(2, 3, 2), t.x(3, 2), t.x(3, 2)), Attrs.of("axis", 1L)));
        add("LayerNormalization statistics", 17, 26, t -> {
            String first =
                    t.node("", "LayerNormalization", 3, List.of(t.x(2, 4), t.x(4), t.x(4)), Attrs.of("epsilon", 1e-3));
            t.outputs.addAll(List.of(first, first + ":1", first + ":2"));
        });
        add(
                "RMSNormalization",
                23,
                26,
                t -> t.of("RMSNormalization", List.of(t.x(2, 3, 4), t.x(4)), Attrs.of("epsilon", 1e-3)));
        add(
                "SimplifiedLayerNormalization",
                t -> t.of("SimplifiedLayerNormalization", List.of(t.x(2, 3, 4), t.x(4)), Attrs.of("epsilon", 1e-3)));
        add(
                "BatchNormalization",
                15,
                26,
                t -> t.of(
                        "BatchNormalization",
                        List.of(
                                t.x(2, 3, 2),
                                t.x(3),
                                t.x(3),
                                t.input(t::normal, 3),
                                t.input(() -> t.between(0.5, 2), 3))));
        add(
                "InstanceNormalization",
                t -> t.of(
                        "InstanceNormalization", List.of(t.x(2, 3, 4, 2), t.x(3), t.x(3)), Attrs.of("epsilon", 1e-3)));
        add(
                "GroupNormalization",
                21,
                26,
                t -> t.of(
                        "GroupNormalization",
                        List.of(t.x(2, 4, 3), t.x(4), t.x(4)),
                        Attrs.of("num_groups", 2L),
                        Attrs.of("epsilon", 1e-3)));
        add("MeanVarianceNormalization", t -> t.of("MeanVarianceNormalization", List.of(t.x(2, 2, 3, 2))));
        add(
                "LRN",
                t -> t.of(
                        "LRN",
                        List.of(t.x(2, 5, 2, 1)),
                        Attrs.of("size", 3L),
                        Attrs.of("alpha", 0.5),
                        Attrs.of("beta", 0.6),
                        Attrs.of("bias", 1.5)));
        add("com.microsoft:SkipLayerNormalization", t -> {
            List<String> in = new ArrayList<>(List.of(t.x(2, 3, 4), t.x(2, 3, 4), t.x(4), t.x(4)));
            if (t.coin()) {
                in.add(t.x(4));
            }
            String first = t.node("com.microsoft", "SkipLayerNormalization", 4, in, Attrs.of("epsilon", 1e-3));
            t.nodes.set(
                    0,
                    t.nodes.get(0).toBuilder().setOutput(1, "").setOutput(2, "").build());
            t.outputs.addAll(t.coin() ? List.of(first, first + ":3") : List.of(first));
        });
        add("com.microsoft:SkipSimplifiedLayerNormalization", t -> {
            String first = t.node(
                    "com.microsoft",
                    "SkipSimplifiedLayerNormalization",
                    4,
                    List.of(t.x(2, 3, 4), t.x(2, 3, 4), t.x(4)),
                    Attrs.of("epsilon", 1e-3));
            t.nodes.set(
                    0,
                    t.nodes.get(0).toBuilder().setOutput(1, "").setOutput(2, "").build());
            t.outputs.addAll(List.of(first, first + ":3"));
        });
    }

    private static void convolutions() {
        add("Conv", t -> {
            long group = t.coin() ? 2 : 1;
            List<String> in = new ArrayList<>(List.of(t.x(2, 2, 5, 4), t.x(4, 2 / group, 3, 2)));
            if (t.coin()) {
                in.add(t.x(4));
            }
            t.of(
                    "Conv",
                    in,
                    Attrs.of("group", group),
                    Attrs.of("strides", List.of(t.below(1, 3), t.below(1, 3))),
                    Attrs.of("dilations", List.of(t.below(1, 3), 1)),
                    Attrs.of("pads", List.of(1, t.below(0, 2), t.below(0, 2), 1)));
        });
        add(
                "Conv of one axis",
                t -> t.of(
                        "Conv",
                        List.of(t.x(2, 3, 7), t.x(3, 1, 4)),
                        Attrs.of("group", 3L),
                        Attrs.of("pads", List.of(3, 0))));
        add(
                "Conv same",
                t -> t.of(
                        "Conv",
                        List.of(t.x(1, 2, 5, 4), t.x(2, 2, 2, 3)),
                        Attrs.of("auto_pad", t.coin() ? "SAME_UPPER" : "SAME_LOWER"),
                        Attrs.of("strides", List.of(2, 1))));
        add(
                "Conv of patches",
                t -> t.of("Conv", List.of(t.x(1, 3, 4, 4), t.x(2, 3, 2, 2)), Attrs.of("strides", List.of(2, 2))));
        add(
                "ConvTranspose",
                t -> t.of(
                        "ConvTranspose",
                        List.of(t.x(1, 4, 3, 3), t.x(4, 2, 2, 3), t.x(2)),
                        Attrs.of("strides", List.of(2, 1)),
                        Attrs.of("pads", List.of(0, 1, 1, 0))));
        add(
                "ConvTranspose in groups",
                t -> t.of(
                        "ConvTranspose",
                        List.of(t.x(2, 4, 3), t.x(4, 1, 3)),
                        Attrs.of("group", 2L),
                        Attrs.of("strides", List.of(2)),
                        Attrs.of("output_padding", List.of(1))));
        add(
                "MaxPool",
                t -> t.of(
                        "MaxPool",
                        List.of(t.apart(1, 2, 5, 4)),
                        Attrs.of("kernel_shape", List.of(3, 2)),
                        Attrs.of("strides", List.of(t.below(1, 3), 1)),
                        Attrs.of("pads", List.of(1, 0, 1, 0))));
        add(
                "AveragePool",
                19,
                21,
                t -> t.of(
                        "AveragePool",
                        List.of(t.x(2, 2, 5, 4)),
                        Attrs.of("kernel_shape", List.of(3, 2)),
                        Attrs.of("strides", List.of(2, 1)),
                        Attrs.of("pads", List.of(1, 0, 1, 1)),
                        Attrs.of("count_include_pad", t.coin() ? 1L : 0L)));
        add(
                "AveragePool of one axis",
                t -> t.of(
                        "AveragePool",
                        List.of(t.x(2, 2, 6)),
                        Attrs.of("kernel_shape", List.of(2)),
                        Attrs.of("strides", List.of(2))));
        add("GlobalAveragePool", t -> t.of("GlobalAveragePool", List.of(t.x(2, 2, 3, 2))));
        add("GlobalMaxPool", t -> t.of("GlobalMaxPool", List.of(t.apart(2, 2, 3, 2))));
    }

    private static void fused() {
        add("com.microsoft:Gelu", t -> t.contrib("Gelu", List.of(t.x(2, 3))));
        add(
                "com.microsoft:FastGelu",
                t -> t.contrib("FastGelu", t.coin() ? List.of(t.x(2, 3), t.x(3)) : List.of(t.x(2, 3))));
        add("com.microsoft:BiasGelu", t -> t.contrib("BiasGelu", List.of(t.x(2, 3), t.x(3))));
        add("com.microsoft:QuickGelu", t -> t.contrib("QuickGelu", List.of(t.x(2, 3)), Attrs.of("alpha", 1.4)));
        add(
                "com.microsoft:RotaryEmbedding",
                t -> t.contrib(
                        "RotaryEmbedding",
                        List.of(t.x(2, 3, 8), positions(t), t.input(t::normal, 6, 2), t.input(t::normal, 6, 2)),
                        Attrs.of("interleaved", t.coin() ? 1L : 0L),
                        Attrs.of("num_heads", 2L)));
        add(
                "com.microsoft:RotaryEmbedding heads",
                t -> t.contrib(
                        "RotaryEmbedding",
                        List.of(t.x(2, 2, 3, 4), positions(t), t.input(t::normal, 6, 2), t.input(t::normal, 6, 2))));
        add(
                "RotaryEmbedding",
                23,
                26,
                t -> t.of(
                        "RotaryEmbedding",
                        List.of(t.x(2, 2, 3, 4), t.input(t::normal, 6, 2), t.input(t::normal, 6, 2), positions(t)),
                        Attrs.of("interleaved", t.coin() ? 1L : 0L)));
        add(
                "RotaryEmbedding in part",
                23,
                26,
                t -> t.of(
                        "RotaryEmbedding",
                        List.of(t.x(2, 3, 12), t.input(t::normal, 2, 3, 2), t.input(t::normal, 2, 3, 2)),
                        Attrs.of("num_heads", 2L),
                        Attrs.of("rotary_embedding_dim", 4L)));
        add(
                "com.microsoft:TransposeMatMul",
                t -> t.contrib("TransposeMatMul", List.of(t.x(3, 2), t.x(3, 4)), Attrs.of("transA", 1L)));
        add("com.microsoft:MatMulNBits", t -> bits(t, 4));
        add("com.microsoft:MatMulNBits of bytes", t -> bits(t, 8));
    }

    private static String positions(Trial t) {
        return t.input(Tensor.of(new long[] {0, 1, 2, 3, 4, 5}, 2, 3));
    }

    private static void bits(Trial t, long bits) {
        long n = 3;
        long k = 40; // the second block is not full
        List<String> in = new ArrayList<>(List.of(
                t.x(2, k), t.constant(bytes(t, n, 2, 32 * bits / 8)), t.input(() -> t.between(0.01, 0.1), n, 2)));
        if (t.coin()) {
            in.add(t.constant(bytes(t, n, 2 * bits / 8)));
        }
        t.contrib(
                "MatMulNBits",
                in,
                Attrs.of("bits", bits),
                Attrs.of("K", k),
                Attrs.of("N", n),
                Attrs.of("block_size", 32L));
    }

    private static Tensor bytes(Trial t, long... shape) {
        byte[] bytes = new byte[(int) Trial.Numbers.count(shape)];
        t.random.nextBytes(bytes);
        return Tensor.wrap(DType.UINT8, shape, List.of(), java.nio.ByteBuffer.wrap(bytes));
    }
}
