package dev.sonde.onnx.run;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The process's one ONNX Runtime environment, with one thread pool for all sessions where Sonde was the first to ask for it.
 *
 * @param ort the environment
 * @param sharedThreads whether sessions share the environment's threads
 * @param notes what users may want to know, one sentence each
 */
public record RuntimeEnvironment(OrtEnvironment ort, boolean sharedThreads, List<String> notes) {
    private static @Nullable RuntimeEnvironment instance;

    /**
     * Returns the environment; the first call decides how many threads it has.
     *
     * @param threads number of threads, 0 for one per core
     */
    public static synchronized RuntimeEnvironment get(int threads) {
        RuntimeEnvironment known = instance;
        if (known == null) {
            known = create(threads);
            instance = known;
        }
        return known;
    }

    private static RuntimeEnvironment create(int threads) {
        try (OrtEnvironment.ThreadingOptions options = new OrtEnvironment.ThreadingOptions()) {
            options.setGlobalInterOpNumThreads(1);
            options.setGlobalIntraOpNumThreads(threads);
            options.setGlobalSpinControl(false);
            OrtEnvironment ort =
                    OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "sonde", options);
            return new RuntimeEnvironment(ort, true, List.of());
        } catch (IllegalStateException | OrtException alreadyThere) {
            return new RuntimeEnvironment(
                    OrtEnvironment.getEnvironment(),
                    false,
                    List.of("ONNX Runtime was in use before Sonde: each session has threads of its own."));
        }
    }
}
