package dev.sonde.runner;

import dev.sonde.spi.Control;
import java.io.Console;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * One line on a terminal that says how far long work has come; silent where nobody watches.
 *
 * <p>It is a {@link Control} that never cancels. Safe for many threads.
 */
public final class Progress implements Control, AutoCloseable {
    private static final long NANOS_BETWEEN = Duration.ofMillis(100).toNanos();
    private static final int BAR = 24;

    private final String label;
    private final PrintStream out;
    private final boolean shown;
    private final LongSupplier nanoTime;
    private final long started;
    private long lastShown;
    private int width;
    private boolean closed;

    Progress(String label, PrintStream out, boolean shown, LongSupplier nanoTime) {
        this.label = label;
        this.out = out;
        this.shown = shown;
        this.nanoTime = nanoTime;
        this.started = nanoTime.getAsLong();
        this.lastShown = started - NANOS_BETWEEN;
    }

    /**
     * Returns progress on the error stream, shown if a terminal is attached. The environment variable
     * {@code SONDE_PROGRESS}, {@code always} or {@code never}, decides otherwise.
     *
     * @param label what is being done, such as {@code "patching"}
     */
    public static Progress start(String label) {
        String wish = System.getenv("SONDE_PROGRESS");
        boolean shown = "always".equals(wish) || (!"never".equals(wish) && hasTerminal());
        return new Progress(label, System.err, shown, System::nanoTime);
    }

    /** Since Java 22 there may be a console without a terminal; it says so by a method that Java 17 does not have. */
    @SuppressWarnings("SystemConsoleNull")
    private static boolean hasTerminal() {
        Console console = System.console();
        if (console == null || "dumb".equals(System.getenv("TERM"))) {
            return false;
        }
        try {
            return (Boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException e) {
            return true;
        }
    }

    /** Shows {@code done} of {@code total}, at most ten times a second and always the last. */
    @Override
    public synchronized void progress(long done, long total) {
        long now = nanoTime.getAsLong();
        if (!shown || closed || (now - lastShown < NANOS_BETWEEN && done < total)) {
            return;
        }
        lastShown = now;
        show(line(done, total, Duration.ofNanos(now - started)));
    }

    private String line(long done, long total, Duration taken) {
        double share = total <= 0 ? 0 : Math.min(1, done / (double) total);
        int full = (int) (share * BAR);
        String left = share <= 0 || share >= 1
                ? time(taken)
                : time(Duration.ofMillis((long) (taken.toMillis() * (1 / share - 1)))) + " left";
        return String.format(
                Locale.ROOT, "%s [%s%s] %d/%d, %s", label, "#".repeat(full), ".".repeat(BAR - full), done, total, left);
    }

    private static String time(Duration duration) {
        long seconds = duration.toSeconds();
        return seconds < 60 ? seconds + " s" : String.format(Locale.ROOT, "%d:%02d min", seconds / 60, seconds % 60);
    }

    private void show(String line) {
        out.print("\r" + line + " ".repeat(Math.max(0, width - line.length())));
        out.flush();
        width = line.length();
    }

    /** Wipes the line, so that what is printed next has it for itself. */
    @Override
    public synchronized void close() {
        if (!closed && width > 0) {
            out.print("\r" + " ".repeat(width) + "\r");
            out.flush();
        }
        closed = true;
    }
}
