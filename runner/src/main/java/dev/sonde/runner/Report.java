package dev.sonde.runner;

import static java.util.Objects.requireNonNull;

import java.awt.Color;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * A page of HTML that stands alone: styles and pictures are inside, nothing is fetched, light or dark as the reader's
 * system is. Every text is escaped. Not safe for many threads.
 */
public final class Report {
    private static final String STYLE = """
            :root{color-scheme:light dark;--ink:#1d2129;--soft:#5d6673;--line:#d9dee5;--page:#fff;--band:#f5f7f9}
            @media(prefers-color-scheme:dark){:root{--ink:#e4e7ec;--soft:#9aa4b2;--line:#39404b;--page:#15181d;--band:#1d2128}}
            body{margin:2rem auto;max-width:72rem;padding:0 1.2rem;background:var(--page);color:var(--ink);
            font:16px/1.5 system-ui,sans-serif}
            h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem}p{white-space:pre-wrap}
            figure{margin:1.4rem 0;overflow-x:auto}figcaption{font-weight:600;margin-bottom:.5rem}
            img{max-width:100%;height:auto;background:#fff;border-radius:4px}
            table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
            th,td{padding:.2rem .6rem;border-bottom:1px solid var(--line);text-align:left;white-space:pre}
            th{color:var(--soft);font-weight:500}td.n,th.n{text-align:right}
            tbody tr:nth-child(even) td{background:var(--band)}
            table.heat td{border:1px solid var(--page);padding:.15rem .45rem;text-align:center;min-width:2.2rem}
            table.heat th{border:0;white-space:nowrap}table.heat th.r{text-align:right}
            table.heat th.c{vertical-align:bottom;text-align:center}
            table.heat th.turned{padding:.3rem 0}table.heat th.turned span{writing-mode:vertical-rl;transform:rotate(180deg)}
            .bar{display:flex;align-items:center;gap:.6rem;margin-top:.6rem;font-size:.8rem;color:var(--soft)}
            .bar i{display:block;width:12rem;height:.8rem;border:1px solid var(--line)}
            table.facts td{overflow-wrap:anywhere;white-space:pre-wrap}
            pre{background:var(--band);padding:.8rem 1rem;overflow-x:auto;font-size:.85rem}
            """;

    private final String title;
    private final StringBuilder body = new StringBuilder();

    private Report(String title) {
        this.title = requireNonNull(title, "title");
    }

    /** Returns an empty report. */
    public static Report titled(String title) {
        return new Report(title);
    }

    /** Begins a section. */
    public Report section(String heading) {
        body.append("<h2>").append(escape(heading)).append("</h2>\n");
        return this;
    }

    /** Adds a paragraph; its line ends are kept. */
    public Report paragraph(String text) {
        body.append("<p>").append(escape(text)).append("</p>\n");
        return this;
    }

    /** Adds text as it is, such as a printed graph. */
    public Report code(String text) {
        body.append("<pre>").append(escape(text)).append("</pre>\n");
        return this;
    }

    /** Adds names and what they stand for, such as where the numbers come from; in the map's order. */
    public Report facts(Map<String, String> facts) {
        body.append("<table class=\"facts\"><tbody>\n");
        facts.forEach((name, value) -> body.append("<tr><th scope=\"row\">")
                .append(escape(name))
                .append("</th><td>")
                .append(escape(value))
                .append("</td></tr>\n"));
        body.append("</tbody></table>\n");
        return this;
    }

    /** Adds the whole of a table, whatever its size. */
    public Report table(String caption, Table table) {
        open(caption);
        body.append("<table><thead><tr>");
        for (int i = 0; i < table.header().size(); i++) {
            body.append(table.isNumeric(i) ? "<th class=\"n\">" : "<th>")
                    .append(escape(table.header().get(i)))
                    .append("</th>");
        }
        body.append("</tr></thead><tbody>\n");
        for (List<String> row : table.rows()) {
            body.append("<tr>");
            for (int i = 0; i < row.size(); i++) {
                body.append(table.isNumeric(i) ? "<td class=\"n\">" : "<td>")
                        .append(escape(row.get(i)))
                        .append("</td>");
            }
            body.append("</tr>\n");
        }
        body.append("</tbody></table></figure>\n");
        return this;
    }

