package dev.sonde.processor;

import static com.google.testing.compile.CompilationSubject.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.testing.compile.Compilation;
import dev.sonde.manifest.ManifestFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javax.tools.Diagnostic;
import javax.tools.JavaFileObject;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What javac writes and refuses when it knows the model. */
final class HandlesTest {
    @TempDir
    private Path folder;

    private JavaFileObject compiled = file("");

    @BeforeEach
    void describe() throws IOException {
        Files.writeString(folder.resolve("paper.json"), ManifestFile.write(new PaperModel().manifest()));
    }

    @Test
    void handlesAreAClassOfSites() throws IOException {
        Compilation compilation = compile(experiment("paper", """
                s.run("x", t -> {
                    t.add(Paper.layer(1).residPost(), t.get(Paper.transformer().h(0).output()));
                    for (Paper.Layer layer : Paper.layers()) {
                        t.scale(layer.pattern(), 0.5);
                    }
                }).get(Paper.logits())"""));
        assertThat(compilation).succeededWithoutWarnings();
        Goldens.assertAllMatch(compilation, "HandlesTest", "paper");
    }

    @Test
    void aPatternIsNoResidual() {
        Compilation compilation = compile(
                experiment(
                        "paper",
                        "s.run(\"x\", t -> t.set(Paper.layer(0).residPost(), t.get(Paper.layer(0).pattern()))).get(Paper.logits())"));
        assertThat(errors(compilation)).anySatisfy(error -> assertThat(error).contains("Pattern", "Residual"));
    }

    @Test
    void aSiteThatIsNotThereIsPointedAt() {
        Compilation compilation = compile(experiment("paper", "s.run(\"x\").get(\"transformer.h.1#outptu\")"));
        assertThat(compilation)
                .hadErrorContaining("[unknown-site] No site 'transformer.h.1#outptu' in model 'paper'. Did you mean"
                        + " 'transformer.h.1#output'")
                .inFile(compiled)
                .onLineContaining("outptu");
    }

    @Test
    void aModuleThatIsNotThereIsPointedAt() {
        Compilation compilation = compile(
                experiment("paper", "s.run(\"x\", t -> t.skip(\"transformer.h.9\", s.constant(1))).get(\"logits\")"));
        assertThat(compilation)
                .hadErrorContaining("[unknown-module] No module 'transformer.h.9' in model 'paper'")
                .inFile(compiled)
                .onLineContaining("transformer.h.9");
    }

    @Test
    void aMissingManifestIsNamedWithThoseThatAreThere() {
        Compilation compilation = compile(experiment("papr", "s.constant(1)"));
        assertThat(compilation)
                .hadErrorContaining("[missing-manifest] No manifest of model 'papr': expected a file 'papr.json' in '"
                        + folder + "'")
                .inFile(compiled)
                .onLineContaining("class Trial");
        assertThat(compilation).hadErrorContaining("Did you mean 'paper'? Write it with: sonde describe MODEL");
    }

    @Test
    void aDamagedManifestIsRefused() throws IOException {
        Files.writeString(folder.resolve("paper.json"), "{");
        assertThat(compile(experiment("paper", "s.constant(1)"))).hadErrorContaining("[bad-manifest]");
    }

    @Test
    void twoBodiesAreRefused() {
        Compilation compilation = compile(file("""
                package demo;
                import dev.sonde.*;
                @Experiment
                final class Trial {
                    record Found(Saved<Tensor> x) {}
                    @Body Found first(Session s) { return new Found(s.constant(1).save()); }
                    @Body Found second(Session s) { return new Found(s.constant(1).save()); }
                }
                """));
        assertThat(compilation)
                .hadErrorContaining(
                        "[two-bodies] @Experiment 'Trial' has 2 @Body methods: expected one but was [first, second]")
                .inFile(compiled)
                .onLineContaining("second(Session");
    }

    @Test
    void aBodyOfAnotherSignatureIsRefused() {
        Compilation compilation = compile(file("""
                package demo;
                import dev.sonde.*;
                @Experiment
                final class Trial {
                    record Found(Saved<Tensor> x) {}
                    @Body Found body(Session s, int layer) { return new Found(s.constant(layer).save()); }
                }
                """));
        assertThat(compilation)
                .hadErrorContaining(
                        "[body-signature] @Body 'body': expected 'R body(Session)' but was 'Trial.Found body(Session, int)'")
                .inFile(compiled)
                .onLineContaining("int layer");
    }

    private Compilation compile(JavaFileObject file) {
        compiled = file;
        return Sources.compile(List.of("-Asonde.manifests=" + folder), file);
    }

    private static List<String> errors(Compilation compilation) {
        return compilation.errors().stream()
                .filter(each -> each.getKind() == Diagnostic.Kind.ERROR)
                .map(each -> each.getMessage(Locale.ROOT))
                .toList();
    }

    private static JavaFileObject experiment(String model, String value) {
        return file("""
                package demo;

                import dev.sonde.*;

                /** A trial. */
                @Experiment(model = "%s")
                final class Trial {
                    record Found(Saved<Tensor> x) {}

                    @Body
                    Found body(Session s) {
                        return new Found(%s.save());
                    }
                }
                """.formatted(model, value));
    }

    private static JavaFileObject file(String text) {
        return Sources.file("demo.Trial", text);
    }
}
