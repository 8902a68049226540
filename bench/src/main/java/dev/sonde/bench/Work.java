package dev.sonde.bench;

/** Work that is measured. */
interface Work {
    /** Does it once and returns the numbers that are checked, none if nothing is. */
    double[] run() throws Exception;
}
