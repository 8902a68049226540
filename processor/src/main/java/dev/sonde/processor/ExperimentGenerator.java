package dev.sonde.processor;

import com.palantir.javapoet.AnnotationSpec;
import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.FieldSpec;
import com.palantir.javapoet.JavaFile;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.NameAllocator;
import com.palantir.javapoet.ParameterSpec;
import com.palantir.javapoet.ParameterizedTypeName;
import com.palantir.javapoet.TypeName;
import com.palantir.javapoet.TypeSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.lang.model.element.Modifier;

/** Writes a validated experiment's builder and its record of results. */
final class ExperimentGenerator {
    private final ExperimentDescriptor experiment;
    private final ClassName type;
    private final ClassName self;
    private final ClassName builder;
    private final ClassName result;
    private final TypeName recording;

    ExperimentGenerator(ExperimentDescriptor experiment) {
        this.experiment = experiment;
        this.type = experiment.type();
        this.self = Names.experiment(type);
        this.builder = self.nestedClass("Builder");
        this.result = Names.result(type);
        this.recording = ParameterizedTypeName.get(
                Names.RECORDING, experiment.body().result().type());
    }

    List<JavaFile> generate() {
        return List.of(file(result()), file(experiment()));
    }

    private JavaFile file(TypeSpec spec) {
        return file(type.packageName(), spec);
    }

    static JavaFile file(String inPackage, TypeSpec spec) {
        return JavaFile.builder(inPackage, spec)
                .skipJavaLangImports(true)
                .indent("    ")
                .build();
    }

    static AnnotationSpec generated() {
        return AnnotationSpec.builder(Names.GENERATED)
                .addMember("value", "$S", ExperimentProcessor.class.getName())
                .build();
    }

    private TypeSpec result() {
        MethodSpec.Builder components = MethodSpec.constructorBuilder();
        TypeSpec.Builder record = TypeSpec.recordBuilder(result)
                .addOriginatingElement(experiment.where())
                .addAnnotation(generated())
                .addJavadoc("What {@link $T} found.\n\n", type);
        MethodSpec.Builder of = MethodSpec.methodBuilder("of")
                .addModifiers(Modifier.STATIC)
                .returns(result)
                .addParameter(Names.RESULTS, "results");
        CodeBlock.Builder tensors = CodeBlock.builder();
        for (BodyDescriptor.Component component : experiment.body().result().components()) {
            components.addParameter(Names.TENSOR, component.name());
            record.addJavadoc(
                    "@param $L as {@code $T} saved it\n",
                    component.name(),
                    experiment.body().result().type());
            tensors.add(tensors.isEmpty() ? "" : ",\n")
                    .add(
                            "$T.requireNonNull(results.saved().get($S), $S)",
                            Objects.class,
                            component.name(),
                            component.name());
        }
        if (experiment.isPublic()) {
            record.addModifiers(Modifier.PUBLIC);
        }
        return record.recordConstructor(components.build())
                .addMethod(of.addCode("return new $T(\n$>$>$L$<$<);\n", result, tensors.build())
                        .build())
                .build();
    }

    private TypeSpec experiment() {
        TypeSpec.Builder spec = TypeSpec.classBuilder(self)
                .addOriginatingElement(experiment.where())
                .addAnnotation(generated())
                .addModifiers(Modifier.FINAL)
                .addJavadoc("{@link $T} with values for its parameters, ready to run on any model. Immutable.\n", type);
        if (experiment.isPublic()) {
            spec.addModifiers(Modifier.PUBLIC);
        }
        MethodSpec.Builder constructor =
                MethodSpec.constructorBuilder().addModifiers(Modifier.PRIVATE).addParameter(builder, "builder");
        for (ParamDescriptor param : experiment.params()) {
            spec.addField(param.declared(), param.name(), Modifier.PRIVATE, Modifier.FINAL);
            constructor.addStatement("this.$N = builder.$N", param.name(), param.name());
        }
        return spec.addMethod(constructor.build())
                .addMethod(MethodSpec.methodBuilder("builder")
                        .addJavadoc("Returns a builder that has the defaults of {@link $T}.\n", type)
                        .addModifiers(Modifier.PUBLIC, Modifier.STATIC)
                        .returns(builder)
                        .addStatement("return new $T()", builder)
                        .build())
                .addMethod(run())
                .addMethod(record())
                .addType(builder())
                .build();
    }

    private MethodSpec run() {
        return MethodSpec.methodBuilder("run")
                .addJavadoc("Runs the experiment and returns what it found.\n")
                .addModifiers(Modifier.PUBLIC)
                .returns(result)
                .addParameter(Names.MODEL, "model")
                .addStatement("return $T.of(model.run(record(model).graph()))", result)
                .build();
    }

