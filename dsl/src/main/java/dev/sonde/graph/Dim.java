package dev.sonde.graph;

/**
 * One axis of a value.
 *
 * @param name its name, {@code ""} if it has none
 * @param size its size; {@link #UNKNOWN} where only the run will tell
 */
public record Dim(String name, long size) {
    /** The size that nothing before the run tells. */
    public static final long UNKNOWN = -1;

    /** Returns the unnamed axis of that size. */
    public static Dim of(long size) {
        return new Dim("", size);
    }

    /** Returns whether indices along this axis are positions of a prompt. */
    public boolean isOfPositions() {
        return name.equals("position") || name.equals("query") || name.equals("key");
    }

    @Override
    public String toString() {
        String text = size == UNKNOWN ? "?" : Long.toString(size);
        return name.isEmpty() ? text : name + "=" + text;
    }
}
