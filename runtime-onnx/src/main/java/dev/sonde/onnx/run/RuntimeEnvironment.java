package dev.sonde.onnx.run;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import dev.sonde.SondeException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * The process's one ONNX Runtime environment, with one thread pool for all sessions where Sonde was the first to ask for it.
 *
 * @param ort the environment
 * @param sharedThreads whether sessions share the environment's threads
 * @param notes what users may want to know, one sentence each
 */
public record RuntimeEnvironment(OrtEnvironment ort, boolean sharedThreads, List<String> notes) {
    private static final long LARGE_STACK = 256L << 20; // only what is used takes memory

    private static @Nullable RuntimeEnvironment instance;

    /**
     * Returns the environment; the first call decides how many threads it has.
     *
     * @param threads number of threads, 0 for one per core
     */
    public static synchronized RuntimeEnvironment get(int threads) {
        RuntimeEnvironment known = instance;
        if (known == null) {
            known = onLargeStack(() -> create(threads));
            instance = known;
        }
        return known;
    }

    /** Begins to load what {@link #get} returns, and what the first session needs, while something else is done. */
    public static void prepare(int threads) {
        Thread loading = new Thread(() -> get(threads).warmUp(), "sonde-load");
        loading.setDaemon(true);
        loading.start();
    }

    /** Loads the code that sessions need. */
    public void warmUp() {
        ModelProto.Builder model = ModelProto.newBuilder()
                .setIrVersion(8)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17));
        GraphProto.Builder graph = model.getGraphBuilder().setName("warm");
        graph.addNodeBuilder().setOpType("Identity").addInput("x").addOutput("y");
        graph.addInputBuilder()
                .setName("x")
                .getTypeBuilder()
                .getTensorTypeBuilder()
                .setElemType(1);
        graph.addOutputBuilder().setName("y");
        try {
            ort.createSession(model.build().toByteArray()).close();
        } catch (OrtException cold) {
            // then the first session takes longer
        }
    }

    /**
     * ONNX Runtime's telemetry matches the command line with a regular expression that recurses for each letter: from about
     * 4,000 letters, which class paths easily have, it overruns an ordinary stack and kills the process without a word.
     */
    private static RuntimeEnvironment onLargeStack(Callable<RuntimeEnvironment> create) {
        FutureTask<RuntimeEnvironment> task = new FutureTask<>(create);
        new Thread(null, task, "sonde-environment", LARGE_STACK).start();
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            throw new SondeException("engine", "ONNX Runtime cannot be loaded: " + e.getCause(), e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static RuntimeEnvironment create(int threads) {
        try (OrtEnvironment.ThreadingOptions options = new OrtEnvironment.ThreadingOptions()) {
            options.setGlobalInterOpNumThreads(1);
            options.setGlobalIntraOpNumThreads(threads);
            options.setGlobalSpinControl(false);
            OrtEnvironment ort =
                    OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "sonde", options);
            ort.setTelemetry(false);
            return new RuntimeEnvironment(ort, true, List.of());
        } catch (IllegalStateException | OrtException alreadyThere) {
            return new RuntimeEnvironment(
                    OrtEnvironment.getEnvironment(),
                    false,
                    List.of("ONNX Runtime was in use before Sonde: each session has threads of its own."));
        }
    }
}
