package dev.sonde.runner;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final AtomicLong nanos = new AtomicLong();

    @Test
    void showsOneLineAndWipesIt() {
        try (Progress progress = progress(true)) {
            nanos.addAndGet(10_000_000_000L);
            progress.progress(1, 4);
            progress.progress(2, 4);
            nanos.addAndGet(2_000_000_000L);
            progress.progress(4, 4);
        }
        String first = "patching [######..................] 1/4, 30 s left";
        String last = "patching [########################] 4/4, 12 s";
        assertThat(bytes.toString(UTF_8))
                .as("2/4 came at the same instant as 1/4 and is left out")
                .isEqualTo("\r" + first + "\r" + last + " ".repeat(5) + "\r" + " ".repeat(45) + "\r");
    }

    @Test
    void isSilentWhereNobodyWatches() {
        try (Progress progress = progress(false)) {
            progress.progress(4, 4);
        }
        assertThat(bytes.size()).isZero();
    }

    private Progress progress(boolean shown) {
        return new Progress("patching", new PrintStream(bytes, true, UTF_8), shown, nanos::get);
    }
}
