package dev.sonde.acceptance;

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

/** Each code that the language throws has its heading in {@code docs/errors.md}. */
class ErrorsPageTest {
    private static final Pattern CODE = Pattern.compile("new SondeException\\(\\s*\"([a-z-]+)\"");

    @Test
    void everyCodeHasItsHeading() throws IOException {
        String page = Files.readString(Path.of("../docs/errors.md"));
        Set<String> codes = new TreeSet<>();
        try (Stream<Path> sources = Files.walk(Path.of("src/main/java"))) {
            for (Path source :
                    sources.filter(p -> p.toString().endsWith(".java")).toList()) {
                Matcher matcher = CODE.matcher(Files.readString(source));
                while (matcher.find()) {
                    codes.add(matcher.group(1));
                }
            }
        }
        assertThat(codes).contains("unknown-site", "shape-mismatch");
        assertThat(codes).allSatisfy(code -> assertThat(page).contains("\n## " + code + "\n"));
    }
}
