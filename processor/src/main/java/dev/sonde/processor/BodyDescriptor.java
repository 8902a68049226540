package dev.sonde.processor;

import com.palantir.javapoet.TypeName;
import java.util.List;
import java.util.Set;
import javax.lang.model.element.Element;
import javax.lang.model.element.Modifier;

/**
 * One {@code @Body} method, as declared.
 *
 * @param where the method
 * @param name its name
 * @param modifiers its modifiers
 * @param signature as it is written, such as {@code Found body(Session)}
 * @param parameters qualified names of its parameters' types
 * @param checked checked exceptions that it declares
 * @param result what it returns
 */
record BodyDescriptor(
        Element where,
        String name,
        Set<Modifier> modifiers,
        String signature,
        List<String> parameters,
        List<String> checked,
        Result result) {
    /**
     * What a body returns.
     *
     * @param type as it is named in generated code
     * @param isRecord whether it is a record without type parameters
     * @param isHidden whether it or a class around it is private
     * @param components its components, if it is a record
     */
    record Result(TypeName type, boolean isRecord, boolean isHidden, List<Component> components) {
        Result {
            components = List.copyOf(components);
        }
    }

    /**
     * One component of a body's record.
     *
     * @param where the component, or the body if the record is compiled already
     * @param name its name
     * @param type its qualified type
     */
    record Component(Element where, String name, String type) {}

    BodyDescriptor {
        modifiers = Set.copyOf(modifiers);
        parameters = List.copyOf(parameters);
        checked = List.copyOf(checked);
    }
}
