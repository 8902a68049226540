package dev.sonde.onnx;

import java.nio.file.Path;

/** Where what is made from models is kept unless the options say otherwise. */
final class CacheFolder {
    private CacheFolder() {}

    static Path standard() {
        String named = System.getProperty("sonde.cache", "");
        return named.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache", "sonde") : Path.of(named);
    }
}
