package dev.sonde.onnx.identities;

import dev.sonde.Input;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelInput.Role;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.manifest.Size;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;

/** What can be given to a model and asked of it, whatever model it is. */
final class Subject {
    private static final Size BATCH = Size.symbol("batch");
    private static final Size POSITION = Size.symbol("position");

    private final ModelManifest manifest;

    Subject(ModelManifest manifest) {
        this.manifest = manifest;
    }

    boolean takesTokens() {
        return manifest.input(Role.TOKENS).isPresent();
    }

    /** Returns whether a batch that is padded on the left can say what is padding and where each prompt begins. */
    boolean takesPaddingOnTheLeft() {
        return takesTokens()
                && manifest.input(Role.ATTENTION_MASK).isPresent()
                && manifest.input(Role.POSITION_IDS).isPresent()
                && manifest.input(Role.PAST).isEmpty();
    }

    private int vocabulary() {
        return manifest.find("logits")
                .flatMap(site -> site.axes()
                                .get(site.axes().size() - 1)
                                .size()
                                .in(Map.of())
                                .isPresent()
                        ? java.util.Optional.of((int) site.axes()
                                .get(site.axes().size() - 1)
                                .size()
                                .in(Map.of())
                                .getAsLong())
                        : java.util.Optional.empty())
                .orElse(50);
    }

    /** Returns a prompt of random tokens. */
    List<Long> prompt(Random random, int length) {
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < length; i++) {
            ids.add(1L + random.nextInt(vocabulary() - 1));
        }
        return ids;
    }

    /** Returns rows of random tensors for a model that takes no tokens. */
    List<Map<String, Tensor>> rows(Random random, int count) {
        List<Map<String, Tensor>> rows = new ArrayList<>();
        for (int row = 0; row < count; row++) {
            Map<String, Tensor> tensors = new HashMap<>();
            for (ModelInput input : manifest.inputs()) {
                tensors.put(input.name(), random(random, input));
            }
            rows.add(tensors);
        }
        return rows;
    }

    private static Tensor random(Random random, ModelInput input) {
        long[] shape = input.axes().stream()
                .map(AxisInfo::size)
                .map(size -> size.in(Map.of()))
                .mapToLong(size -> size.orElse(1))
                .toArray();
        int count = 1;
        for (long size : shape) {
            count *= (int) size;
        }
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return Tensor.of(numbers, shape);
    }

    /** Returns prompts padded on the left, with masks and position ids where the model takes them. */
    RunInput paddedLeft(List<List<Long>> prompts) {
        int width = prompts.stream().mapToInt(List::size).max().orElseThrow();
        long[] ids = new long[prompts.size() * width];
        long[] mask = new long[ids.length];
        long[] positions = new long[ids.length];
        for (int row = 0; row < prompts.size(); row++) {
            int padding = width - prompts.get(row).size();
            for (int i = 0; i < prompts.get(row).size(); i++) {
                int at = row * width + padding + i;
                ids[at] = prompts.get(row).get(i);
                mask[at] = 1;
                positions[at] = i;
            }
        }
        Map<String, Tensor> inputs = new HashMap<>();
        Map<Role, long[]> known = Map.of(Role.TOKENS, ids, Role.ATTENTION_MASK, mask, Role.POSITION_IDS, positions);
        known.forEach((role, numbers) -> manifest.input(role)
                .ifPresent(input -> inputs.put(input.name(), Tensor.of(numbers, prompts.size(), width))));
        return Input.tensors(inputs);
    }

    /** Returns the last thing that the model computes. */
    String result() {
        return manifest.find("logits")
                .or(() -> manifest.sites().stream()
                        .filter(site ->
                                !site.name().contains("#") && !site.name().startsWith("value:"))
                        .filter(site -> site.dtype().isFloat())
                        .findFirst())
                .or(() -> manifest.find("#output"))
                .map(SiteInfo::name)
                .orElseThrow();
    }

    /** Returns places with a row for each row of the input and otherwise known sizes. */
    List<SiteInfo> places(boolean raw) {
        return manifest.sites().stream()
                .filter(site -> raw == site.name().startsWith("value:"))
                .filter(site -> site.dtype().isFloat() && site.editable() && hasRows(site))
                .toList();
    }

    /** Returns places whose axes name their positions, so that padding can be told from what is the prompt's. */
    List<SiteInfo> namedPlaces() {
        return places(false).stream()
                .filter(site -> site.axes().stream().skip(1).allMatch(axis -> isNamed(axis)))
                .toList();
    }

    private static boolean isNamed(AxisInfo axis) {
        OptionalLong fixed = axis.size().in(Map.of());
        boolean position = List.of("position", "query", "key").contains(axis.name());
        return fixed.isPresent() || (position && axis.size().symbols().contains("position"));
    }

    private static boolean hasRows(SiteInfo site) {
        return !site.axes().isEmpty()
                && site.axes().get(0).size().equals(BATCH)
                && site.axes().stream().skip(1).allMatch(Subject::isPlain);
    }

    private static boolean isPlain(AxisInfo axis) {
        return axis.size().in(Map.of()).isPresent()
                || axis.size().equals(POSITION)
                || (axis.size().symbols().contains("position")
                        && !axis.size().symbols().contains("batch"));
    }
}
