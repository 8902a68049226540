package dev.sonde.onnx.plan;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the names of output ports: {@code output}, {@code output[1]}, {@code output(1)}. */
final class Outputs {
    private static final Pattern ELEMENT = Pattern.compile("\\[(\\d+)\\]$");

    private Outputs() {}

    /** Returns which element of a tuple an output is, 0 if the module returns one tensor. */
    static int index(String site) {
        Matcher matcher = ELEMENT.matcher(site);
        return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
    }
}
