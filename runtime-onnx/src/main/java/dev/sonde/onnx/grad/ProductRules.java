package dev.sonde.onnx.grad;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Products of matrices and more general sums of products. */
final class ProductRules {
    private ProductRules() {}

    static void add(Map<String, Rule> table) {
        table.put("MatMul", Rule.all(ProductRules::matmul));
        table.put("Gemm", Rule.all(ProductRules::gemm));
        table.put("Einsum", Rule.all(ProductRules::einsum));
        table.put("com.microsoft:FusedMatMul", Rule.all(ProductRules::fused));
        table.put("com.microsoft:TransposeMatMul", Rule.all(ProductRules::fused));
    }

    private static void matmul(Visit v) {
        Ops o = v.ops();
        String a = v.in(0);
        String b = v.in(1);
        int ra = o.rank(a);
        int rb = o.rank(b);
        if (ra > 1 && rb > 1) {
            product(v, a, b, v.g());
            return;
        }
        // a vector is a matrix of one row, or of one column
        String left = ra == 1 ? o.unsqueeze(a, List.of(0L)) : a;
        String right = rb == 1 ? o.unsqueeze(b, List.of(1L)) : b;
        String g = v.g();
        if (rb == 1) {
            g = o.unsqueeze(g, List.of(ra == 1 ? 0L : ra - 1L));
        }
        if (ra == 1) {
            int rank = Math.max(2, rb);
            g = o.unsqueeze(g, List.of(rank - 2L));
        }
        if (v.wants(0)) {
            v.give(0, o.reshapeAs(o.sumTo(o.node("MatMul", List.of(g, o.turned(right))), left), a));
        }
        if (v.wants(1)) {
            v.give(1, o.reshapeAs(o.sumTo(o.node("MatMul", List.of(o.turned(left), g)), right), b));
        }
    }

    private static void product(Visit v, String a, String b, String g) {
        Ops o = v.ops();
        if (v.wants(0)) {
            v.giveSummed(0, o.productTurned(g, b));
        }
        if (v.wants(1)) {
            boolean rows = o.rank(b) == 2;
            v.giveSummed(
                    1,
                    rows
                            ? o.node("Gemm", List.of(o.flat(a), o.flat(g)), Attrs.of("transA", 1L))
                            : o.node("MatMul", List.of(o.turned(a), g)));
        }
    }

    /** {@code alpha * a * b + beta * c}, with either matrix turned. */
    private static void gemm(Visit v) {
        Ops o = v.ops();
        double alpha = Attrs.real(v.node(), "alpha", 1);
        boolean turnA = Attrs.whole(v.node(), "transA", 0) != 0;
        boolean turnB = Attrs.whole(v.node(), "transB", 0) != 0;
        if (v.wants(0)) {
            v.give(
                    0,
                    turnA
                            ? gemm(o, v.in(1), v.g(), turnB, true, alpha)
                            : gemm(o, v.g(), v.in(1), false, !turnB, alpha));
        }
        if (v.wants(1)) {
            v.give(
                    1,
                    turnB
                            ? gemm(o, v.g(), v.in(0), true, turnA, alpha)
                            : gemm(o, v.in(0), v.g(), !turnA, false, alpha));
        }
        if (v.wants(2)) {
            v.giveSummed(2, o.times(v.g(), Attrs.real(v.node(), "beta", 1)));
        }
    }

    private static String gemm(Ops o, String a, String b, boolean turnA, boolean turnB, double alpha) {
        return o.node(
                "Gemm",
                List.of(a, b),
                Attrs.of("alpha", alpha),
                Attrs.of("transA", turnA ? 1L : 0L),
                Attrs.of("transB", turnB ? 1L : 0L));
    }

    private static void fused(Visit v) {
        Ops o = v.ops();
        if (Attrs.whole(v.node(), "transBatchA", 0) != 0 || Attrs.whole(v.node(), "transBatchB", 0) != 0) {
            throw v.refuse("its batch axes are turned");
        }
        boolean turnA = Attrs.whole(v.node(), "transA", 0) != 0;
        boolean turnB = Attrs.whole(v.node(), "transB", 0) != 0;
        String g = o.times(v.g(), Attrs.real(v.node(), "alpha", 1));
        String a = turnA ? o.turned(v.in(0)) : v.in(0);
        if (v.wants(0)) {
            String ga = turnB ? o.node("MatMul", List.of(g, v.in(1))) : o.productTurned(g, v.in(1));
            v.giveSummed(0, turnA ? o.turned(ga) : ga);
        }
        if (v.wants(1)) {
            String gb = o.node("MatMul", List.of(o.turned(a), g));
            v.giveSummed(1, turnB ? o.turned(gb) : gb);
        }
    }

    private static void einsum(Visit v) {
        String equation = Attrs.text(v.node(), "equation", "").replace(" ", "");
        int arrow = equation.indexOf("->");
        List<String> terms = List.of((arrow < 0 ? equation : equation.substring(0, arrow)).split(",", -1));
        String result = arrow < 0 ? implicit(terms) : equation.substring(arrow + 2);
        if (equation.contains(".")) {
            throw v.refuse("its equation '" + equation + "' leaves axes unnamed");
        }
        for (int i = 0; i < terms.size(); i++) {
            if (v.wants(i)) {
                einsum(v, i, terms, result);
            }
        }
    }

    /** Letters that appear once, in alphabetical order. */
    private static String implicit(List<String> terms) {
        String all = String.join("", terms);
        return all.chars()
                .filter(c -> all.indexOf(c) == all.lastIndexOf(c))
                .sorted()
                .mapToObj(c -> String.valueOf((char) c))
                .collect(Collectors.joining());
    }

    private static void einsum(Visit v, int input, List<String> terms, String result) {
        Ops o = v.ops();
        String own = terms.get(input);
        if (own.chars().distinct().count() != own.length()) {
            throw v.refuse("its equation takes a diagonal");
        }
        List<String> operands = new ArrayList<>(List.of(v.g()));
        List<String> letters = new ArrayList<>(List.of(result));
        for (int i = 0; i < terms.size(); i++) {
            if (i != input) {
                operands.add(v.in(i));
                letters.add(terms.get(i));
            }
        }
        // a letter of this operand alone was summed over: its gradient is the same along it
        String seen = String.join("", letters);
        String kept = own.chars()
                .filter(c -> seen.indexOf(c) >= 0)
                .mapToObj(c -> String.valueOf((char) c))
                .collect(Collectors.joining());
        String gradient = o.node("Einsum", operands, Attrs.of("equation", String.join(",", letters) + "->" + kept));
        List<Long> lost = new ArrayList<>();
        for (int i = 0; i < own.length(); i++) {
            if (seen.indexOf(own.charAt(i)) < 0) {
                lost.add((long) i);
            }
        }
        v.give(
                input,
                lost.isEmpty()
                        ? gradient
                        : o.node("Expand", List.of(o.unsqueeze(gradient, lost), o.shape(v.in(input)))));
    }
}
