package dev.sonde.cli.conformance;

import dev.sonde.Model;

/** Opens the files of a suite, here or elsewhere. */
public interface ModelSource {
    /**
     * Opens one file of a suite's model; the caller closes it.
     *
     * @throws dev.sonde.SondeException if it cannot be opened
     */
    Model open(String model, SuiteFile file);
}
