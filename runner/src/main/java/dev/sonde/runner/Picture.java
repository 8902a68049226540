package dev.sonde.runner;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** A picture that is drawn without a display and written as PNG. Immutable. */
public final class Picture {
    private static final Color[] PALETTE = {
        new Color(0x2166ac), new Color(0xd6604d), new Color(0x1b7837), new Color(0x762a83),
        new Color(0xe08214), new Color(0x35978f), new Color(0xc51b7d), new Color(0x555555)
    };

    private final BufferedImage image;

    private Picture(BufferedImage image) {
        this.image = image;
    }

    /** Returns a heat map: labelled cells in colours, with their values where these fit, and a colour bar. */
    public static Picture of(HeatMap map) {
        return new Picture(new HeatMapPainter(map).paint());
    }

    /**
     * Returns {@link HeatMap#of(String, String, String, List, List, double[][])} drawn.
     *
     * @throws IllegalArgumentException if the labels do not fit {@code values}
     */
    public static Picture heatMap(
            String title,
            String rowAxis,
            String columnAxis,
            List<String> rowLabels,
            List<String> columnLabels,
            double[][] values) {
        return of(HeatMap.of(title, rowAxis, columnAxis, rowLabels, columnLabels, values));
    }

    /**
     * Returns {@link HeatMap#tokens} drawn: a word in each cell, coloured by its probability.
     *
     * @throws IllegalArgumentException if labels or texts do not fit {@code probabilities}
     */
    public static Picture tokens(
            String title,
            String rowAxis,
            String columnAxis,
            List<String> rowLabels,
            List<String> columnLabels,
            String[][] texts,
            double[][] probabilities) {
        return of(HeatMap.tokens(title, rowAxis, columnAxis, rowLabels, columnLabels, texts, probabilities));
    }

    /**
     * Returns lines over 0, 1, 2, ...
     *
     * @param series the heights of each line's points, by the line's name; drawn in the map's order
     * @throws IllegalArgumentException if there is no series or one is empty
     */
    public static Picture lines(String title, String xLabel, String yLabel, Map<String, double[]> series) {
        Map<String, double[][]> points = new LinkedHashMap<>();
        series.forEach((name, heights) -> points.put(name, new double[][] {
            IntStream.range(0, heights.length).asDoubleStream().toArray(), heights
        }));
        return xy(title, xLabel, yLabel, points, XYSeries.XYSeriesRenderStyle.Line);
    }

    /**
     * Returns points.
     *
     * @param series {@code {x, y}} of each series, by its name; drawn in the map's order
     * @throws IllegalArgumentException if there is no series or one is empty
     */
    public static Picture scatter(String title, String xLabel, String yLabel, Map<String, double[][]> series) {
        return xy(title, xLabel, yLabel, series, XYSeries.XYSeriesRenderStyle.Scatter);
    }

    private static Picture xy(
            String title,
            String xLabel,
            String yLabel,
            Map<String, double[][]> series,
            XYSeries.XYSeriesRenderStyle style) {
        if (series.isEmpty()) {
            throw new IllegalArgumentException("Nothing to draw in '" + title + "': no series");
        }
        XYChart chart = new XYChartBuilder()
                .width(760)
                .height(440)
                .title(title)
                .xAxisTitle(xLabel)
                .yAxisTitle(yLabel)
                .build();
        style(chart.getStyler(), series.size());
        chart.getStyler().setDefaultSeriesRenderStyle(style);
        series.forEach((name, points) -> {
            XYSeries added = chart.addSeries(name, points[0], points[1]);
            added.setLineStyle(new BasicStroke(2f));
            added.setMarker(SeriesMarkers.CIRCLE);
        });
        double[] xs = series.values().stream()
                .flatMapToDouble(points -> Arrays.stream(points[0]))
                .toArray();
        chart.getStyler().setXAxisDecimalPattern(isWhole(xs) ? "0" : "0.###");
        return new Picture(Canvas.draw(760, 440, g -> chart.paint(g, 760, 440)));
    }

    private static boolean isWhole(double[] values) {
        return Arrays.stream(values).allMatch(value -> value == Math.rint(value));
    }

    /**
     * Returns one bar for each label, downwards for a negative value.
     *
     * @throws IllegalArgumentException if there are no labels, or not one for each value
     */
    public static Picture bars(String title, String xLabel, String yLabel, List<String> labels, double[] values) {
        if (labels.isEmpty() || labels.size() != values.length) {
            throw new IllegalArgumentException(labels.size() + " labels for " + values.length + " bars");
        }
        int width = Math.max(420, Math.min(1400, 160 + 34 * values.length));
        CategoryChart chart = new CategoryChartBuilder()
                .width(width)
                .height(440)
                .title(title)
                .xAxisTitle(xLabel)
                .yAxisTitle(yLabel)
                .build();
        style(chart.getStyler(), 1);
        int longest = labels.stream().mapToInt(Labels::columns).max().orElse(0);
        chart.getStyler().setXAxisLabelRotation(longest * 9 > (width - 100) / values.length ? 45 : 0);
        chart.getStyler().setXAxisTickMarkSpacingHint(10);
        chart.getStyler().setXAxisMaxLabelCount(values.length > 40 ? 40 : values.length);
        chart.getStyler().setAvailableSpaceFill(0.75);
        chart.addSeries(
                yLabel.isEmpty() ? "value" : yLabel,
                distinct(labels),
                Arrays.stream(values).boxed().toList());
        return new Picture(Canvas.draw(width, 440, g -> chart.paint(g, width, 440)));
    }

    /** XChart takes equal labels for one bar: thin spaces behind them keep equal tokens apart. */
    private static List<String> distinct(List<String> labels) {
        Map<String, Integer> seen = new LinkedHashMap<>();
        return labels.stream()
                .map(label -> Labels.shorten(label, 20))
                .map(label -> label + "\u2009".repeat(seen.merge(label, 1, Integer::sum) - 1))
                .toList();
    }

    private static void style(AxesChartStyler styler, int series) {
        styler.setChartBackgroundColor(Color.WHITE);
        styler.setPlotBorderVisible(false);
        styler.setChartTitleBoxVisible(false);
        styler.setChartTitleFont(Canvas.TITLE);
        styler.setAxisTitleFont(Canvas.LABEL);
        styler.setAxisTickLabelsFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
        styler.setLegendFont(Canvas.LABEL);
        styler.setLegendVisible(series > 1);
        styler.setLegendPosition(LegendPosition.OutsideE);
        styler.setLegendBorderColor(Color.WHITE);
        styler.setPlotGridLinesColor(new Color(0xdddddd));
        styler.setSeriesColors(PALETTE);
        styler.setMarkerSize(6);
        styler.setChartPadding(14);
    }

    /** Returns the width in pixels. */
    public int width() {
        return image.getWidth();
    }

    /** Returns the height in pixels. */
    public int height() {
        return image.getHeight();
    }

    /** Returns the PNG file's bytes. */
    public byte[] toPng() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            ImageIO.write(image, "png", out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /**
     * Writes a PNG file, making its folder if need be.
     *
     * @throws IOException if the file cannot be written
     */
    public void write(Path png) throws IOException {
        Path folder = png.toAbsolutePath().getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        Files.write(png, toPng());
    }

    /** Returns the size in pixels. */
    @Override
    public String toString() {
        return "Picture[" + width() + "x" + height() + "]";
    }
}
