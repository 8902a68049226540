package dev.sonde.samples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every Java snippet of the README and of {@code docs} compiles, and pages link to what is there. */
class DocsTest {
    private static final Path ROOT = Path.of("..");
    private static final Pattern SNIPPET = Pattern.compile("(?s)```java\n(.*?)```");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:]+)(#[^)]*)?\\)");
    private static final String IMPORTS = """
            import dev.sonde.*;
            import dev.sonde.chat.*;
            import dev.sonde.data.*;
            import dev.sonde.graph.*;
            import dev.sonde.kind.*;
            import dev.sonde.methods.*;
            import dev.sonde.onnx.*;
            import dev.sonde.remote.client.SondeService;
            import dev.sonde.training.*;
            import java.net.URI;
            import java.nio.file.Path;
            import java.util.*;
            import static dev.sonde.Selector.*;
            """;

    @TempDir
    private Path output;

    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> files = Files.walk(ROOT.resolve("docs"))) {
            files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        return pages;
    }

    @Test
    void everySnippetCompiles() throws IOException {
        List<JavaFileObject> sources = new ArrayList<>();
        for (Path page : pages()) {
            Matcher snippets = SNIPPET.matcher(Files.readString(page));
            while (snippets.find()) {
                sources.add(source(page, sources.size(), snippets.group(1)));
            }
        }
        assertThat(sources).hasSizeGreaterThan(8);
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        boolean compiled = javac.getTask(
                        messages,
                        null,
                        null,
                        List.of("-proc:none", "-cp", System.getProperty("java.class.path"), "-d", output.toString()),
                        null,
                        sources)
                .call();
        assertThat(compiled).as(messages.toString()).isTrue();
    }

    /** A snippet is a class, or statements that may use {@code model}. */
    private static JavaFileObject source(Path page, int number, String text) {
        boolean type = text.contains("class ");
        String body = type ? text : "OnnxModel model;\n\nvoid run() throws Exception {\n" + text + "}\n";
        String code = IMPORTS + "/* " + page + " */ class Snippet" + number + " {\n" + body + "}\n";
        return new SimpleJavaFileObject(
                URI.create("string:///Snippet" + number + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return code;
            }
        };
    }

    @Test
    void theReadmeShowsTheProgramThatIsThere() throws IOException {
        String program = Files.readString(Path.of("src/main/java/dev/sonde/samples/FirstLook.java"));
        String readme = Files.readString(ROOT.resolve("README.md"));
        String body = program.substring(program.indexOf("try (OnnxModel"), program.lastIndexOf("    }\n}"));
        assertThat(squeezed(readme)).contains(squeezed(body.replace("Path.of(args[0])", "Path.of(\"smollm2\")")));
    }

    private static String squeezed(String text) {
        return text.replaceAll("\\s+", "");
    }

    @Test
    void linksLeadSomewhere() throws IOException {
        for (Path page : pages()) {
            Matcher links = LINK.matcher(Files.readString(page));
            while (links.find()) {
                assertThat(page.resolveSibling(links.group(1)))
                        .as("link in %s", page)
                        .exists();
            }
        }
    }
}
