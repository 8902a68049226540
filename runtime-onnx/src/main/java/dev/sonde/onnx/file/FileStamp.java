package dev.sonde.onnx.file;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.concurrent.TimeUnit;

/** What tells cheaply that a file is still the one it was: size, times, and the file system's own number for it. */
record FileStamp(String text, long modifiedMillis) {
    private static final boolean HAS_CHANGE_TIME =
            FileSystems.getDefault().supportedFileAttributeViews().contains("unix");

    static FileStamp of(Path file) throws IOException {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        Object changed = HAS_CHANGE_TIME ? Files.getAttribute(file, "unix:ctime") : "";
        return new FileStamp(
                attributes.size() + " " + attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS) + " " + changed + " "
                        + attributes.fileKey(),
                attributes.lastModifiedTime().toMillis());
    }
}
