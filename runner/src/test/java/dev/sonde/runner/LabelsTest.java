package dev.sonde.runner;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LabelsTest {
    @ParameterizedTest
    @CsvSource(
            ignoreLeadingAndTrailingWhitespace = false,
            value = {" Paris,␣Paris", "'\n\n',⏎⏎", "a\tb,a⇥b", "'',∅", "'  ',␣␣", "é日😀,é日😀"})
    void whatIsInvisibleBecomesASign(String token, String shown) {
        assertThat(Labels.visible(token)).isEqualTo(shown);
    }

    @Test
    void controlAndFormatCharactersShowTheirCode() {
        assertThat(Labels.visible("\u0007\u200b\u00a0\r")).isEqualTo("\\u0007\\u200b\\u00a0\\u000d");
    }

    @Test
    void cutsBetweenCharactersNotInsideThem() {
        assertThat(Labels.shorten("😀😀😀😀", 3)).isEqualTo("😀😀…");
        assertThat(Labels.shorten("abc", 3)).isEqualTo("abc");
    }
}
