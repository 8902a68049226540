package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/** The activations of com.microsoft, and Gelu of ai.onnx. */
final class Gelus implements Decomposition {
    @Override
    public void write(Parts parts) {
        DType dtype = parts.dtype(0);
        String x = parts.has(1) ? parts.add("bias", "Add", List.of(parts.input(0), parts.input(1))) : parts.input(0);
        if (parts.op().equals("QuickGelu")) {
            String steep = parts.add("steep", "Mul", List.of(x, parts.scalar(parts.real("alpha", 1.702f), dtype)));
            parts.into(parts.output(0), "gated", "Mul", List.of(x, parts.add("gate", "Sigmoid", List.of(steep))));
            return;
        }
        boolean tanh = parts.op().equals("FastGelu")
                || parts.text("approximate", "none").equals("tanh");
        String share = tanh ? tanh(parts, x, dtype) : erf(parts, x, dtype);
        String half = parts.add("half", "Mul", List.of(x, parts.scalar(0.5, dtype)));
        String more = parts.add("share", "Add", List.of(share, parts.scalar(1, dtype)));
        parts.into(parts.output(0), "gelu", "Mul", List.of(half, more));
    }

    private static String erf(Parts parts, String x, DType dtype) {
        String scaled = parts.add("scaled", "Mul", List.of(x, parts.scalar(Math.sqrt(0.5), dtype)));
        return parts.add("erf", "Erf", List.of(scaled));
    }

    private static String tanh(Parts parts, String x, DType dtype) {
        String cube = parts.add("cube", "Mul", List.of(parts.add("square", "Mul", List.of(x, x)), x));
        String small = parts.add("small", "Mul", List.of(cube, parts.scalar(0.044715, dtype)));
        String sum = parts.add("sum", "Add", List.of(x, small));
        String scaled = parts.add("scaled", "Mul", List.of(sum, parts.scalar(Math.sqrt(2 / Math.PI), dtype)));
        return parts.add("tanh", "Tanh", List.of(scaled));
    }
}
