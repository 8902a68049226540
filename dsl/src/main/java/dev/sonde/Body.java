package dev.sonde;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks the method that records an {@link Experiment}: {@code R body(Session s)}, where {@code R} is a record whose
 * components are all {@code Saved<Tensor>}. Their names become the names of the results.
 */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.METHOD)
public @interface Body {}
