package dev.sonde.processor;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.FieldSpec;
import com.palantir.javapoet.JavaFile;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.ParameterSpec;
import com.palantir.javapoet.ParameterizedTypeName;
import com.palantir.javapoet.TypeName;
import com.palantir.javapoet.TypeSpec;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.processor.ModuleShape.Port;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.Element;
import javax.lang.model.element.Modifier;

/** Writes the class whose methods are a model's sites: by standard name, and by the exporter's module tree. */
final class HandlesGenerator {
    private static final Set<String> OBJECT =
            Set.of("getClass", "hashCode", "notify", "notifyAll", "toString", "wait", "clone", "finalize", "equals");
    private static final Set<String> TYPES = Set.of(
            "Site",
            "List",
            "Objects",
            "IntStream",
            "Generated",
            "String",
            "Any",
            "HeadResults",
            "Heads",
            "Ids",
            "Logits",
            "MlpHidden",
            "NormScale",
            "Pattern",
            "Residual",
            "Scores",
            "Layer",
            "Object",
            "Override",
            "Record");

    private final ModelManifest manifest;
    private final ClassName self;
    private final Element origin;
    private final Set<String> types = new HashSet<>(TYPES);
    private final TypeSpec.Builder handles;

    /** Methods of one class, none twice. */
    private static final class Members {
        private final Set<String> names = new HashSet<>(OBJECT);

        String unused(String wanted) {
            String name = SourceVersion.isKeyword(wanted) ? wanted + "_" : wanted;
            while (!names.add(name)) {
                name += "_";
            }
            return name;
        }
    }

    HandlesGenerator(ModelManifest manifest, ClassName self, Element origin) {
        this.manifest = manifest;
        this.self = self;
        this.origin = origin;
        this.types.add(self.simpleName());
        this.handles = TypeSpec.classBuilder(self);
    }

    JavaFile generate() {
        handles.addOriginatingElement(origin)
                .addAnnotation(ExperimentGenerator.generated())
                .addJavadoc(
                        "Sites of model {@code $L} (sha256 {@code $L}, written by $L).\n",
                        manifest.name(),
                        manifest.sha256()
                                .substring(0, Math.min(12, manifest.sha256().length())),
                        manifest.producer().isEmpty() ? "an unknown exporter" : manifest.producer())
                .addModifiers(Modifier.FINAL)
                .addMethod(MethodSpec.constructorBuilder()
                        .addModifiers(Modifier.PRIVATE)
                        .build());
        Members members = new Members();
        for (SiteInfo site : manifest.sites()) {
            if (!site.name().contains("#") && !site.name().startsWith("value:")) {
                handles.addMethod(port(
                        members.unused(Names.method(site.name())),
                        Port.of(site),
                        CodeBlock.of("$S", site.name()),
                        Modifier.STATIC));
            }
        }
        if (manifest.layers() > 0) {
            addLayers(members);
        }
        ModuleShape root = ModuleShape.of(manifest);
        addChildren(handles, members, root, "", CodeBlock.of(""), Modifier.STATIC);
        return ExperimentGenerator.file(self.packageName(), handles.build());
    }

    private void addLayers(Members members) {
        ClassName layer = self.nestedClass("Layer");
        handles.addField(FieldSpec.builder(TypeName.INT, "LAYERS", Modifier.STATIC, Modifier.FINAL)
                .addJavadoc("How many layers the model has.\n")
                .initializer("$L", manifest.layers())
                .build());
        handles.addMethod(MethodSpec.methodBuilder(members.unused("layers"))
                .addJavadoc("Returns all layers, the first one first.\n")
                .addModifiers(Modifier.STATIC)
                .returns(ParameterizedTypeName.get(ClassName.get(List.class), layer))
                .addStatement("return $T.range(0, LAYERS).mapToObj(Layer::new).toList()", IntStream.class)
                .build());
        handles.addMethod(MethodSpec.methodBuilder(members.unused("layer"))
                .addJavadoc("Returns layer {@code index}, counted from 0.\n")
                .addModifiers(Modifier.STATIC)
                .addParameter(TypeName.INT, "index")
                .returns(layer)
                .addStatement("return new Layer($T.checkIndex(index, LAYERS))", Objects.class)
                .build());
        TypeSpec.Builder type = record(layer, TypeName.INT, "index")
                .addJavadoc("One layer, by the names that all models share.\n\n@param index counted from 0\n");
        Members ports = new Members();
        ports.unused("index");
        layerPorts()
                .forEach((name, port) -> type.addMethod(port(
                        ports.unused(Names.method(name)),
                        port,
                        CodeBlock.of("$S + index + $S", "layers.", "#" + name))));
        handles.addType(type.build());
    }

