package dev.sonde.onnx.run;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
import java.nio.file.Path;

/**
 * How sessions are made.
 *
 * @param threads threads of a session where it has its own, 0 for one per core
 * @param level which rewrites ONNX Runtime may do
 * @param cuda number of the CUDA device, -1 for the CPU
 * @param prepack whether weights are copied into a faster order; costs memory and time for every session
 * @param prepackLoops whether they are for generations of many tokens
 * @param weights folder of the weights files
 */
public record SessionSettings(
        int threads, OptLevel level, int cuda, boolean prepack, boolean prepackLoops, Path weights) {
    /**
     * Removes casts that do nothing. Where the denominator of a norm is replaced, it and another optimiser take the same node out
     * of the graph, and ONNX Runtime (1.29 and 1.32) then finds the graph damaged. Casts that do nothing change no number.
     */
    private static final String CASTS = "CastElimination";

    /** Opens a session; where ONNX Runtime's optimisers damage the graph, without the one that does. */
    OrtSession open(RuntimeEnvironment environment, byte[] model, boolean prepacked) throws OrtException {
        return open(environment, model, prepacked, true);
    }

    /** Opens a session that keeps no memory, for a part of a model that runs and is closed. */
    OrtSession openOnce(RuntimeEnvironment environment, byte[] model, boolean prepacked) throws OrtException {
        return open(environment, model, prepacked, false);
    }

    private OrtSession open(RuntimeEnvironment environment, byte[] model, boolean prepacked, boolean arena)
            throws OrtException {
        try (OrtSession.SessionOptions options = options(environment, prepacked, arena)) {
            return environment.ort().createSession(model, options);
        } catch (OrtException e) {
            if (!String.valueOf(e.getMessage())
                    .contains("is not a graph input, initializer, or output of a previous node")) {
                throw e;
            }
            try (OrtSession.SessionOptions options = options(environment, prepacked, arena)) {
                options.addConfigEntry("optimization.disable_specified_optimizers", CASTS);
                return environment.ort().createSession(model, options);
            }
        }
    }

    private OrtSession.SessionOptions options(RuntimeEnvironment environment, boolean prepacked, boolean arena)
            throws OrtException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        options.setCPUArenaAllocator(arena); // an arena lives as long as any value in it
        options.setOptimizationLevel(level);
        options.addConfigEntry("session.model_external_initializers_file_folder_path", weights.toString());
        options.addConfigEntry("session.disable_prepacking", prepacked ? "0" : "1");
        options.addConfigEntry("session.intra_op.allow_spinning", "0");
        options.addConfigEntry("session.inter_op.allow_spinning", "0");
        if (environment.sharedThreads()) {
            options.disablePerSessionThreads();
        } else {
            options.setIntraOpNumThreads(threads);
        }
        if (cuda >= 0) {
            options.addCUDA(cuda);
        }
        return options;
    }
}
