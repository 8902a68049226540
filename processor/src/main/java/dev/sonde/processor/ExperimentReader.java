package dev.sonde.processor;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.TypeName;
import dev.sonde.Body;
import dev.sonde.Experiment;
import dev.sonde.Param;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.RecordComponentElement;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;
import javax.lang.model.util.ElementFilter;
import javax.lang.model.util.Elements;
import javax.lang.model.util.Types;
import org.jspecify.annotations.Nullable;

/** Turns annotated classes into plain values; judges nothing. */
final class ExperimentReader {
    private static final Pattern INLINE_TAG = Pattern.compile("\\{@\\w+\\s+([^{}]*)}");

    private final Elements elements;
    private final Types types;

    ExperimentReader(Elements elements, Types types) {
        this.elements = elements;
        this.types = types;
    }

    /** Returns whether all types that matter are there; some may be written by other processors in this round. */
    boolean isComplete(TypeElement type) {
        for (ExecutableElement body : bodies(type)) {
            if (isMissing(body.getReturnType())
                    || body.getParameters().stream().anyMatch(p -> isMissing(p.asType()))
                    || resultComponents(body).stream().anyMatch(c -> isMissing(c.asType()))) {
                return false;
            }
        }
        return params(type).stream().noneMatch(field -> isMissing(field.asType()));
    }

    private static boolean isMissing(TypeMirror type) {
        return type.getKind() == TypeKind.ERROR
                || (type instanceof DeclaredType declared
                        && declared.getTypeArguments().stream().anyMatch(ExperimentReader::isMissing));
    }

    ExperimentDescriptor read(TypeElement type) {
        Experiment annotation = type.getAnnotation(Experiment.class);
        String model = annotation.model();
        String handles = annotation.handles();
        return new ExperimentDescriptor(
                type,
                ClassName.get(type),
                type.getKind(),
                type.getModifiers(),
                !type.getTypeParameters().isEmpty(),
                type.getNestingKind().isNested() && !type.getModifiers().contains(Modifier.STATIC),
                hasAround(type, Modifier.PRIVATE),
                isPublic(type),
                ElementFilter.constructorsIn(type.getEnclosedElements()).stream()
                        .anyMatch(ExperimentReader::isCallable),
                text(elements.getDocComment(type)),
                model,
                handles.isEmpty() ? Names.handles(model) : handles,
                params(type).stream().map(this::readParam).toList(),
                bodies(type).stream().map(this::readBody).toList(),
                inherited(type));
    }

    private static boolean isCallable(ExecutableElement constructor) {
        return constructor.getParameters().isEmpty()
                && constructor.getThrownTypes().isEmpty()
                && !constructor.getModifiers().contains(Modifier.PRIVATE);
    }

    private static List<VariableElement> params(TypeElement type) {
        return ElementFilter.fieldsIn(type.getEnclosedElements()).stream()
                .filter(field -> field.getAnnotation(Param.class) != null)
                .toList();
    }

    private static List<ExecutableElement> bodies(TypeElement type) {
        return ElementFilter.methodsIn(type.getEnclosedElements()).stream()
                .filter(method -> method.getAnnotation(Body.class) != null)
                .toList();
    }

    private List<Element> inherited(TypeElement type) {
        List<Element> found = new ArrayList<>();
        Element above = types.asElement(type.getSuperclass());
        while (above instanceof TypeElement superclass) {
            found.addAll(params(superclass));
            found.addAll(bodies(superclass));
            above = types.asElement(superclass.getSuperclass());
        }
        return found;
    }

    private ParamDescriptor readParam(VariableElement field) {
        TypeName declared = TypeName.get(field.asType());
        return new ParamDescriptor(
                field,
                field.getSimpleName().toString(),
                ParamDescriptor.Type.of(declared.toString()),
                declared,
                field.getModifiers(),
                field.getAnnotation(Param.class).token(),
                firstSentence(text(elements.getDocComment(field))));
    }

    private BodyDescriptor readBody(ExecutableElement method) {
        String name = method.getSimpleName().toString();
        String parameters = method.getParameters().stream()
                .map(parameter -> simple(parameter.asType()))
                .collect(Collectors.joining(", "));
        return new BodyDescriptor(
                method,
                name,
                method.getModifiers(),
                simple(method.getReturnType()) + " " + name + "(" + parameters + ")",
                method.getParameters().stream()
                        .map(parameter -> TypeName.get(parameter.asType()).toString())
                        .toList(),
                method.getThrownTypes().stream()
                        .filter(this::isChecked)
                        .map(ExperimentReader::simple)
                        .toList(),
                readResult(method));
    }

    private BodyDescriptor.Result readResult(ExecutableElement body) {
        @Nullable Element result = types.asElement(body.getReturnType());
        TypeName name = TypeName.get(body.getReturnType());
        if (!(result instanceof TypeElement type) || type.getKind() != ElementKind.RECORD) {
            return new BodyDescriptor.Result(name, false, false, List.of());
        }
        boolean isInProject = elements.getPackageOf(type).equals(elements.getPackageOf(body));
        List<BodyDescriptor.Component> components = resultComponents(body).stream()
                .map(component -> new BodyDescriptor.Component(
                        isInProject ? component : body,
                        component.getSimpleName().toString(),
                        TypeName.get(component.asType()).toString()))
                .toList();
        return new BodyDescriptor.Result(
                name, type.getTypeParameters().isEmpty(), hasAround(type, Modifier.PRIVATE), components);
    }

    private List<? extends RecordComponentElement> resultComponents(ExecutableElement body) {
        return types.asElement(body.getReturnType()) instanceof TypeElement type
                ? type.getRecordComponents()
                : List.of();
    }

    private boolean isChecked(TypeMirror thrown) {
        return !isSubtype(thrown, "java.lang.RuntimeException") && !isSubtype(thrown, "java.lang.Error");
    }

    private boolean isSubtype(TypeMirror type, String ancestor) {
        @Nullable TypeElement element = elements.getTypeElement(ancestor);
        return element != null && types.isSubtype(type, element.asType());
    }

    private static boolean hasAround(TypeElement type, Modifier modifier) {
        @Nullable Element each = type;
        while (each instanceof TypeElement) {
            if (each.getModifiers().contains(modifier)) {
                return true;
            }
            each = each.getEnclosingElement();
        }
        return false;
    }

    private static boolean isPublic(TypeElement type) {
        @Nullable Element each = type;
        while (each instanceof TypeElement) {
            if (!each.getModifiers().contains(Modifier.PUBLIC)) {
                return false;
            }
            each = each.getEnclosingElement();
        }
        return true;
    }

    /** Returns {@code Saved<Tensor>} for {@code dev.sonde.Saved<dev.sonde.Tensor>}. */
    static String simple(TypeMirror type) {
        return simple(TypeName.get(type).toString());
    }

    static String simple(String type) {
        return type.replaceAll("\\b(?:[a-z]\\w*\\.)+", "");
    }

    /** Returns Javadoc without tags, markup and line ends. */
    private static String text(@Nullable String javadoc) {
        if (javadoc == null) {
            return "";
        }
        String main = javadoc.split("(?m)^\\s*@\\w", 2)[0].split("<pre>", 2)[0];
        return INLINE_TAG
                .matcher(main)
                .replaceAll("$1")
                .replaceAll("<[^>]*>", "")
                .replaceAll("\\s+", " ")
                .strip();
    }

    private static String firstSentence(String text) {
        return text.split("(?<=\\.)\\s", 2)[0];
    }
}