    /** Adds a heat map whose cells say where they are, and their exact value, when pointed at. */
    public Report heatMap(HeatMap map) {
        open(map.title());
        String[][] texts = map.cellTexts(3);
        body.append("<table class=\"heat\"><tbody>\n");
        for (int row = 0; row < map.rows(); row++) {
            body.append("<tr><th class=\"r\" scope=\"row\">")
                    .append(escape(map.rowLabels().get(row)))
                    .append("</th>");
            for (int column = 0; column < map.columns(); column++) {
                appendCell(map, row, column, texts[row][column]);
            }
            body.append("</tr>\n");
        }
        boolean turned = map.columnLabels().stream().anyMatch(label -> label.length() > 6);
        body.append("<tr><th class=\"r\">").append(escape(axes(map))).append("</th>");
        for (String label : map.columnLabels()) {
            body.append(turned ? "<th class=\"c turned\" scope=\"col\"><span>" : "<th class=\"c\" scope=\"col\"><span>")
                    .append(escape(label))
                    .append("</span></th>");
        }
        body.append("</tr></tbody></table>\n");
        appendBar(map.scale());
        body.append("</figure>\n");
        return this;
    }

    private static String axes(HeatMap map) {
        return map.rowAxis().isEmpty() || map.columnAxis().isEmpty()
                ? map.rowAxis() + map.columnAxis()
                : map.rowAxis() + " \\ " + map.columnAxis();
    }

    private void appendCell(HeatMap map, int row, int column, String text) {
        double value = map.value(row, column);
        Color color = map.scale().color(value);
        String where = (map.rowAxis() + " " + map.rowLabels().get(row)).strip() + ", "
                + (map.columnAxis() + " " + map.columnLabels().get(column)).strip();
        body.append("<td style=\"background:")
                .append(ColorScale.css(color))
                .append(";color:")
                .append(ColorScale.css(ColorScale.ink(color)))
                .append("\" title=\"")
                .append(escape(where + ": " + (map.hasTexts() ? text + " " : "") + value))
                .append("\">")
                .append(escape(text))
                .append("</td>");
    }

    private void appendBar(ColorScale scale) {
        StringBuilder stops = new StringBuilder();
        for (int i = 0; i <= 10; i++) {
            stops.append(i == 0 ? "" : ",")
                    .append(ColorScale.css(scale.color(scale.low() + (scale.high() - scale.low()) * i / 10)));
        }
        NumberStyle style = NumberStyle.of(new double[] {scale.low(), scale.high()}, 3);
        body.append("<div class=\"bar\"><span>")
                .append(style.format(scale.low()))
                .append("</span><i style=\"background:linear-gradient(to right,")
                .append(stops)
                .append(")\"></i><span>")
                .append(style.format(scale.high()))
                .append("</span></div>\n");
    }

    /** Adds a picture; it travels inside the page. */
    public Report picture(String caption, Picture picture) {
        open(caption);
        body.append("<img alt=\"")
                .append(escape(caption))
                .append("\" width=\"")
                .append(picture.width() / Canvas.SCALE)
                .append("\" src=\"data:image/png;base64,")
                .append(Base64.getEncoder().encodeToString(picture.toPng()))
                .append("\"></figure>\n");
        return this;
    }

    private void open(String caption) {
        body.append("<figure>");
        if (!caption.isEmpty()) {
            body.append("<figcaption>").append(escape(caption)).append("</figcaption>");
        }
    }

    /** Returns the page. */
    public String toHtml() {
        return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                + "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>"
                + escape(title)
                + "</title>\n<style>\n"
                + STYLE
                + "</style>\n</head>\n<body>\n<h1>"
                + escape(title)
                + "</h1>\n"
                + body
                + "</body>\n</html>\n";
    }

    /**
     * Writes the page, making its folder if need be.
     *
     * @throws IOException if the file cannot be written
     */
    public void write(Path html) throws IOException {
        Path folder = html.toAbsolutePath().getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        Files.writeString(html, toHtml(), StandardCharsets.UTF_8);
    }

    /** Returns {@code text} as it may stand in an element or between double or single quotes. */
    static String escape(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        text.codePoints().forEach(point -> {
            switch (point) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> {
                    boolean allowed = point == '\n' || point == '\t' || (point >= 0x20 && point != 0x7f);
                    boolean lone = point >= 0xd800 && point <= 0xdfff;
                    out.appendCodePoint(allowed && !lone ? point : 0xfffd);
                }
            }
        });
        return out.toString();
    }
}
