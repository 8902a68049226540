package dev.sonde.training;

import dev.sonde.Safetensors;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A training that stands still, as a safetensors file: the trainables under their names, {@code optimizer/NAME/...} and
 * {@code curve/...} beside them.
 *
 * @param settings what must be equal where it goes on
 * @param epoch how many times all rows have been seen
 * @param taken batches of this epoch that have been taken
 * @param curve the steps that are done
 * @param tensors of trainables and optimiser
 */
record Checkpoint(String settings, long epoch, long taken, List<TrainingStep> curve, Map<String, Tensor> tensors) {
    private static final String FORMAT = "sonde.training";
    private static final String VERSION = "1";

    static Checkpoint of(
            String settings, long epoch, long taken, List<TrainingStep> curve, Map<Trainable, Moments> moments) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        moments.forEach((trainable, remembered) -> {
            tensors.put(trainable.name(), trainable.tensor());
            remembered.tensors().forEach((slot, tensor) -> tensors.put(slotName(trainable, slot), tensor));
        });
        return new Checkpoint(settings, epoch, taken, curve, tensors);
    }

    private static String slotName(Trainable trainable, String slot) {
        return "optimizer/" + trainable.name() + "/" + slot;
    }

    /** Gives trainables and optimiser what they had. */
    void restore(Map<Trainable, Moments> moments) {
        moments.forEach((trainable, remembered) -> {
            Tensor numbers = tensors.get(trainable.name());
            if (numbers == null) {
                throw new SondeException(
                        "other-checkpoint",
                        "The checkpoint has no trainable '" + trainable.name() + "' but " + names(tensors.keySet()));
            }
            trainable.set(numbers);
            Map<String, Tensor> slots = new LinkedHashMap<>();
            String prefix = slotName(trainable, "");
            tensors.forEach((name, tensor) -> {
                if (name.startsWith(prefix)) {
                    slots.put(name.substring(prefix.length()), tensor);
                }
            });
            remembered.restore(slots);
        });
    }

    private static List<String> names(Collection<String> all) {
        return all.stream().filter(name -> !name.contains("/")).toList();
    }

    /** Writes beside the file's place and renames, so that it is there whole or not at all. */
    void write(Path file) {
        Map<String, Tensor> all = new LinkedHashMap<>(tensors);
        all.put("curve/loss", column(TrainingStep::loss));
        all.put("curve/learning_rate", column(TrainingStep::learningRate));
        all.put("curve/gradient_norm", column(TrainingStep::gradientNorm));
        all.put("curve/epoch", column(TrainingStep::epoch));
        Map<String, String> facts = Map.of(
                FORMAT,
                VERSION,
                "sonde.settings",
                settings,
                "sonde.epoch",
                Long.toString(epoch),
                "sonde.taken",
                Long.toString(taken));
        Path part = file.resolveSibling(file.getFileName() + ".part");
        try {
            try (FileChannel out = FileChannel.open(
                    part, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
                new Safetensors(all, facts).writeTo(out);
            }
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new SondeException("cannot-write", "A checkpoint cannot be written to '" + file + "': " + e, e);
        }
    }

    private Tensor column(java.util.function.ToDoubleFunction<TrainingStep> of) {
        ByteBuffer bytes = ByteBuffer.allocate(8 * curve.size()).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        curve.forEach(step -> bytes.putDouble(of.applyAsDouble(step)));
        return Tensor.wrap(dev.sonde.DType.FLOAT64, new long[] {curve.size()}, List.of("step"), bytes.flip());
    }

    /**
     * Reads a file.
     *
     * @throws SondeException {@code bad-safetensors} or {@code other-checkpoint}
     */
    static Checkpoint read(Path file) {
        Safetensors content;
        try {
            content = Safetensors.read(ByteBuffer.wrap(Files.readAllBytes(file)), file.toString());
        } catch (IOException e) {
            throw new SondeException("cannot-read", "A checkpoint cannot be read from '" + file + "': " + e, e);
        }
        @Nullable String version = content.metadata().get(FORMAT);
        if (!VERSION.equals(version)) {
            throw new SondeException(
                    "other-checkpoint",
                    "'" + file + "' is no checkpoint of a training of version " + VERSION + ": its metadata '" + FORMAT
                            + "' is " + version);
        }
        try {
            return new Checkpoint(
                    content.metadata().getOrDefault("sonde.settings", ""),
                    Long.parseLong(content.metadata().getOrDefault("sonde.epoch", "")),
                    Long.parseLong(content.metadata().getOrDefault("sonde.taken", "")),
                    curve(content.tensors()),
                    content.tensors());
        } catch (NumberFormatException | NullPointerException | IndexOutOfBoundsException e) {
            throw new SondeException("other-checkpoint", "'" + file + "' is damaged: " + e.getMessage(), e);
        }
    }

    private static List<TrainingStep> curve(Map<String, Tensor> tensors) {
        double[] losses = column(tensors, "loss");
        double[] rates = column(tensors, "learning_rate");
        double[] norms = column(tensors, "gradient_norm");
        double[] epochs = column(tensors, "epoch");
        List<TrainingStep> curve = new ArrayList<>();
        for (int i = 0; i < losses.length; i++) {
            curve.add(new TrainingStep(i, (long) epochs[i], losses[i], rates[i], norms[i]));
        }
        return curve;
    }

    private static double[] column(Map<String, Tensor> tensors, String name) {
        return java.util.Objects.requireNonNull(tensors.get("curve/" + name), name)
                .toDoubles();
    }
}