    private MethodSpec record() {
        NameAllocator names = new NameAllocator();
        experiment.params().forEach(param -> names.newName(param.name()));
        String model = names.newName("model");
        String instance = names.newName("experiment");
        String recorded = names.newName("recording");
        String saved = names.newName("saved");
        String session = names.newName("s");
        MethodSpec.Builder method = MethodSpec.methodBuilder("record")
                .addJavadoc(
                        "Records the experiment for a model, without running it; the saves have the names of the result.\n")
                .addModifiers(Modifier.PUBLIC)
                .returns(recording)
                .addParameter(Names.MODEL, model)
                .addStatement("$T $N = new $T()", type, instance, type);
        for (ParamDescriptor param : experiment.params()) {
            method.addStatement("$N.$N = $N", instance, param.name(), param.name());
        }
        List<ParamDescriptor> tokens =
                experiment.params().stream().filter(ParamDescriptor::token).toList();
        if (tokens.isEmpty()) {
            method.addStatement(
                    "$T $N = $N.record($N::$N)",
                    recording,
                    recorded,
                    model,
                    instance,
                    experiment.body().name());
        } else {
            method.addCode("$T $N = $N.record($N -> {\n$>", recording, recorded, model, session);
            for (ParamDescriptor param : tokens) {
                if (param.type().equals(java.util.Optional.of(ParamDescriptor.Type.TEXTS))) {
                    method.addStatement("$N.forEach($N::token)", param.name(), session);
                } else {
                    method.addStatement("$N.token($N)", session, param.name());
                }
            }
            method.addStatement("return $N.$N($N)", instance, experiment.body().name(), session);
            method.addCode("$<});\n");
        }
        TypeName handle = ParameterizedTypeName.get(Names.SAVED, Names.TENSOR);
        method.addStatement(
                "$T $N = new $T<>()",
                ParameterizedTypeName.get(ClassName.get(Map.class), ClassName.get(String.class), handle),
                saved,
                LinkedHashMap.class);
        for (BodyDescriptor.Component component : experiment.body().result().components()) {
            method.addStatement("$N.put($S, $N.result().$N())", saved, component.name(), recorded, component.name());
        }
        return method.addStatement("return $N.named($N)", recorded, saved).build();
    }

    private TypeSpec builder() {
        TypeSpec.Builder spec = TypeSpec.classBuilder(builder)
                .addJavadoc("Values for the parameters of {@link $T}.\n", type)
                .addModifiers(Modifier.PUBLIC, Modifier.STATIC, Modifier.FINAL);
        MethodSpec.Builder constructor = MethodSpec.constructorBuilder().addModifiers(Modifier.PRIVATE);
        NameAllocator names = new NameAllocator();
        experiment.params().forEach(param -> names.newName(param.name()));
        String defaults = names.newName("defaults");
        if (!experiment.params().isEmpty()) {
            constructor.addStatement("$T $N = new $T()", type, defaults, type);
        }
        MethodSpec.Builder build = MethodSpec.methodBuilder("build")
                .addJavadoc("Returns the experiment with these values.\n")
                .addModifiers(Modifier.PUBLIC)
                .returns(self);
        for (ParamDescriptor param : experiment.params()) {
            spec.addField(FieldSpec.builder(param.declared(), param.name(), Modifier.PRIVATE)
                    .build());
            constructor.addStatement("$N = $N.$N", param.name(), defaults, param.name());
            spec.addMethod(setter(param));
            if (param.type().orElseThrow().isText()) {
                build.addStatement(
                        "$T.requireNonNull($N, $S)",
                        Objects.class,
                        param.name(),
                        "'" + param.name() + "' has no value: call " + param.name() + "(...) before build()");
            }
        }
        return spec.addMethod(constructor.build())
                .addMethod(build.addStatement("return new $T(this)", self).build())
                .build();
    }

    private MethodSpec setter(ParamDescriptor param) {
        CodeBlock value = param.type().orElseThrow() == ParamDescriptor.Type.TEXTS
                ? CodeBlock.of("$T.copyOf($N)", List.class, param.name())
                : CodeBlock.of("$N", param.name());
        return MethodSpec.methodBuilder(param.name())
                .addJavadoc("Sets $L\n", param.doc().isEmpty() ? "{@code " + param.name() + "}." : "it: " + param.doc())
                .addModifiers(Modifier.PUBLIC)
                .returns(builder)
                .addParameter(
                        ParameterSpec.builder(param.declared(), param.name()).build())
                .addStatement("this.$N = $L", param.name(), value)
                .addStatement("return this")
                .build();
    }
}
