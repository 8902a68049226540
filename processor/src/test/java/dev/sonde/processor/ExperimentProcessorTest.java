package dev.sonde.processor;

import static com.google.testing.compile.CompilationSubject.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.testing.compile.Compilation;
import dev.sonde.Model;
import dev.sonde.Recording;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.runner.ExperimentSpec;
import dev.sonde.runner.ParamSpec;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.tools.JavaFileObject;
import javax.tools.StandardLocation;
import org.junit.jupiter.api.Test;

final class ExperimentProcessorTest {
    private final Model model = new PaperModel();

    @Test
    void experimentGetsBuilderResultAndRunner() throws IOException {
        Compilation compilation = compile();
        assertThat(compilation).succeededWithoutWarnings();
        assertThat(compilation.generatedSourceFiles().stream().map(JavaFileObject::getName))
                .containsExactlyInAnyOrder(
                        "/SOURCE_OUTPUT/demo/NameRecallExperiment.java",
                        "/SOURCE_OUTPUT/demo/NameRecallResult.java",
                        "/SOURCE_OUTPUT/demo/NameRecallRunner.java");
        Goldens.assertAllMatch(compilation, "ExperimentProcessorTest", "nameRecall");
    }

    @Test
    void generatedTextIsTheSameEachTime() throws IOException {
        assertThat(texts(compile())).isEqualTo(texts(compile()));
    }

    @Test
    void builderRunsWithDefaults() throws Exception {
        Object result = call(call(builder(), "build"), "run", model);
        assertThat(((Tensor) call(result, "recovered")).item()).isEqualTo("The capital of France is".length() + 1.0);
        assertThat(((Tensor) call(result, "strengths")).item()).isEqualTo(0.5);
    }

    @Test
    void builderSetsParameters() throws Exception {
        Object builder = builder();
        call(builder, "clean", "abc");
        call(builder, "layer", 10);
        call(builder, "strength", 2.0);
        Object result = call(call(builder, "build"), "run", model);
        assertThat(((Tensor) call(result, "recovered")).item()).isEqualTo(13);
        assertThat(((Tensor) call(result, "strengths")).item()).isEqualTo(2);
    }

    @Test
    void recordingNamesItsSavesAfterTheResult() throws Exception {
        Recording<?> recording = (Recording<?>) call(call(builder(), "build"), "record", model);
        assertThat(recording.graph().saves()).containsOnlyKeys("recovered", "strengths");
    }

    @Test
    void textThatMustBeOneTokenIsCheckedBeforeTheBody() throws Exception {
        Object builder = builder();
        call(builder, "answer", "ab");
        Object experiment = call(builder, "build");
        assertThatThrownBy(() -> call(experiment, "record", model))
                .isInstanceOf(SondeException.class)
                .hasMessageContaining("[not-one-token] 'ab' is not one token of model 'paper' but 2");
    }

    @Test
    void missingTextIsRefused() throws Exception {
        Object builder = builder();
        call(builder, "clean", (Object) null);
        assertThatThrownBy(() -> call(builder, "build"))
                .isInstanceOf(NullPointerException.class)
                .hasMessage("'clean' has no value: call clean(...) before build()");
    }

    @Test
    void runnerOffersParametersAndRecords() throws Exception {
        ExperimentSpec runner = (ExperimentSpec) create("demo.NameRecallRunner");
        assertThat(runner.name()).isEqualTo("NameRecall");
        assertThat(runner.describe()).isEqualTo("Where does the name come from?");
        assertThat(runner.defaultModel()).isEmpty();
        assertThat(runner.params())
                .containsExactly(
                        new ParamSpec(
                                "clean", ParamSpec.Kind.TEXT, "What the model reads.", "The capital of France is"),
                        new ParamSpec("answer", ParamSpec.Kind.TOKEN, "", "P"),
                        new ParamSpec("foil", ParamSpec.Kind.TOKEN, "", "R"),
                        new ParamSpec("others", ParamSpec.Kind.TEXT, "", "one, two\nthree"),
                        new ParamSpec("layer", ParamSpec.Kind.INTEGER, "", "1"),
                        new ParamSpec("seed", ParamSpec.Kind.INTEGER, "", "7"),
                        new ParamSpec("strength", ParamSpec.Kind.NUMBER, "", "0.5"),
                        new ParamSpec("control", ParamSpec.Kind.TRUTH, "", "true"));
        Map<String, String> values = new HashMap<>();
        runner.params().forEach(param -> values.put(param.name(), param.defaultValue()));
        values.put("layer", "3");
        InterventionGraph graph = runner.record(model, values);
        assertThat(model.run(graph).saved().get("recovered").item()).isEqualTo(27);
    }

    private static Compilation compile() {
        return Sources.compile(List.of(), Sources.file("demo.NameRecall", Sources.NAME_RECALL));
    }

    private static Map<String, String> texts(Compilation compilation) throws IOException {
        Map<String, String> texts = new LinkedHashMap<>();
        for (JavaFileObject file : compilation.generatedSourceFiles()) {
            texts.put(file.getName(), file.getCharContent(false).toString());
        }
        return texts;
    }

    private static Object builder() throws Exception {
        Method builder = load(compile(), "demo.NameRecallExperiment").getDeclaredMethod("builder");
        builder.setAccessible(true);
        return builder.invoke(null);
    }

    private static Object create(String type) throws Exception {
        var constructor = load(compile(), type).getDeclaredConstructor();
        constructor.setAccessible(true);
        return constructor.newInstance();
    }

    /** Calls a method as Java code would; what it throws comes as it is. */
    private static Object call(Object target, String method, Object... arguments) throws Exception {
        for (Method each : target.getClass().getDeclaredMethods()) {
            if (each.getName().equals(method) && each.getParameterCount() == arguments.length) {
                each.setAccessible(true);
                try {
                    return each.invoke(target, arguments);
                } catch (InvocationTargetException e) {
                    throw e.getCause() instanceof Exception cause ? cause : e;
                }
            }
        }
        throw new NoSuchMethodException(method);
    }

    static Class<?> load(Compilation compilation, String type) throws Exception {
        return new ClassLoader(ExperimentProcessorTest.class.getClassLoader()) {
            @Override
            protected Class<?> findClass(String name) throws ClassNotFoundException {
                try {
                    JavaFileObject file = compilation
                            .generatedFile(StandardLocation.CLASS_OUTPUT, name.replace('.', '/') + ".class")
                            .orElseThrow(() -> new ClassNotFoundException(name));
                    byte[] bytes = file.openInputStream().readAllBytes();
                    return defineClass(name, bytes, 0, bytes.length);
                } catch (IOException e) {
                    throw new ClassNotFoundException(name, e);
                }
            }
        }.loadClass(type);
    }
}
