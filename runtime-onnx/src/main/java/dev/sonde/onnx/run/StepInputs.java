package dev.sonde.onnx.run;

import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.onnx.plan.Feed;
import java.util.Arrays;
import java.util.List;

/**
 * Makes what one step of a generation gives to the model. With a cache that is one new token for each row; rows of shorter
 * prompts have padding in front of them. Without one it is everything up to here, with padding behind.
 */
final class StepInputs {
    private final ModelManifest manifest;
    private final RunInput.Tokens prompt;
    private final GenerationRows rows;
    private final int step;
    private final boolean cached;

    StepInputs(ModelManifest manifest, RunInput.Generation input, GenerationRows rows, int step) {
        this.manifest = manifest;
        this.prompt = input.prompt();
        this.rows = rows;
        this.step = step;
        this.cached = manifest.input(ModelInput.Role.PAST).isPresent();
    }

    /** Returns the tensor for an input of the model. */
    Tensor tensor(String name) {
        if (step == 0) {
            return new ModelInputs(manifest, prompt).tensor(name);
        }
        if (!cached) {
            return new ModelInputs(manifest, new RunInput.Tokens(rows.tokens(), List.of(), prompt.extra()))
                    .tensor(name);
        }
        Tensor given = prompt.extra().get(name);
        if (given != null) {
            return given;
        }
        ModelInput input = manifest.inputs().stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new SondeException("missing-input", "Input '" + name + "' is not given"));
        return switch (input.role()) {
            case TOKENS -> newest(input, rows.newest());
            case POSITION_IDS ->
                newest(
                        input,
                        rows.promptLengths().stream()
                                .mapToLong(length -> length - 1 + step)
                                .toArray());
            case TOKEN_TYPES -> newest(input, new long[rows.present().size()]);
            case ATTENTION_MASK -> mask(input);
            case PAST, OTHER ->
                throw new SondeException(
                        "missing-input",
                        "Input '" + name + "' is not given, and a step of a generation cannot fill it");
        };
    }

    private static Tensor newest(ModelInput input, long[] numbers) {
        return ModelInputs.numbers(input, new long[] {numbers.length, 1}, numbers);
    }

    private Tensor mask(ModelInput input) {
        if (input.axes().size() != 2) {
            throw new SondeException(
                    "missing-input",
                    "Input '" + input.name() + "' with axes " + input.axes()
                            + " cannot be filled in a generation: expected a mask of axes batch, past+position");
        }
        int width = rows.width() + step;
        List<Long> lengths = rows.promptLengths();
        long[] mask = new long[lengths.size() * width];
        for (int row = 0; row < lengths.size(); row++) {
            int padding = rows.width() - lengths.get(row).intValue();
            Arrays.fill(mask, row * width + padding, (row + 1) * width, 1);
        }
        return ModelInputs.numbers(input, new long[] {lengths.size(), width}, mask);
    }

    /** Returns where this step is, for a step that computes everything anew. */
    Tensor where(Feed.Where where) {
        List<Long> lengths = rows.promptLengths();
        boolean ragged = prompt.lengths().stream().distinct().count() > 1;
        if (where.what() == Feed.Where.What.INDEX) {
            long[] index =
                    lengths.stream().mapToLong(length -> length - 1 + step).toArray();
            return ragged ? places(index) : Tensor.of(new long[] {index[0]}, 1);
        }
        int width = rows.width() + step;
        int count = ragged && where.what() != Feed.Where.What.OLD_COLUMN ? lengths.size() : 1;
        boolean[] mask = new boolean[count * width];
        for (int row = 0; row < count; row++) {
            int newest = lengths.get(row).intValue() - 1 + step;
            for (int i = 0; i < width; i++) {
                mask[row * width + i] = switch (where.what()) {
                    case NEWEST -> i == newest;
                    case EARLIER -> i < newest;
                    default -> i < width - 1;
                };
            }
        }
        long[] shape = new long[where.rank()];
        Arrays.fill(shape, 1);
        shape[0] = count;
        shape[where.axis()] = width;
        return Tensor.of(mask, shape);
    }

    /** Returns the places of one index of each row in axes 0 and 1. */
    private static Tensor places(long[] index) {
        long[] places = new long[index.length * 2];
        for (int row = 0; row < index.length; row++) {
            places[2 * row] = row;
            places[2 * row + 1] = index[row];
        }
        return Tensor.of(places, index.length, 1, 2);
    }
}