    private Map<String, Port> layerPorts() {
        Map<String, Port> ports = new LinkedHashMap<>();
        for (SiteInfo site : manifest.sites()) {
            if (site.path().matches("layers\\.\\d+") && site.name().startsWith("layers.")) {
                ports.merge(site.port(), Port.of(site), Port::or);
            }
        }
        return ports;
    }

    /** Adds a method for each child; {@code path} is the code of the parent's path with a dot behind it, empty at the top. */
    private void addChildren(
            TypeSpec.Builder to,
            Members members,
            ModuleShape shape,
            String parent,
            CodeBlock path,
            Modifier... modifiers) {
        shape.children().forEach((segment, child) -> {
            ModuleShape item = child.item();
            if (item != null) {
                ClassName type = addType(item, segment, parent, "Block");
                to.addMethod(MethodSpec.methodBuilder(members.unused(Names.method(segment)))
                        .addJavadoc("Returns module {@code index} of $L, counted from 0.\n", child.items())
                        .addModifiers(modifiers)
                        .addParameter(TypeName.INT, "index")
                        .returns(type)
                        .addStatement(
                                "return new $T($L + $T.checkIndex(index, $L))",
                                type,
                                join(path, segment + "."),
                                Objects.class,
                                child.items())
                        .build());
            }
            if (!child.isOnlyList()) {
                ClassName type = addType(child, segment, parent, "");
                to.addMethod(MethodSpec.methodBuilder(members.unused(Names.method(segment)))
                        .addJavadoc("Returns module {@code $L}.\n", segment)
                        .addModifiers(modifiers)
                        .returns(type)
                        .addStatement("return new $T($L)", type, join(path, segment))
                        .build());
            }
        });
    }

    private static CodeBlock join(CodeBlock path, String more) {
        return path.isEmpty() ? CodeBlock.of("$S", more) : CodeBlock.of("$L + $S", path, "." + more);
    }

    private ClassName addType(ModuleShape shape, String segment, String parent, String suffix) {
        String name = Names.type(segment) + suffix;
        if (!types.add(name)) {
            name = parent + name;
            while (!types.add(name)) {
                name += "_";
            }
        }
        ClassName type = self.nestedClass(name);
        TypeSpec.Builder spec = record(type, ClassName.get(String.class), "path")
                .addJavadoc("Module {@code $L}.\n\n@param path where it is in the model\n", segment);
        Members members = new Members();
        members.unused("path");
        shape.ports()
                .forEach((port, info) -> spec.addMethod(port(
                        members.unused(Names.method(port.replace("(", "Call"))),
                        info,
                        CodeBlock.of("path + $S", "#" + port))));
        addChildren(spec, members, shape, name, CodeBlock.of("path"));
        handles.addType(spec.build());
        return type;
    }

    private static TypeSpec.Builder record(ClassName type, TypeName component, String name) {
        return TypeSpec.recordBuilder(type)
                .recordConstructor(MethodSpec.constructorBuilder()
                        .addParameter(ParameterSpec.builder(component, name).build())
                        .build());
    }

    private static MethodSpec port(String method, Port port, CodeBlock site, Modifier... modifiers) {
        ParameterizedTypeName type = Names.site(port.kind());
        MethodSpec.Builder spec = MethodSpec.methodBuilder(method)
                .addJavadoc("{@code $L}\n", port.shape())
                .addModifiers(modifiers)
                .returns(type);
        TypeName kind = type.typeArguments().get(0);
        return (kind.toString().endsWith(".Any")
                        ? spec.addStatement("return $T.of($L)", Names.SITE, site)
                        : spec.addStatement("return $T.of($L, $T.class)", Names.SITE, site, kind))
                .build();
    }
}
