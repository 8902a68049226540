package dev.sonde.onnx.unfuse;

import ai.onnx.proto.OnnxMl.AttributeProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** FusedGemm and FusedConv: an operator and the activation behind it. */
final class Activated implements Decomposition {
    private static final Set<String> KNOWN = Set.of("Relu", "Sigmoid", "Tanh");

    private final String operator;

    Activated(String operator) {
        this.operator = operator;
    }

    @Override
    public void write(Parts parts) {
        String activation = parts.text("activation", "");
        Parts.require(KNOWN.contains(activation), "its activation '" + activation + "' is not known here");
        List<String> inputs = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            inputs.add(parts.input(i));
        }
        boolean adds = parts.has(3); // FusedConv adds another value before it bends
        List<AttributeProto> kept = parts.attributesBut(Set.of("activation", "activation_params"));
        String result = parts.add("result", operator, inputs, kept.toArray(AttributeProto[]::new));
        String bent = adds ? parts.add("sum", "Add", List.of(result, parts.input(3))) : result;
        parts.into(parts.output(0), "activation", activation, List.of(bent));
    }
}
