package dev.sonde.onnx.plan;

import java.util.ArrayList;
import java.util.List;

/** Emits the way from a value of the file to what a site shows, and back. */
final class Views {
    private final Emitter emitter;
    private final Layout layout;

    Views(Emitter emitter) {
        this.emitter = emitter;
        this.layout = new Layout(emitter);
    }

    String show(String value, List<Step> steps) {
        String x = value;
        for (Step step : steps) {
            x = forward(x, step);
        }
        return x;
    }

    private String forward(String x, Step step) {
        if (step instanceof Step.Reshape reshape) {
            long[] to = reshape.to().stream().mapToLong(Long::longValue).toArray();
            return emitter.node("Reshape", List.of(x, emitter.ints(to)));
        }
        if (step instanceof Step.Transpose transpose) {
            return layout.transpose(x, transpose.perm());
        }
        Step.SliceAxis slice = (Step.SliceAxis) step;
        return layout.slice(x, slice.axis(), slice.start(), slice.end());
    }

    /** Returns the file's value for which a site shows {@code shown} and which is else as it was. */
    String hide(String shown, String before, List<Step> steps) {
        List<String> stages = new ArrayList<>(List.of(before));
        for (Step step : steps) {
            stages.add(forward(stages.get(stages.size() - 1), step));
        }
        String x = shown;
        for (int i = steps.size() - 1; i >= 0; i--) {
            x = back(x, stages.get(i), steps.get(i));
        }
        return x;
    }

    private String back(String x, String before, Step step) {
        if (step instanceof Step.Reshape) {
            return emitter.node("Reshape", List.of(x, emitter.node("Shape", List.of(before))));
        }
        if (step instanceof Step.Transpose transpose) {
            return layout.transpose(x, transpose.inverse());
        }
        Step.SliceAxis slice = (Step.SliceAxis) step;
        List<String> parts = new ArrayList<>();
        if (slice.start() > 0) {
            parts.add(layout.slice(before, slice.axis(), 0, slice.start()));
        }
        parts.add(x);
        parts.add(layout.slice(before, slice.axis(), slice.end(), Long.MAX_VALUE));
        return emitter.node("Concat", parts, Attributes.of("axis", slice.axis()));
    }
}
