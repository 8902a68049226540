package dev.sonde.processor;

import com.palantir.javapoet.TypeName;
import java.util.Optional;
import java.util.Set;
import javax.lang.model.element.Element;
import javax.lang.model.element.Modifier;

/**
 * One {@code @Param} field, as declared.
 *
 * @param where the field
 * @param name its name
 * @param type what it may hold, if that is supported
 * @param declared its type as written
 * @param modifiers its modifiers
 * @param token whether its text must be one token
 * @param doc first sentence of its Javadoc, or {@code ""}
 */
record ParamDescriptor(
        Element where,
        String name,
        Optional<Type> type,
        TypeName declared,
        Set<Modifier> modifiers,
        boolean token,
        String doc) {
    /** The supported types, with their kinds at the runner's command line. */
    enum Type {
        TEXT("java.lang.String", "TEXT"),
        TEXTS("java.util.List<java.lang.String>", "TEXT"),
        INT("int", "INTEGER"),
        LONG("long", "INTEGER"),
        DOUBLE("double", "NUMBER"),
        BOOLEAN("boolean", "TRUTH");

        private final String declared;
        private final String kind;

        Type(String declared, String kind) {
            this.declared = declared;
            this.kind = kind;
        }

        String kind() {
            return kind;
        }

        boolean isText() {
            return this == TEXT || this == TEXTS;
        }

        static Optional<Type> of(String declared) {
            for (Type type : values()) {
                if (type.declared.equals(declared)) {
                    return Optional.of(type);
                }
            }
            return Optional.empty();
        }
    }

    ParamDescriptor {
        modifiers = Set.copyOf(modifiers);
    }
}
