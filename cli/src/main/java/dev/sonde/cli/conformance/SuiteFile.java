package dev.sonde.cli.conformance;

import java.nio.file.Path;
import java.util.Set;

/**
 * One exported file of a suite's model.
 *
 * @param key its name in the suite, such as {@code torchscript}
 * @param path where it lies
 * @param lacks capabilities that it does not have
 */
public record SuiteFile(String key, Path path, Set<String> lacks) {
    /** Copies its set. */
    public SuiteFile {
        lacks = Set.copyOf(lacks);
    }

    /** Returns whether this file may refuse any case, because nobody wrote down which sites it lost. */
    public boolean mayRefuse() {
        return lacks.contains("some_sites");
    }
}
