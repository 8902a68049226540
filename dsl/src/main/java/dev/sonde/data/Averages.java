package dev.sonde.data;

import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Means and standard errors over the rows so far, element by element, in double precision (Welford, 1962: one pass, no large
 * sums). For one thread at a time.
 */
public final class Averages {
    private final Map<String, Moments> moments = new LinkedHashMap<>();
    private long rows;

    Averages() {}

    /** Returns what counts a row before it is passed on. */
    Consumer<RowResult> andThen(Consumer<RowResult> sink) {
        Consumer<RowResult> own = this::add;
        return own.andThen(sink);
    }

    private void add(RowResult row) {
        rows++;
        row.values()
                .forEach((name, tensor) -> moments.computeIfAbsent(name, unused -> new Moments(tensor))
                        .add(tensor));
    }

    /** Returns how many rows there were so far. */
    public long rows() {
        return rows;
    }

    /** Returns the names of what was saved. */
    public Set<String> names() {
        return moments.keySet();
    }

    /** Returns how many rows saved something under that name. */
    public long count(String name) {
        return find(name).count;
    }

    /**
     * Returns the mean over rows as float64, in the shape that every row has.
     *
     * @throws SondeException {@code no-mean} if rows differ in shape, {@code unknown-result} if there is no such name
     */
    public Tensor mean(String name) {
        Moments found = shaped(name);
        return found.tensor(i -> found.mean[i]);
    }

    /** Returns the standard deviation over rows (over n - 1) as float64; NaN if there is one row. Throws as {@link #mean}. */
    public Tensor standardDeviation(String name) {
        Moments found = shaped(name);
        return found.tensor(i -> Math.sqrt(found.squares[i] / (found.count - 1)));
    }

    /** Returns the standard error of the mean as float64; NaN if there is one row. Throws as {@link #mean}. */
    public Tensor standardError(String name) {
        Moments found = shaped(name);
        return found.tensor(i -> Math.sqrt(found.squares[i] / (found.count - 1) / found.count));
    }

    private Moments find(String name) {
        @Nullable Moments found = moments.get(name);
        if (found == null) {
            throw RowResult.unknown(name, moments);
        }
        return found;
    }

    private Moments shaped(String name) {
        Moments found = find(name);
        if (!found.other.isEmpty()) {
            throw new SondeException(
                    "no-mean",
                    "'" + name + "' has no mean over rows: one row has " + found.first.describe() + ", another "
                            + found.other + ". Select or reduce to one shape before save(...)");
        }
        return found;
    }

    /** Running moments of one name. */
    private static final class Moments {
        private final Tensor first;
        private double[] mean;
        private double[] squares;
        private String other = "";
        private long count;

        Moments(Tensor first) {
            this.first = first;
            this.mean = new double[first.count()];
            this.squares = new double[first.count()];
        }

        void add(Tensor tensor) {
            count++;
            if (!other.isEmpty()) {
                return;
            }
            if (!Arrays.equals(first.shape(), tensor.shape())) {
                other = tensor.describe();
                mean = new double[0];
                squares = new double[0];
                return;
            }
            double[] values = tensor.toDoubles();
            for (int i = 0; i < values.length; i++) {
                double from = values[i] - mean[i];
                mean[i] += from / count;
                squares[i] += from * (values[i] - mean[i]);
            }
        }

        Tensor tensor(IntToDoubleFunction element) {
            ByteBuffer bytes = ByteBuffer.allocate(8 * mean.length).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < mean.length; i++) {
                bytes.putDouble(element.applyAsDouble(i));
            }
            return Tensor.wrap(DType.FLOAT64, first.shape(), first.names(), bytes.flip());
        }
    }
}
