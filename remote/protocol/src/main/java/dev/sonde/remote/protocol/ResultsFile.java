package dev.sonde.remote.protocol;

import dev.sonde.Safetensors;
import dev.sonde.spi.Results;
import java.nio.ByteBuffer;

/** The file form of results: a safetensors file with the provenance in its metadata. */
public final class ResultsFile {
    private ResultsFile() {}

    /** Returns the file's bytes. */
    public static byte[] write(Results results) {
        return new Safetensors(results.saved(), results.provenance()).toBytes();
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @param where what to call the bytes in errors
     * @throws dev.sonde.SondeException {@code bad-safetensors} if they are no such file
     */
    public static Results read(ByteBuffer bytes, String where) {
        Safetensors file = Safetensors.read(bytes, where);
        return new Results(file.tensors(), file.metadata());
    }
}
