package dev.sonde;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a field of an {@link Experiment} as a parameter; its initialiser is the default. The field is neither private,
 * final nor static, and a {@code String}, {@code int}, {@code long}, {@code double}, {@code boolean} or {@code
 * List<String>}.
 */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.FIELD)
public @interface Param {
    /** Returns whether the text must be one token of the model; checked before the body records. */
    boolean token() default false;
}
