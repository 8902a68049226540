package dev.sonde.training;

import dev.sonde.Model;
import dev.sonde.Recording;
import dev.sonde.Saved;
import dev.sonde.Session;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.Value;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import dev.sonde.kind.Any;
import dev.sonde.spi.Control;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Makes a loss small by changing {@link Trainable}s, made by {@link Model#train}. The model itself stays as it is. Nothing runs
 * before {@link #run}.
 *
 * <p>Each step records the body for some rows, runs forward and backward pass in one call, and moves every trainable that the
 * body used along its gradient. With a {@linkplain #checkpoint checkpoint} a training that was ended goes on where it was, to
 * the same numbers as one that was never ended.
 *
 * <pre>{@code
 * Trainable vector = Trainable.zeros("steer", 576);
 * Trained trained = model.train(Dataset.jsonl(file), (s, rows) -> {
 *             Run run = s.run(rows.stream().map(row -> row.text("prompt")).toList(),
 *                     t -> t.add(t.site("layers.12#resid_post"), t.trainable(vector)));
 *             return Metric.crossEntropy(s, rows.stream().map(row -> (long) s.token(row.text("answer"))).toList()).of(run);
 *         })
 *         .optimizer(Optimizer.adam(0.01))
 *         .batch(8)
 *         .epochs(3)
 *         .progress(p -> System.err.println(p))
 *         .run();
 * }</pre>
 *
 * <p>For one thread.
 */
public final class Training {
    private final Model model;
    private final Dataset dataset;
    private final Body body;
    private Optimizer optimizer = Optimizer.adamW(1e-3);
    private Schedule schedule = Schedule.CONSTANT;
    private int batch = 8;
    private int accumulated = 1;
    private long steps;
    private long epochs = 1;
    private double clip = Double.POSITIVE_INFINITY;
    private @Nullable Long seed;
    private @Nullable Path checkpoint;
    private long every = 100;
    private Consumer<TrainingProgress> watcher = unwatched -> {};
    private Control control = Control.NONE;

    private final Map<Trainable, Moments> moments = new LinkedHashMap<>();
    private final List<TrainingStep> curve = new ArrayList<>();

    /** Records a batch's loss. */
    @FunctionalInterface
    public interface Body {
        /**
         * Returns the loss, one number of floats.
         *
         * @param rows of the batch
         * @param step counted from 0: what a temperature falls by, and the seed of a step's own noise
         */
        Value<?> loss(Session session, List<Row> rows, long step);
    }

    private Training(Model model, Dataset dataset, Body body) {
        this.model = model;
        this.dataset = dataset;
        this.body = body;
    }

    /** Returns a training; see {@link Model#train}. */
    public static Training of(Model model, Dataset dataset, Body body) {
        return new Training(model, dataset, body);
    }

    /** Sets how numbers follow their gradients; AdamW with a learning rate of 0.001 unless set. */
    public Training optimizer(Optimizer how) {
        this.optimizer = how;
        return this;
    }

    /** Sets how the learning rate changes from step to step; it does not unless set. */
    public Training schedule(Schedule how) {
        this.schedule = how;
        return this;
    }

    /** Sets how many rows the body is given at once; 8 unless set. The last rows of an epoch may be fewer. */
    public Training batch(int rows) {
        this.batch = (int) atLeastOne(rows, "row");
        return this;
    }

    /** Sets over how many batches gradients are averaged before a step, where one of all their rows would not fit; 1 unless set. */
    public Training accumulate(int batches) {
        this.accumulated = (int) atLeastOne(batches, "batch");
        return this;
    }

    /** Sets how many steps there are; the rows come again when they have all been seen. */
    public Training steps(long number) {
        this.steps = atLeastOne(number, "step");
        return this;
    }

    /** Sets how many times all rows are seen; once unless this or {@link #steps} is set. */
    public Training epochs(long number) {
        this.epochs = atLeastOne(number, "epoch");
        this.steps = 0;
        return this;
    }

    /** Scales all gradients together down to that Euclidean norm where it is larger (Pascanu et al. 2013). */
    public Training clipNorm(double norm) {
        this.clip = norm;
        return this;
    }

    /** Gives the rows in a new order in each epoch, made from a seed; they are then held in memory. */
    public Training shuffle(long withSeed) {
        this.seed = withSeed;
        return this;
    }

    /** Keeps the training in a file every 100 steps and when it ends, and goes on from there if there is one. */
    public Training checkpoint(Path file) {
        return checkpoint(file, 100);
    }

    /**
     * Keeps the training in a safetensors file every so many steps and when it ends, however it does. If the file is there, the
     * training goes on from it; it must be of the same model, trainables, optimiser, batches and seed, else {@code
     * other-checkpoint} is thrown.
     */
    public Training checkpoint(Path file, long everySteps) {
        this.checkpoint = file;
        this.every = atLeastOne(everySteps, "step");
        return this;
    }

    /** Tells {@code consumer} after each step. */
    public Training progress(Consumer<TrainingProgress> consumer) {
        this.watcher = consumer;
        return this;
    }

    /** Lets {@code how} end the training, or set a time by which it must end. */
    public Training control(Control how) {
        this.control = how;
        return this;
    }

    private static long atLeastOne(long number, String what) {
        if (number < 1) {
            throw new SondeException("bad-option", "Expected 1 " + what + " or more but was " + number);
        }
        return number;
    }

    /**
     * Trains. Afterwards the trainables have the numbers that were found.
     *
     * @throws SondeException {@code no-trainables} if the loss uses none; {@code not-finite} if a loss is no number; {@code
     *     other-checkpoint}; {@code cancelled} or {@code deadline}; those of recording and running
     */
    public Trained run() {
        moments.clear();
        curve.clear();
        long total = steps > 0 ? steps : (epochs * Batches.ofEpoch(dataset, batch) + accumulated - 1) / accumulated;
        try (Batches batches = begin()) {
            try {
                long before = curve.size();
                long start = System.nanoTime();
                while (curve.size() < total) {
                    check();
                    step(batches);
                    watcher.accept(progress(total, curve.size() - before, System.nanoTime() - start));
                    if (curve.size() % every == 0) {
                        keep(batches);
                    }
                }
            } finally {
                keep(batches);
            }
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        moments.keySet().forEach(each -> tensors.put(each.name(), each.tensor()));
        return new Trained(curve, tensors);
    }

    /** The first batch is recorded, not run, to know what is trained and which mistakes there are. */
    private Batches begin() {
        try (Batches first = new Batches(dataset, batch, seed, 0, 0)) {
            for (Trainable each : record(first.next()).result().gradients().keySet()) {
                moments.put(each, new Moments(optimizer, each));
            }
        }
        if (checkpoint == null || !Files.exists(checkpoint)) {
            return new Batches(dataset, batch, seed, 0, 0);
        }
        Checkpoint kept = Checkpoint.read(checkpoint);
        if (!kept.settings().equals(settings())) {
            throw new SondeException(
                    "other-checkpoint",
                    "'" + checkpoint + "' is of another training: expected\n  " + settings() + "\nbut was\n  "
                            + kept.settings());
        }
        kept.restore(moments);
        curve.addAll(kept.curve());
        return new Batches(dataset, batch, seed, kept.epoch(), kept.taken());
    }

    private String settings() {
        return optimizer + ", batches of " + batch + ", accumulated " + accumulated + ", clipped to " + clip
                + ", shuffled by " + seed + ", model " + model.manifest().sha256();
    }

    private void keep(Batches batches) {
        if (checkpoint != null) {
            Checkpoint.of(settings(), batches.epoch(), batches.taken(), curve, moments)
                    .write(checkpoint);
        }
    }

    private void check() {
        if (control.cancelled()) {
            throw new SondeException("cancelled", "The training was cancelled after " + curve.size() + " steps");
        }
        control.deadline().filter(end -> java.time.Instant.now().isAfter(end)).ifPresent(end -> {
            throw new SondeException(
                    "deadline", "The training's time was over at " + end + ", after " + curve.size() + " steps");
        });
    }

    private TrainingProgress progress(long total, long done, long nanos) {
        double speed = done * 1e9 / Math.max(1, nanos);
        java.time.Duration left = java.time.Duration.ofMillis((long) (1000 * (total - curve.size()) / speed));
        return new TrainingProgress(curve.get(curve.size() - 1), total, speed, left);
    }

    /** Handles of a batch's loss and its gradients. */
    private record Wanted(Saved<Tensor> loss, Map<Trainable, Saved<Tensor>> gradients) {}

    private Recording<Wanted> record(List<Row> rows) {
        return model.record(s -> {
            Value<?> loss = body.loss(s, rows, curve.size());
            Map<Trainable, Value<Any>> used = s.trainables();
            if (used.isEmpty()) {
                throw new SondeException(
                        "no-trainables",
                        "The loss uses nothing that can be trained: expected s.trainable(...) or t.trainable(...) in the"
                                + " body");
            }
            Map<Trainable, Saved<Tensor>> gradients = new LinkedHashMap<>();
            checkNames(used.keySet());
            used.forEach(
                    (each, value) -> gradients.put(each, loss.gradient(value).save("gradient of " + each.name())));
            return new Wanted(loss.save("loss"), gradients);
        });
    }

    private static void checkNames(Set<Trainable> all) {
        Set<String> names = new HashSet<>();
        for (Trainable each : all) {
            if (!names.add(each.name())) {
                throw new SondeException("duplicate-name", "Two trainables are called '" + each.name() + "'");
            }
        }
    }

    private void step(Batches batches) {
        Map<Trainable, float[]> gradients = new LinkedHashMap<>();
        double loss = 0;
        long epoch = 0;
        for (int i = 0; i < accumulated; i++) {
            List<Row> rows = batches.next();
            epoch = batches.epoch();
            Recording<Wanted> recording = record(rows);
            Map<String, Tensor> found = model.run(recording.graph(), control).saved();
            loss += tensor(found, recording.result().loss()).item() / accumulated;
            recording
                    .result()
                    .gradients()
                    .forEach((each, handle) ->
                            add(gradients, each, tensor(found, handle).toFloats()));
        }
        if (!Double.isFinite(loss)) {
            throw new SondeException(
                    "not-finite",
                    "The loss of step " + curve.size() + " is " + loss
                            + ": expected a number. The trainables are as they were before; try a smaller learning rate"
                            + " or clipNorm(...)");
        }
        double norm = norm(gradients);
        double scale = norm > clip ? clip / (norm + 1e-6) : 1; // PyTorch's clip_grad_norm_
        double rate = optimizer.learningRate() * schedule.factor(curve.size());
        gradients.forEach((each, gradient) -> {
            scale(gradient, scale);
            Objects.requireNonNull(moments.get(each)).step(gradient, rate);
        });
        curve.add(new TrainingStep(curve.size(), epoch, loss, rate, norm));
    }

    private static Tensor tensor(Map<String, Tensor> found, Saved<Tensor> handle) {
        return Objects.requireNonNull(found.get(handle.name()));
    }

    private void add(Map<Trainable, float[]> gradients, Trainable each, float[] gradient) {
        if (!moments.containsKey(each)) {
            throw new SondeException(
                    "no-trainables",
                    "Trainable '" + each.name() + "' is used by a later batch and not by the first: expected the same"
                            + " ones, or some of them, made outside the body");
        }
        float[] sum = gradients.computeIfAbsent(each, unused -> new float[gradient.length]);
        for (int i = 0; i < sum.length; i++) {
            sum[i] += gradient[i] / accumulated;
        }
    }

    private static double norm(Map<Trainable, float[]> gradients) {
        double sum = 0;
        for (float[] gradient : gradients.values()) {
            for (float g : gradient) {
                sum += (double) g * g;
            }
        }
        return Math.sqrt(sum);
    }

    private static void scale(float[] gradient, double factor) {
        for (int i = 0; factor != 1 && i < gradient.length; i++) {
            gradient[i] *= (float) factor;
        }
    }
}
