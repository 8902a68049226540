package dev.sonde.onnx.run;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.spi.Control;
import java.time.Instant;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Ends work under way when its control says so, also in the middle of a call of ONNX Runtime. */
final class Ending {
    private static final long EVERY_MS = 20;
    private static final ScheduledExecutorService CLOCK = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "sonde-watch");
        thread.setDaemon(true);
        return thread;
    });

    private final Control control;

    Ending(Control control) {
        this.control = control;
    }

    /** Tells a value that the experiment wants printed. */
    void log(String name, Tensor value) {
        control.log(name.substring(name.indexOf(':', InterventionGraph.LOG.length()) + 1), value);
    }

    /** Tells a result. */
    void saved(String name, Tensor value) {
        control.saved(name, value);
    }

    /** Tells a new token. */
    void token(int generation, int row, long token) {
        control.token(generation, row, token);
    }

    /** Throws if the work must end. */
    void check() {
        if (control.cancelled()) {
            throw new SondeException("cancelled", "The experiment was cancelled");
        }
        if (isLate()) {
            throw new SondeException(
                    "deadline",
                    "The experiment took too long: its time was over at "
                            + control.deadline().orElseThrow());
        }
    }

    private boolean isLate() {
        return control.deadline().filter(end -> Instant.now().isAfter(end)).isPresent();
    }

    /** Runs one call, which ends early when the work must end. */
    <T> T watch(OrtSession.RunOptions options, Call<T> call) throws OrtException {
        if (control == Control.NONE) {
            return call.run();
        }
        Watch watch = new Watch(options);
        Future<?> ticking = CLOCK.scheduleAtFixedRate(watch, EVERY_MS, EVERY_MS, TimeUnit.MILLISECONDS);
        try {
            return call.run();
        } finally {
            ticking.cancel(false);
            watch.end();
        }
    }

    /** Looks at the control while one call runs; when that is over, the call's options may be closed. */
    private final class Watch implements Runnable {
        private final OrtSession.RunOptions options;
        private boolean over;

        Watch(OrtSession.RunOptions options) {
            this.options = options;
        }

        @Override
        public synchronized void run() {
            try {
                if (!over && (control.cancelled() || isLate())) {
                    options.setTerminate(true);
                    over = true;
                }
            } catch (OrtException unheard) {
                over = true; // the call runs to its end
            }
        }

        synchronized void end() {
            over = true;
        }
    }

    /** A call of ONNX Runtime. */
    interface Call<T> {
        T run() throws OrtException;
    }
}
