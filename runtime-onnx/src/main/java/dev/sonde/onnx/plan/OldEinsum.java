package dev.sonde.onnx.plan;

import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Writes an Einstein sum for operator sets that have none: every factor over all letters, their product, and its sum. */
final class OldEinsum {
    private final Emitter emitter;
    private final Layout layout;
    private final String equation;
    private final List<String> terms;
    private final List<Character> result;
    private final List<Character> letters;

    OldEinsum(Emitter emitter, Layout layout, String equation) {
        this.emitter = emitter;
        this.layout = layout;
        this.equation = equation;
        String[] sides = equation.replace(" ", "").split("->", -1);
        this.terms = List.of(sides[0].split(",", -1));
        this.result = letters(sides[1]);
        this.letters = new ArrayList<>(result);
        letters(String.join("", terms)).stream()
                .distinct()
                .filter(letter -> !result.contains(letter))
                .forEach(letters::add);
    }

    private static List<Character> letters(String text) {
        return text.chars().mapToObj(letter -> (char) letter).collect(Collectors.toList());
    }

    String emit(List<String> in) {
        String product = factor(in.get(0), letters(terms.get(0)));
        for (int i = 1; i < in.size(); i++) {
            product = emitter.node("Mul", List.of(product, factor(in.get(i), letters(terms.get(i)))));
        }
        List<Integer> summed = new ArrayList<>();
        for (int i = result.size(); i < letters.size(); i++) {
            summed.add(i);
        }
        return summed.isEmpty()
                ? product
                : emitter.node(
                        "ReduceSum", List.of(product), Attributes.of("axes", summed), Attributes.of("keepdims", 0));
    }

    /** Returns a factor with an axis for every letter, of size 1 for those that it lacks. */
    private String factor(String x, List<Character> own) {
        if (own.stream().distinct().count() < own.size()) {
            throw new SondeException(
                    "unsupported-operator",
                    "einsum '" + equation + "' takes a diagonal, which needs opset 12 but this file has opset "
                            + emitter.opset());
        }
        List<Integer> order = new ArrayList<>();
        List<Integer> missing = new ArrayList<>();
        for (char letter : letters) {
            if (own.contains(letter)) {
                order.add(own.indexOf(letter));
            } else {
                missing.add(letters.indexOf(letter));
            }
        }
        return layout.unsqueeze(layout.transpose(x, order), missing);
    }
}
