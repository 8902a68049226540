package dev.sonde.processor;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.testing.compile.Compilation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.tools.JavaFileObject;

/** Compares generated files with texts under review; {@code -Dgoldens.update} writes them anew. */
final class Goldens {
    private static final Path ROOT = Path.of("src", "test", "resources", "goldens");

    private Goldens() {}

    static void assertAllMatch(Compilation compilation, String test, String method) throws IOException {
        for (JavaFileObject file : compilation.generatedSourceFiles()) {
            String name = file.getName().substring(file.getName().lastIndexOf('/') + 1);
            Path golden = ROOT.resolve(test).resolve(method).resolve(name);
            String text = file.getCharContent(false).toString();
            if (System.getProperty("goldens.update") != null) {
                Files.createDirectories(golden.getParent());
                Files.writeString(golden, text);
            }
            assertThat(golden).exists();
            assertThat(text)
                    .describedAs("%s; -Dgoldens.update writes it anew", golden)
                    .isEqualTo(Files.readString(golden, StandardCharsets.UTF_8));
        }
    }
}
