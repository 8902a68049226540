package dev.sonde.onnx.structure;

import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What people call the model in a file. */
final class ModelNames {
    /** Names that every exporter gives: the folder says more. */
    private static final Set<String> USUAL = Set.of("model", "decoder_model");

    private ModelNames() {}

    static String of(Path file) {
        String name = String.valueOf(file.getFileName()).replaceFirst("\\.onnx$", "");
        @Nullable Path folder = file.getParent();
        if (!USUAL.contains(name) || folder == null || folder.getFileName() == null) {
            return name;
        }
        @Nullable Path above = folder.endsWith("onnx") ? folder.getParent() : folder;
        return above == null || above.getFileName() == null
                ? name
                : above.getFileName().toString();
    }
}
