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
    OrtSession.SessionOptions options(RuntimeEnvironment environment, boolean prepacked) throws OrtException {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
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
