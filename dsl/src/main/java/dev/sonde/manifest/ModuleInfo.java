package dev.sonde.manifest;

import java.util.List;

/**
 * One module of the tree that the exporter left behind.
 *
 * @param path dotted path, such as {@code transformer.h.1.attn}; {@code ""} is the model
 * @param type class name where the exporter wrote it, else {@code ""}
 * @param calls how often it runs in one forward pass
 * @param sites names of its ports among the manifest's sites
 * @param callInputs axes of what {@code call} takes first, empty if the module cannot be called on another value
 */
public record ModuleInfo(String path, String type, int calls, List<String> sites, List<AxisInfo> callInputs) {
    /** Copies its lists. */
    public ModuleInfo {
        sites = List.copyOf(sites);
        callInputs = List.copyOf(callInputs);
    }
}
