package dev.sonde.training;

import dev.sonde.SondeException;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The rows of a data set again and again, some at a time. Shuffled ones are held in memory, others only while they are used. */
final class Batches implements AutoCloseable {
    /** An odd number far from any other: epochs' seeds do not meet. */
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private final Dataset dataset;
    private final int size;
    private final @Nullable Long seed;
    private final List<Row> all = new ArrayList<>();
    private @Nullable Stream<Row> stream;
    private Iterator<Row> rows;
    private long epoch;
    private long taken;

    /** Begins behind the first {@code taken} batches of an epoch. */
    Batches(Dataset dataset, int size, @Nullable Long seed, long epoch, long taken) {
        this.dataset = dataset;
        this.size = size;
        this.seed = seed;
        this.epoch = epoch;
        this.rows = start();
        for (long i = 0; i < taken * size && rows.hasNext(); i++) {
            rows.next();
        }
        this.taken = taken;
    }

    /** Returns how many batches an epoch has; reads through a data set whose size is not known. */
    static long ofEpoch(Dataset dataset, int size) {
        long rows = dataset.size().orElseGet(() -> {
            try (Stream<Row> all = dataset.rows()) {
                return all.count();
            }
        });
        return (rows + size - 1) / size;
    }

    private Iterator<Row> start() {
        close();
        if (seed == null) {
            stream = dataset.rows();
            return stream.iterator();
        }
        if (all.isEmpty()) {
            try (Stream<Row> read = dataset.rows()) {
                read.forEach(all::add);
            }
        }
        List<Row> order = new ArrayList<>(all);
        Collections.shuffle(order, new Random(seed + GOLDEN * (epoch + 1)));
        return order.iterator();
    }

    /** Returns the next rows: fewer than wanted at the end of an epoch, never none. */
    List<Row> next() {
        if (!rows.hasNext()) {
            epoch++;
            taken = 0;
            rows = start();
        }
        List<Row> batch = new ArrayList<>();
        while (batch.size() < size && rows.hasNext()) {
            batch.add(rows.next());
        }
        if (batch.isEmpty()) {
            throw new SondeException("bad-dataset", "The data set to train on has no rows");
        }
        taken++;
        return batch;
    }

    /** Returns how many times all rows have been seen. */
    long epoch() {
        return epoch;
    }

    /** Returns how many batches of this epoch have been taken. */
    long taken() {
        return taken;
    }

    @Override
    public void close() {
        if (stream != null) {
            stream.close();
        }
    }
}
