package dev.sonde.remote.server;

import dev.sonde.SondeException;
import dev.sonde.remote.protocol.Problem;
import dev.sonde.spi.Control;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** The server's side of the pipe to one worker process. Safe for many threads. */
final class WorkerProcess implements AutoCloseable {
    /** How long a worker may take to open its model. */
    private static final Duration START = Duration.ofMinutes(10);

    /** How long a worker may go on after it was told to stop; then it is killed. */
    private static final Duration GRACE = Duration.ofSeconds(10);

    private static final long LOOK_MILLIS = 50;

    /** An answer, and the results that came before it. */
    record Answer(WorkerMessage message, List<ByteBuffer> results) {}

    private final Process process;
    private final DataOutputStream out;
    private final AtomicLong ids = new AtomicLong();
    private final Map<Long, BlockingQueue<Frame>> pending = new ConcurrentHashMap<>();
    private final WorkerMessage hello;
    private volatile boolean dead;

    /**
     * Starts a worker and waits until its model is open.
     *
     * @throws SondeException why the model does not open, or {@code worker-died}
     */
    WorkerProcess(List<String> command) {
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
            // Not in the command line: ONNX Runtime's telemetry crashes on long ones, and a service sends none.
            builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
            builder.environment().put("ORT_DISABLE_TELEMETRY", "1");
            process = builder.start();
        } catch (IOException e) {
            throw new SondeException("worker-failed", "Cannot start a worker process: " + e.getMessage(), e);
        }
        out = new DataOutputStream(new BufferedOutputStream(process.getOutputStream()));
        BlockingQueue<Frame> greeting = new LinkedBlockingQueue<>();
        pending.put(0L, greeting);
        Thread reader = new Thread(this::readAll, "sonde-worker-" + process.pid());
        reader.setDaemon(true);
        reader.start();
        Instant end = Instant.now().plus(START);
        try {
            hello = await(0, greeting, new Until(end)).message();
        } catch (RuntimeException e) {
            kill();
            throw e;
        }
    }

    private record Until(Instant end) implements Control {
        @Override
        public java.util.Optional<Instant> deadline() {
            return java.util.Optional.of(end);
        }
    }

    /** Returns a control that ends work after that time. */
    static Control atMost(Duration time) {
        return new Until(Instant.now().plus(time));
    }

    /** Returns what the worker said first. */
    WorkerMessage hello() {
        return hello;
    }

    boolean isDead() {
        return dead || !process.isAlive();
    }

    long nextId() {
        return ids.incrementAndGet();
    }

    /**
     * Asks a question and waits for its answer.
     *
     * @throws SondeException what the worker answers; {@code worker-died}; {@code cancelled} or {@code deadline} if {@code
     *     control} ended the work, in which case a worker that goes on all the same is killed
     */
    Answer ask(WorkerMessage question, byte[] payload, Control control) {
        BlockingQueue<Frame> frames = new LinkedBlockingQueue<>();
        pending.put(question.id(), frames);
        try {
            send(Frame.of(question, payload));
            if (dead) {
                throw died();
            }
            return await(question.id(), frames, control);
        } finally {
            pending.remove(question.id());
        }
    }

    private Answer await(long id, BlockingQueue<Frame> frames, Control control) {
        List<ByteBuffer> results = new ArrayList<>();
        @Nullable
        Instant kill =
                control.deadline().map(GRACE::addTo).map(Instant.class::cast).orElse(null);
        boolean told = false;
        while (true) {
            @Nullable Frame frame = poll(frames, id);
            if (frame != null) {
                WorkerMessage message = frame.header();
                switch (message.kind()) {
                    case PROGRESS -> control.progress(message.done(), message.total());
                    case RESULT -> results.add(frame.payload());
                    case FAILED -> throw problem(message).toException();
                    default -> {
                        return new Answer(message, results);
                    }
                }
                continue;
            }
            if (!told && control.cancelled()) {
                told = true;
                send(Frame.of(WorkerMessage.cancel(id)));
                kill = Instant.now().plus(GRACE);
            }
            if (kill != null && Instant.now().isAfter(kill)) {
                kill();
                throw told
                        ? new SondeException("cancelled", "The work was cancelled and its worker stopped")
                        : new SondeException("deadline", "The work took longer than it may; its worker was stopped");
            }
        }
    }

    private static Problem problem(WorkerMessage message) {
        return message.problem() == null ? new Problem("internal", "The worker failed") : message.problem();
    }

    private @Nullable Frame poll(BlockingQueue<Frame> frames, long id) {
        try {
            return frames.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            send(Frame.of(WorkerMessage.cancel(id)));
            Thread.currentThread().interrupt();
            throw new SondeException("cancelled", "The thread was interrupted while it waited for a worker", e);
        }
    }

    private void send(Frame frame) {
        try {
            synchronized (out) {
                frame.write(out);
            }
        } catch (IOException e) {
            throw died();
        }
    }

    private static SondeException died() {
        return new SondeException("worker-died", "The worker process of the model died");
    }

    private void readAll() {
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(process.getInputStream(), 1 << 16))) {
            @Nullable Frame frame = Frame.read(in);
            while (frame != null) {
                @Nullable
                BlockingQueue<Frame> frames = pending.get(frame.header().id());
                if (frames != null) {
                    frames.add(frame);
                }
                frame = Frame.read(in);
            }
        } catch (IOException e) {
            // Told below, like every other end.
        } finally {
            kill();
            WorkerMessage death = WorkerMessage.failed(0, Problem.of(died()));
            pending.values().forEach(frames -> frames.add(Frame.of(death)));
        }
    }

    private void kill() {
        dead = true;
        process.destroyForcibly();
    }

    /** Lets the worker end by itself, and kills it if it does not. */
    @Override
    public void close() {
        try {
            synchronized (out) {
                out.close();
            }
            process.waitFor(GRACE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (IOException e) {
            // It is dead already.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            kill();
        }
    }
}
