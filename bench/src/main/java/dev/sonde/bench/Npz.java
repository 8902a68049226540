package dev.sonde.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Reads NumPy's archives of float32, float64 and int64 arrays; other arrays are left out. */
final class Npz {
    private static final int MAGIC = 6;

    private Npz() {}

    /** Returns the arrays' numbers in order, by name; empty if there is no such file. */
    static Map<String, double[]> read(Path file) {
        Map<String, double[]> arrays = new HashMap<>();
        if (!Files.exists(file)) {
            return arrays;
        }
        try (InputStream in = Files.newInputStream(file);
                ZipInputStream zip = new ZipInputStream(in)) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                String name = entry.getName().replaceFirst("\\.npy$", "");
                double[] numbers = array(zip.readAllBytes());
                if (numbers.length > 0) {
                    arrays.put(name, numbers);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file, e);
        }
        return arrays;
    }

    private static double[] array(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        boolean old = bytes[MAGIC] == 1;
        int length = old ? buffer.getShort(MAGIC + 2) : buffer.getInt(MAGIC + 2);
        int start = MAGIC + 2 + (old ? 2 : 4);
        String header = new String(bytes, start, length, StandardCharsets.ISO_8859_1);
        buffer.position(start + length);
        ByteBuffer data = buffer.slice().order(ByteOrder.LITTLE_ENDIAN);
        if (header.contains("'fortran_order': True")) {
            return new double[0];
        }
        if (header.contains("'<f4'")) {
            double[] numbers = new double[data.remaining() / Float.BYTES];
            java.util.Arrays.setAll(numbers, i -> data.getFloat(i * Float.BYTES));
            return numbers;
        }
        if (header.contains("'<f8'")) {
            double[] numbers = new double[data.remaining() / Double.BYTES];
            java.util.Arrays.setAll(numbers, i -> data.getDouble(i * Double.BYTES));
            return numbers;
        }
        if (header.contains("'<i8'")) {
            double[] numbers = new double[data.remaining() / Long.BYTES];
            java.util.Arrays.setAll(numbers, i -> data.getLong(i * Long.BYTES));
            return numbers;
        }
        return new double[0];
    }
}
