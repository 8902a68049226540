package dev.sonde.runner;

import static java.util.Objects.requireNonNull;

import dev.sonde.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A matrix with a name for each row and column, to be shown in colours: as a {@link Picture} or in a {@link Report}.
 *
 * <p>Colours run from blue over white at zero to red unless {@link #sequential()} asks otherwise. Row 0 is at the top.
 * {@link Double#NaN} is a cell that was not measured. Immutable.
 */
public final class HeatMap {
    private final String title;
    private final String rowAxis;
    private final String columnAxis;
    private final List<String> rowLabels;
    private final List<String> columnLabels;
    private final double[][] values;
    private final String @Nullable [][] texts;
    private final ColorScale scale;

    private HeatMap(
            String title,
            String rowAxis,
            String columnAxis,
            List<String> rowLabels,
            List<String> columnLabels,
            double[][] values,
            String @Nullable [][] texts,
            ColorScale scale) {
        this.title = requireNonNull(title, "title");
        this.rowAxis = requireNonNull(rowAxis, "rowAxis");
        this.columnAxis = requireNonNull(columnAxis, "columnAxis");
        this.rowLabels = List.copyOf(rowLabels);
        this.columnLabels = List.copyOf(columnLabels);
        this.values = values;
        this.texts = texts;
        this.scale = scale;
    }

    /**
     * Returns a heat map of {@code values[row][column]}.
     *
     * @param rowAxis what the rows are, such as {@code "layer"}
     * @param columnAxis what the columns are, such as {@code "position"}
     * @throws IllegalArgumentException if the labels do not fit {@code values}
     */
    public static HeatMap of(
            String title,
            String rowAxis,
            String columnAxis,
            List<String> rowLabels,
            List<String> columnLabels,
            double[][] values) {
        Table.checkLabels(rowLabels, columnLabels, values);
        double[][] copy = Arrays.stream(values).map(double[]::clone).toArray(double[][]::new);
        return new HeatMap(title, rowAxis, columnAxis, rowLabels, columnLabels, copy, null, ColorScale.diverging(copy));
    }

    /**
     * Returns a heat map of a matrix, rows and columns numbered and its axis names beside them.
     *
     * @throws IllegalArgumentException if {@code matrix} has not two axes
     */
    public static HeatMap of(String title, Tensor matrix) {
        double[][] values = rows(matrix);
        List<String> names = matrix.names();
        return of(title, names.get(0), names.get(1), numbers(values.length), numbers((int) matrix.size(1)), values);
    }

    /**
     * Returns a heat map of words, such as a logit lens: each cell shows its text, coloured by a probability.
     *
     * <p>The texts are made visible by {@link Labels#visible(String)}; colours run from 0 to 1.
     *
     * @param rowAxis what the rows are, such as {@code "layer"}
     * @param columnAxis what the columns are, such as {@code "position"}
     * @throws IllegalArgumentException if labels or texts do not fit {@code probabilities}
     */
    public static HeatMap tokens(
            String title,
            String rowAxis,
            String columnAxis,
            List<String> rowLabels,
            List<String> columnLabels,
            String[][] texts,
            double[][] probabilities) {
        HeatMap plain = of(title, rowAxis, columnAxis, rowLabels, columnLabels, probabilities);
        String[][] shown = new String[probabilities.length][];
        for (int i = 0; i < shown.length; i++) {
            if (texts.length != shown.length || texts[i].length != probabilities[i].length) {
                throw new IllegalArgumentException("The texts do not fit the probabilities in row " + i);
            }
            shown[i] = Arrays.stream(texts[i]).map(Labels::visible).toArray(String[]::new);
        }
        return new HeatMap(
                title,
                rowAxis,
                columnAxis,
                plain.rowLabels,
                plain.columnLabels,
                plain.values,
                shown,
                ColorScale.sequential(0, 1));
    }

    /** Returns this heat map in shades of one colour, from its smallest to its largest value. */
    public HeatMap sequential() {
        return new HeatMap(
                title, rowAxis, columnAxis, rowLabels, columnLabels, values, texts, ColorScale.sequential(values));
    }

    /** Returns the rows of a tensor of two axes. */
    static double[][] rows(Tensor matrix) {
        if (matrix.rank() != 2) {
            throw new IllegalArgumentException("Expected a tensor of two axes but was " + matrix.describe());
        }
        double[] flat = matrix.toDoubles();
        int columns = (int) matrix.size(1);
        return IntStream.range(0, (int) matrix.size(0))
                .mapToObj(i -> Arrays.copyOfRange(flat, i * columns, (i + 1) * columns))
                .toArray(double[][]::new);
    }

    private static List<String> numbers(int count) {
        return IntStream.range(0, count).mapToObj(Integer::toString).toList();
    }

    String title() {
        return title;
    }

    String rowAxis() {
        return rowAxis;
    }

    String columnAxis() {
        return columnAxis;
    }

    List<String> rowLabels() {
        return rowLabels;
    }

    List<String> columnLabels() {
        return columnLabels;
    }

    int rows() {
        return rowLabels.size();
    }

    int columns() {
        return columnLabels.size();
    }

    double value(int row, int column) {
        return values[row][column];
    }

    ColorScale scale() {
        return scale;
    }

    boolean hasTexts() {
        return texts != null;
    }

    /** Returns what stands in a cell: its word, or its number with {@code digits} significant digits. */
    String[][] cellTexts(int digits) {
        if (texts != null) {
            return texts;
        }
        NumberStyle style = NumberStyle.of(values, digits);
        return Arrays.stream(values)
                .map(row -> Arrays.stream(row).mapToObj(style::format).toArray(String[]::new))
                .toArray(String[][]::new);
    }

    /** Returns this heat map's numbers as a table. */
    public Table toTable() {
        return Table.of(rowAxis, rowLabels, columnLabels, values);
    }

    /** Returns title and size. */
    @Override
    public String toString() {
        return "HeatMap '" + title + "' [" + rowAxis + "=" + rows() + ", " + columnAxis + "=" + columns() + "]";
    }
}
