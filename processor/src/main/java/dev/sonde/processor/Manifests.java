package dev.sonde.processor;

import dev.sonde.SondeException;
import dev.sonde.manifest.ManifestFile;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.NearestNames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import javax.annotation.processing.Filer;
import javax.annotation.processing.ProcessingEnvironment;
import javax.tools.StandardLocation;
import org.jspecify.annotations.Nullable;

/** Finds what models offer, in files that {@code sonde describe} wrote. */
final class Manifests {
    /** The processor's option that names the folder of manifests. */
    static final String OPTION = "sonde.manifests";

    private static final List<StandardLocation> PLACES =
            List.of(StandardLocation.SOURCE_PATH, StandardLocation.CLASS_PATH, StandardLocation.CLASS_OUTPUT);

    private final Filer filer;
    private final Optional<String> folder;
    private final Map<String, ModelManifest> known = new HashMap<>();

    Manifests(ProcessingEnvironment environment) {
        this.filer = environment.getFiler();
        this.folder = Optional.ofNullable(environment.getOptions().get(OPTION));
    }

    /**
     * Returns the manifest of a model.
     *
     * @throws SondeException {@code missing-manifest} with where it was looked for; {@code bad-manifest} if it is none
     */
    ModelManifest of(String model) {
        ModelManifest found = known.get(model);
        if (found == null) {
            found = ManifestFile.read(text(model), model + ".json").named(model);
            known.put(model, found);
        }
        return found;
    }

    private String text(String model) {
        String file = model + ".json";
        if (folder.isPresent()) {
            @Nullable String text = read(folder.get(), file);
            if (text != null) {
                return text;
            }
        }
        for (StandardLocation place : PLACES) {
            try {
                return filer.getResource(place, "", file).getCharContent(true).toString();
            } catch (IOException | IllegalArgumentException | UnsupportedOperationException e) {
                // not there: the next place
            }
        }
        throw new SondeException(
                "missing-manifest",
                "No manifest of model '" + model + "': expected a file '" + file + "' "
                        + folder.map(each -> "in '" + each + "' (-A" + OPTION + "), ")
                                .orElse("in the folder that -A" + OPTION + "=FOLDER names, ")
                        + "on the source path, the class path or in the output of javac."
                        + NearestNames.didYouMean(model, others())
                        + " Write it with: sonde describe MODEL --name " + model + " -o " + file);
    }

    private static @Nullable String read(String folder, String file) {
        try {
            Path path = Path.of(folder, file);
            return Files.isRegularFile(path) ? Files.readString(path) : null;
        } catch (IOException | InvalidPathException e) {
            throw new SondeException("bad-manifest", "Cannot read '" + file + "' in '" + folder + "': " + e, e);
        }
    }

    private List<String> others() {
        if (folder.isEmpty()) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(Path.of(folder.get()))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".json"))
                    .map(name -> name.substring(0, name.length() - ".json".length()))
                    .sorted()
                    .toList();
        } catch (IOException | InvalidPathException e) {
            return List.of();
        }
    }
}
