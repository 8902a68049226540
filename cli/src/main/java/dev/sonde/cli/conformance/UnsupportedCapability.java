package dev.sonde.cli.conformance;

/** A case asks for something that this runner, or the model that it runs on, cannot do yet. */
final class UnsupportedCapability extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String capability;

    UnsupportedCapability(String capability) {
        super("unsupported: " + capability);
        this.capability = capability;
    }

    String capability() {
        return capability;
    }
}
