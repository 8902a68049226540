package dev.sonde.processor;

import com.palantir.javapoet.ArrayTypeName;
import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.JavaFile;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.ParameterizedTypeName;
import com.palantir.javapoet.TypeName;
import com.palantir.javapoet.TypeSpec;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.lang.model.element.Modifier;

/** Writes a validated experiment's {@code main}. */
final class RunnerGenerator {
    private static final ClassName STRING = ClassName.get(String.class);

    private final ExperimentDescriptor experiment;

    RunnerGenerator(ExperimentDescriptor experiment) {
        this.experiment = experiment;
    }

    JavaFile generate() {
        ClassName self = Names.runner(experiment.type());
        TypeSpec.Builder spec = TypeSpec.classBuilder(self)
                .addOriginatingElement(experiment.where())
                .addAnnotation(ExperimentGenerator.generated())
                .addJavadoc(
                        "Runs {@link $T} from the command line; {@code --help} lists the options.\n", experiment.type())
                .addSuperinterface(Names.EXPERIMENT_SPEC);
        if (experiment.isPublic()) {
            spec.addModifiers(Modifier.PUBLIC);
        }
        return ExperimentGenerator.file(
                self.packageName(),
                spec.addModifiers(Modifier.FINAL)
                        .addMethod(MethodSpec.methodBuilder("main")
                                .addJavadoc("Runs the experiment as {@code args} ask.\n")
                                .addModifiers(Modifier.PUBLIC, Modifier.STATIC)
                                .addParameter(ArrayTypeName.of(STRING), "args")
                                .addStatement("$T.main(new $T(), args)", Names.EXPERIMENT_MAIN, self)
                                .build())
                        .addMethod(text("name", experiment.type().simpleName()))
                        .addMethod(text("describe", experiment.doc()))
                        .addMethod(text("defaultModel", experiment.model()))
                        .addMethod(params())
                        .addMethod(record())
                        .build());
    }

    private static MethodSpec.Builder override(String name, TypeName returns) {
        return MethodSpec.methodBuilder(name)
                .addAnnotation(Override.class)
                .addModifiers(Modifier.PUBLIC)
                .returns(returns);
    }

    private static MethodSpec text(String name, String value) {
        return override(name, STRING).addStatement("return $S", value).build();
    }

    private MethodSpec params() {
        MethodSpec.Builder method =
                override("params", ParameterizedTypeName.get(ClassName.get(List.class), Names.PARAM_SPEC));
        if (experiment.params().isEmpty()) {
            return method.addStatement("return $T.of()", List.class).build();
        }
        method.addStatement("$T defaults = new $T()", experiment.type(), experiment.type());
        CodeBlock list = experiment.params().stream()
                .map(param -> CodeBlock.of(
                        "new $T($S, $T.$L, $S, $L)",
                        Names.PARAM_SPEC,
                        param.name(),
                        Names.PARAM_SPEC.nestedClass("Kind"),
                        param.token() && param.type().orElseThrow() == ParamDescriptor.Type.TEXT
                                ? "TOKEN"
                                : param.type().orElseThrow().kind(),
                        param.doc(),
                        print(param)))
                .collect(CodeBlock.joining(",\n"));
        return method.addStatement("return $T.of(\n$L)", List.class, list).build();
    }

    private static CodeBlock print(ParamDescriptor param) {
        CodeBlock value = CodeBlock.of("defaults.$N", param.name());
        return switch (param.type().orElseThrow()) {
            case TEXT -> value;
            // One text a line: commas and spaces belong to prompts.
            case TEXTS -> CodeBlock.of("$L == null ? null : $T.join($S, $L)", value, STRING, "\n", value);
            case INT, LONG, DOUBLE, BOOLEAN -> CodeBlock.of("$T.valueOf($L)", STRING, value);
        };
    }

    private MethodSpec record() {
        CodeBlock.Builder call = CodeBlock.builder().add("return $T.builder()", Names.experiment(experiment.type()));
        for (ParamDescriptor param : experiment.params()) {
            call.add("\n.$N($L)", param.name(), parse(param));
        }
        return override("record", Names.GRAPH)
                .addParameter(Names.MODEL, "model")
                .addParameter(ParameterizedTypeName.get(ClassName.get(Map.class), STRING, STRING), "params")
                .addStatement(call.add("\n.build()\n.record(model)\n.graph()").build())
                .build();
    }

    private static CodeBlock parse(ParamDescriptor param) {
        CodeBlock value =
                CodeBlock.of("$T.requireNonNull(params.get($S), $S)", Objects.class, param.name(), param.name());
        return switch (param.type().orElseThrow()) {
            case TEXT -> value;
            case TEXTS -> CodeBlock.of("$L.lines().toList()", value);
            case INT -> CodeBlock.of("$T.parseInt($L)", Integer.class, value);
            case LONG -> CodeBlock.of("$T.parseLong($L)", Long.class, value);
            case DOUBLE -> CodeBlock.of("$T.parseDouble($L)", Double.class, value);
            case BOOLEAN -> CodeBlock.of("$T.parseBoolean($L)", Boolean.class, value);
        };
    }
}
