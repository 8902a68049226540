package dev.sonde.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The tests that {@code docs/features.md} names are there, and every promise has one. */
class FeaturesPageTest {
    private static final Pattern ROW = Pattern.compile("(?m)^\\| ([A-Z]\\d+) \\|(.*)\\|$");
    private static final Pattern TEST = Pattern.compile("`(\\w+)#(\\w+)`");
    private static final Pattern CASE = Pattern.compile("case `(\\w+)`");
    private static final Pattern CASE_NAME = Pattern.compile("\"name\": \"(\\w+)\"");

    private static Map<String, String> rows() throws IOException {
        Map<String, String> rows = new TreeMap<>();
        Matcher lines = ROW.matcher(Files.readString(Path.of("../docs/features.md")));
        while (lines.find()) {
            assertThat(rows.put(lines.group(1), lines.group(2)))
                    .as(lines.group(1) + " twice")
                    .isNull();
        }
        return rows;
    }

    private static List<Path> files(String end) throws IOException {
        try (Stream<Path> files = Files.walk(Path.of(".."))) {
            return files.filter(file ->
                            file.toString().contains("src") && !file.toString().contains("/target/"))
                    .filter(file -> file.toString().endsWith(end))
                    .toList();
        }
    }

    @Test
    void everyTestThatIsNamedIsThere() throws IOException {
        Map<String, String> sources = new TreeMap<>();
        for (Path file : files("Test.java")) {
            String name = file.getFileName().toString().replace(".java", "");
            sources.merge(name, Files.readString(file), String::concat);
        }
        Set<String> missing = new TreeSet<>();
        rows().forEach((id, text) -> {
            Matcher tests = TEST.matcher(text);
            int count = 0;
            for (; tests.find(); count++) {
                Pattern method = Pattern.compile("@(Test|ParameterizedTest|TestFactory)\\b[^{}]*(\\{[^{}]*}[^{}]*)?\\b"
                        + tests.group(2) + "\\(");
                if (!method.matcher(sources.getOrDefault(tests.group(1), "")).find()) {
                    missing.add(id + ": " + tests.group());
                }
            }
            assertThat(count).as("tests of " + id).isPositive();
        });
        assertThat(missing).isEmpty();
    }

    @Test
    void everyCaseThatIsNamedIsInASuite() throws IOException {
        Set<String> known = new HashSet<>();
        for (Path file : files("/cases.json")) {
            Matcher names = CASE_NAME.matcher(Files.readString(file));
            while (names.find()) {
                known.add(names.group(1));
            }
        }
        rows().values().forEach(text -> {
            Matcher cases = CASE.matcher(text);
            while (cases.find()) {
                assertThat(known).contains(cases.group(1));
            }
        });
    }

    @Test
    void everyPromiseIsListed() throws IOException {
        List<String> language = IntStream.rangeClosed(1, 34)
                .filter(i -> !Set.of(20, 21, 23, 24, 25, 28).contains(i)) // pages of their own
                .mapToObj(i -> "L" + i)
                .toList();
        assertThat(rows().keySet())
                .containsAll(language)
                .contains(
                        "W1", "W7", "R1", "R4", "P1", "P3", "N1", "N4", "K1", "O1", "O2", "E1", "E4", "Q1", "Q3", "H1");
    }
}
