package dev.sonde;

import dev.sonde.kind.Any;

/**
 * A place of a model that can be read and edited. Sites are plain values: keep them in lists, pass them to methods, sweep
 * over them. Typed ones come from generated handles, dynamic ones from {@link #of(String)}.
 *
 * @param <K> what sort of value it carries
 * @param name {@code path#port}, a standard name such as {@code layers.3#resid_post}, or an alias
 */
// The parameter has no member: it is what javac checks a patch by.
@SuppressWarnings("UnusedTypeParameter")
public record Site<K extends Any>(String name) {
    /** Returns the site of that name, whose kind is not known to the compiler. */
    public static Site<Any> of(String name) {
        return new Site<>(name);
    }

    /** Returns the site of that name, claimed to be of a kind; the manifest has the last word on its shape. */
    public static <K extends Any> Site<K> of(String name, Class<K> kind) {
        java.util.Objects.requireNonNull(kind, "kind");
        return new Site<>(name);
    }

    @Override
    public String toString() {
        return name;
    }
}
