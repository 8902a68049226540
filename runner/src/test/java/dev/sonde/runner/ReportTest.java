package dev.sonde.runner;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
    private static final String EVIL = "<script>alert('\"&\")</script>";
    private static final String TAME = "&lt;script&gt;alert(&#39;&quot;&amp;&quot;)&lt;/script&gt;";

    @Test
    void everyTextIsEscaped() {
        HeatMap map = HeatMap.of(EVIL, EVIL, EVIL, List.of(EVIL), List.of(EVIL), new double[][] {{1}});
        HeatMap words = HeatMap.tokens(
                EVIL, EVIL, EVIL, List.of(EVIL), List.of(EVIL), new String[][] {{EVIL}}, new double[][] {{1}});
        String html = Report.titled(EVIL)
                .section(EVIL)
                .paragraph(EVIL)
                .code(EVIL)
                .facts(Map.of(EVIL, EVIL))
                .table(EVIL, Table.of(List.of(EVIL), List.of(List.of(EVIL))))
                .heatMap(map)
                .heatMap(words)
                .picture(EVIL, Picture.of(map))
                .toHtml();
        assertThat(html).doesNotContain("<script").contains("<title>" + TAME + "</title>");
        assertThat(html.split(Pattern.quote(TAME), -1)).as("occurrences").hasSizeGreaterThan(18);
    }

    @Test
    void escapesWhatHtmlDoesNotAllow() {
        assertThat(Report.escape("a\u0000b\ud800c\n")).isEqualTo("a\ufffdb\ufffdc\n");
    }

    @Test
    void cellsShowTheRoundedAndHoldTheExactNumber() {
        String html = Report.titled("t")
                .heatMap(
                        HeatMap.of("m", "layer", "position", List.of("3"), List.of("␣is"), new double[][] {{0.123456}}))
                .toHtml();
        assertThat(html)
                .contains("<td style=\"background:#67001f;color:#ffffff\" title=\"layer 3, position ␣is: 0.123456\">"
                        + "0.123</td>");
    }

    @Test
    void tablesAreWhole() {
        String html = Report.titled("t")
                .table("Scores", Table.of("layer", List.of("0"), List.of("a"), new double[][] {{2.5}}))
                .toHtml();
        assertThat(html).contains("""
                <figure><figcaption>Scores</figcaption><table><thead><tr><th class="n">layer</th><th class="n">a</th></tr></thead><tbody>
                <tr><td class="n">0</td><td class="n">2.500</td></tr>
                </tbody></table></figure>
                """);
    }

    @Test
    void standsAlone(@TempDir Path folder) throws IOException {
        HeatMap map = HeatMap.of("m", "r", "c", List.of("0"), List.of("a"), new double[][] {{1}});
        Path page = folder.resolve("new/out.html");
        Report.titled("t").picture("p", Picture.of(map)).heatMap(map).write(page);
        String html = Files.readString(page);
        assertThat(html)
                .startsWith("<!doctype html>")
                .contains("src=\"data:image/png;base64,iVBORw0KGgo")
                .contains("prefers-color-scheme:dark")
                .doesNotContain("http:", "https:", "<link", "@import", "url(");
    }
}
