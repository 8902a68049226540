package dev.sonde.processor;

import com.palantir.javapoet.ClassName;
import java.util.List;
import java.util.Set;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.TypeElement;

/**
 * An {@code @Experiment} class, as declared.
 *
 * @param where the class
 * @param type its name
 * @param kind class, interface, ...
 * @param modifiers its modifiers
 * @param isGeneric whether it has type parameters
 * @param isInner whether its instances belong to instances of an outer class
 * @param isHidden whether it or a class around it is private
 * @param isPublic whether it and all classes around it are public
 * @param isConstructible whether there is a constructor without parameters that its package may call
 * @param doc its Javadoc as plain text, or {@code ""}
 * @param model what {@code @Experiment} names, or {@code ""}
 * @param handles the handles' simple name
 * @param params its parameters in the order of their declaration
 * @param bodies its bodies
 * @param inherited parameters and bodies that its superclasses declare
 */
record ExperimentDescriptor(
        TypeElement where,
        ClassName type,
        ElementKind kind,
        Set<Modifier> modifiers,
        boolean isGeneric,
        boolean isInner,
        boolean isHidden,
        boolean isPublic,
        boolean isConstructible,
        String doc,
        String model,
        String handles,
        List<ParamDescriptor> params,
        List<BodyDescriptor> bodies,
        List<Element> inherited) {
    ExperimentDescriptor {
        modifiers = Set.copyOf(modifiers);
        params = List.copyOf(params);
        bodies = List.copyOf(bodies);
        inherited = List.copyOf(inherited);
    }

    BodyDescriptor body() {
        return bodies.get(0);
    }
}
