package dev.sonde.training;

import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;

/**
 * Numbers that a {@link Training} changes: a steering vector, a matrix of a LoRA, the weights of a probe, a rotation, a mask.
 * Experiments use it as a value by {@link dev.sonde.Session#trainable} and {@link dev.sonde.Run#trainable}, with the numbers it
 * has when they are recorded; only its numbers change, so all of them share one plan.
 *
 * <p>float32. One training changes it at a time; {@link #tensor()} may be read from any thread.
 */
public final class Trainable {
    private final String name;
    private final boolean orthonormal;
    private volatile Tensor tensor;

    private Trainable(String name, Tensor tensor, boolean orthonormal) {
        if (name.isBlank() || name.contains("/")) {
            throw new SondeException(
                    "bad-name", "A trainable cannot be called '" + name + "': expected letters, and no '/'");
        }
        if (tensor.dtype() != DType.FLOAT32) {
            throw new SondeException(
                    "wrong-dtype", "Trainable '" + name + "' is float32 but was given " + tensor.describe());
        }
        this.name = name;
        this.tensor = tensor;
        this.orthonormal = orthonormal;
    }

    /**
     * Returns a trainable that begins as {@code start}, whose axis names it has.
     *
     * @param name what it is called in checkpoints and errors, one of its own within a training
     * @param start float32
     */
    public static Trainable of(String name, Tensor start) {
        return new Trainable(name, start, false);
    }

    /** Returns a trainable of zeros. */
    public static Trainable zeros(String name, long... shape) {
        return of(name, Tensor.of(new float[count(shape)], shape));
    }

    /** Returns a trainable of normal noise, made from a seed. */
    public static Trainable normal(String name, long seed, double deviation, long... shape) {
        Random random = new Random(seed);
        float[] numbers = new float[count(shape)];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) (deviation * random.nextGaussian());
        }
        return of(name, Tensor.of(numbers, shape));
    }

    /** Returns a trainable of evenly spread noise between {@code -bound} and {@code bound}, made from a seed. */
    public static Trainable uniform(String name, long seed, double bound, long... shape) {
        Random random = new Random(seed);
        float[] numbers = new float[count(shape)];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) (bound * (2 * random.nextDouble() - 1));
        }
        return of(name, Tensor.of(numbers, shape));
    }

    /**
     * Returns a matrix whose columns are orthonormal, at the start and after every step: the first {@code columns} directions of
     * a rotation of {@code rows} dimensions, all of it where both are equal. The optimiser is given the part of the gradient
     * along which columns stay orthonormal, and what it leaves is made so again from the first column on (QR retraction; Absil,
     * Mahony and Sepulchre, "Optimization Algorithms on Matrix Manifolds", 2008, sections 3.6.1 and 4.1).
     *
     * @param seed of the random directions that it starts with
     */
    public static Trainable orthonormal(String name, long seed, int rows, int columns) {
        if (columns > rows || columns < 1) {
            throw new SondeException(
                    "tensor-size",
                    "'" + name + "' cannot have " + columns + " orthonormal columns of " + rows
                            + " numbers: expected 1 to " + rows);
        }
        float[] start = normal(name, seed, 1, rows, columns).tensor().toFloats();
        Orthonormal.make(start, rows, columns);
        return new Trainable(name, Tensor.of(start, rows, columns), true);
    }

    private static int count(long... shape) {
        return Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
    }

    /** Returns this trainable's name. */
    public String name() {
        return name;
    }

    /** Returns the numbers as they are now. */
    public Tensor tensor() {
        return tensor;
    }

    /**
     * Changes the numbers.
     *
     * @param numbers float32, of the shape that it has
     * @throws SondeException {@code shape-mismatch}
     */
    public void set(Tensor numbers) {
        Objects.requireNonNull(numbers, "numbers");
        if (numbers.dtype() != DType.FLOAT32 || !Arrays.equals(numbers.shape(), tensor.shape())) {
            throw new SondeException(
                    "shape-mismatch",
                    "Trainable '" + name + "' is " + tensor.describe() + " but was given " + numbers.describe());
        }
        tensor = numbers.withNames(tensor.names());
    }

    /** Leaves of a gradient what an optimiser may follow. */
    void project(float[] gradient) {
        if (orthonormal) {
            Orthonormal.project(gradient, tensor.toFloats(), (int) tensor.size(0), (int) tensor.size(1));
        }
    }

    /** Takes what an optimiser made of the numbers. */
    void step(float[] numbers) {
        if (orthonormal) {
            Orthonormal.make(numbers, (int) tensor.size(0), (int) tensor.size(1));
        }
        set(Tensor.of(numbers, tensor.shape()));
    }

    @Override
    public String toString() {
        return name + " " + tensor.describe();
    }
}
