package dev.sonde.manifest;

import dev.sonde.DType;
import java.util.List;

/**
 * One input of the ONNX file.
 *
 * @param name its name in the file
 * @param role what it is for; decides who fills it when a run is given text or token ids
 * @param dtype type of the elements
 * @param axes axes in order; the token input's are {@code batch} and {@code position}
 */
public record ModelInput(String name, Role role, DType dtype, List<AxisInfo> axes) {
    /** What an input is for. */
    public enum Role {
        /** Token ids, {@code [batch, position]}. */
        TOKENS,
        /** 1 for tokens, 0 for padding, {@code [batch, past+position]}. */
        ATTENTION_MASK,
        /** Position ids, {@code [batch, position]}. */
        POSITION_IDS,
        /** Segment ids, {@code [batch, position]}; zero unless given. */
        TOKEN_TYPES,
        /** Keys and values of earlier positions; empty in a plain run. */
        PAST,
        /** Anything else; the user gives it. */
        OTHER
    }

    /** Copies its list. */
    public ModelInput {
        axes = List.copyOf(axes);
    }
}
