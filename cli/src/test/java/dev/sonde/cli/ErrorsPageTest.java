package dev.sonde.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each code that any module throws or answers has its heading in {@code docs/errors.md}. */
class ErrorsPageTest {
    private static final Pattern CODE = Pattern.compile(
            "(?:SondeException|Refusal|Problem|problem)\\(\\s*(?:[\\w.()]+,\\s*)?\"([a-z]+(?:-[a-z]+)*)\"");

    @Test
    void everyCodeHasItsHeading() throws IOException {
        String page = Files.readString(Path.of("../docs/errors.md"));
        Set<String> codes = new TreeSet<>();
        try (Stream<Path> files = Files.walk(Path.of(".."))) {
            for (Path source : files.filter(file -> file.toString().endsWith(".java"))
                    .filter(file -> file.toString().contains("src/main/java"))
                    .toList()) {
                Matcher matcher = CODE.matcher(Files.readString(source));
                while (matcher.find()) {
                    codes.add(matcher.group(1));
                }
            }
        }
        codes.remove("divides"); // internal: it never leaves the reader of constants
        assertThat(codes).contains("unknown-site", "queue-full", "two-bodies", "worker-died");
        assertThat(codes).allSatisfy(code -> assertThat(page).contains("\n## " + code + "\n"));
    }
}
