package dev.sonde.data;

import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.spi.Control;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** Counts rows for whoever watches a study, and passes the caller's wishes on to the engine. */
final class Meter implements Control {
    private final Averages averages;
    private final Consumer<Progress> watcher;
    private final Control control;
    private final OptionalLong total;
    private long done;
    private long computed;
    private long computing;
    private double share;
    private long nanos;
    private long started;

    Meter(Dataset dataset, Averages averages, Consumer<Progress> watcher, Control control) {
        this.averages = averages;
        this.watcher = watcher;
        this.control = control;
        this.total = dataset.size();
    }

    /** Throws if the study must end. */
    void check() {
        if (control.cancelled()) {
            throw new SondeException("cancelled", "The study was cancelled after " + done + " rows");
        }
        Optional<Instant> end = control.deadline();
        if (end.isPresent() && Instant.now().isAfter(end.get())) {
            throw new SondeException(
                    "deadline", "The study's time was over at " + end.get() + ", after " + done + " rows");
        }
    }

    /** Says that rows are about to be computed. */
    synchronized void start(int rows) {
        computing = rows;
        share = 0;
        started = System.nanoTime();
    }

    /** Says that rows are done, computed now or found. */
    synchronized void done(int rows) {
        done += rows;
        if (computing > 0) {
            computed += rows;
            nanos += System.nanoTime() - started;
        }
        computing = 0;
        share = 0;
        tell();
    }

    @Override
    public synchronized void progress(long part, long whole) {
        share = whole > 0 ? Math.min(1, part / (double) whole) : 0;
        tell();
    }

    private void tell() {
        double seconds = (nanos + (computing > 0 ? System.nanoTime() - started : 0)) / 1e9;
        double speed = seconds > 0 ? (computed + share * computing) / seconds : 0;
        Optional<Duration> left = total.isPresent() && speed > 0
                ? Optional.of(Duration.ofMillis(
                        (long) (1000 * Math.max(0, total.getAsLong() - done - share * computing) / speed)))
                : Optional.empty();
        watcher.accept(new Progress(done, total, speed, left, averages));
    }

    @Override
    public void log(String label, Tensor value) {
        control.log(label, value);
    }

    @Override
    public boolean cancelled() {
        return control.cancelled();
    }

    @Override
    public Optional<Instant> deadline() {
        return control.deadline();
    }
}
