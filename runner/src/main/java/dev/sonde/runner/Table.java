package dev.sonde.runner;

import static java.util.Objects.requireNonNull;

import dev.sonde.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A table of text: a header and rows of cells, numbers to the right.
 *
 * <p>{@link #toString()} is what a terminal shows; {@link Report#table} makes HTML of it. Long tables show their first
 * and last rows and columns. Immutable.
 */
public final class Table {
    private static final int MOST_ROWS = 40;
    private static final int MOST_COLUMNS = 16;
    private static final int WIDEST_CELL = 60;
    private static final String GAP = "…";

    private final List<String> header;
    private final List<List<String>> rows;

    private Table(List<String> header, List<List<String>> rows) {
        this.header = List.copyOf(header);
        this.rows = rows.stream().map(List::copyOf).toList();
    }

    /**
     * Returns a table of {@code rows}, each as long as {@code header}.
     *
     * @throws IllegalArgumentException if a row is longer or shorter
     */
    public static Table of(List<String> header, List<? extends List<String>> rows) {
        List<List<String>> copy = new ArrayList<>();
        for (List<String> row : rows) {
            if (row.size() != header.size()) {
                throw new IllegalArgumentException("Row " + copy.size() + " has " + row.size()
                        + " cells but the header has " + header.size() + ": " + row);
            }
            copy.add(row);
        }
        return new Table(header, copy);
    }

    /**
     * Returns a table of numbers with labels, all rounded to the same decimals.
     *
     * @param corner what the row labels are, such as {@code "layer"}
     * @throws IllegalArgumentException if the labels do not fit {@code values}
     */
    public static Table of(String corner, List<String> rowLabels, List<String> columnLabels, double[][] values) {
        checkLabels(rowLabels, columnLabels, values);
        NumberStyle style = NumberStyle.of(values, 4);
        List<String> header = new ArrayList<>(List.of(corner));
        header.addAll(columnLabels);
        List<List<String>> rows = new ArrayList<>();
        for (int i = 0; i < values.length; i++) {
            List<String> row = new ArrayList<>(List.of(rowLabels.get(i)));
            for (double value : values[i]) {
                row.add(style.format(value));
            }
            rows.add(row);
        }
        return new Table(header, rows);
    }

    /**
     * Returns a tensor of up to two axes as a table under its own axis names, labelled with indices; of a larger one,
     * the leading axes are kept as the rows' labels: {@code 0,3} is row 3 of the first matrix.
     */
    public static Table of(Tensor tensor) {
        long[] shape = tensor.shape();
        int columns = shape.length == 0 ? 1 : (int) shape[shape.length - 1];
        int count = columns == 0 ? 0 : tensor.count() / columns;
        double[] flat = tensor.toDoubles();
        double[][] values = new double[count][columns];
        List<String> labels = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            System.arraycopy(flat, i * columns, values[i], 0, columns);
            labels.add(index(i, shape));
        }
        List<String> names = tensor.names();
        String rowAxis = names.isEmpty() ? "" : String.join(",", names.subList(0, names.size() - 1));
        String columnAxis = names.isEmpty() ? "" : names.get(names.size() - 1);
        return of(axes(rowAxis, columnAxis), labels, indices(shape.length == 0 ? 0 : columns, columns), values);
    }

    /**
     * Returns a matrix as a table.
     *
     * @param rowLabels one for each row of {@code matrix}
     * @param columnLabels one for each column
     * @throws IllegalArgumentException if {@code matrix} has not two axes or the labels do not fit
     */
    public static Table of(Tensor matrix, List<String> rowLabels, List<String> columnLabels) {
        return of(axes(matrix.names()), rowLabels, columnLabels, HeatMap.rows(matrix));
    }

    private static String axes(List<String> names) {
        return names.size() == 2 ? axes(names.get(0), names.get(1)) : "";
    }

    private static String axes(String rows, String columns) {
        String shownRows = rows.replace(",", "").isEmpty() ? "" : rows;
        return shownRows.isEmpty() || columns.isEmpty() ? shownRows + columns : shownRows + " \\ " + columns;
    }

    private static List<String> indices(int labelled, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> i < labelled ? Integer.toString(i) : "")
                .toList();
    }

    private static String index(int row, long[] shape) {
        if (shape.length < 2) {
            return "";
        }
        List<String> parts = new ArrayList<>();
        int rest = row;
        for (int axis = shape.length - 2; axis >= 0; axis--) {
            parts.add(Long.toString(rest % shape[axis]));
            rest /= (int) shape[axis];
        }
        Collections.reverse(parts);
        return String.join(",", parts);
    }

    static void checkLabels(List<String> rowLabels, List<String> columnLabels, double[][] values) {
        requireNonNull(values, "values");
        if (rowLabels.size() != values.length) {
            throw new IllegalArgumentException(rowLabels.size() + " row labels for " + values.length + " rows");
        }
        for (int i = 0; i < values.length; i++) {
            if (columnLabels.size() != values[i].length) {
                throw new IllegalArgumentException(
                        columnLabels.size() + " column labels for " + values[i].length + " columns in row " + i);
            }
        }
    }

    List<String> header() {
        return header;
    }

    List<List<String>> rows() {
        return rows;
    }

    /** Returns whether every cell below the header is a number, so that the column stands to the right. */
    boolean isNumeric(int column) {
        return !rows.isEmpty() && rows.stream().allMatch(row -> isNumber(row.get(column)));
    }

    private static boolean isNumber(String cell) {
        return cell.matches("[-+]?(\\d[\\d_]*\\.?\\d*([eE][-+]?\\d+)?|inf)|nan|…|");
    }

    /** Returns the lines of the table, aligned, each ended by a line feed. */
    @Override
    public String toString() {
        List<List<String>> lines = new ArrayList<>();
        int[] columns = kept(header.size(), MOST_COLUMNS);
        lines.add(cells(header, columns));
        for (int row : kept(rows.size(), MOST_ROWS)) {
            lines.add(row < 0 ? Collections.nCopies(columns.length, GAP) : cells(rows.get(row), columns));
        }
        int[] widths = new int[columns.length];
        for (List<String> line : lines) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], Labels.columns(line.get(i)));
            }
        }
        StringBuilder out = new StringBuilder();
        for (List<String> line : lines) {
            appendLine(out, line, widths, columns);
        }
        return out.toString();
    }

    private void appendLine(StringBuilder out, List<String> line, int[] widths, int[] columns) {
        int start = out.length();
        for (int i = 0; i < widths.length; i++) {
            String pad = " ".repeat(widths[i] - Labels.columns(line.get(i)));
            boolean right = columns[i] >= 0 && isNumeric(columns[i]);
            out.append(i == 0 ? "" : "  ").append(right ? pad + line.get(i) : line.get(i) + pad);
        }
        int end = out.length();
        while (end > start && out.charAt(end - 1) == ' ') {
            end--;
        }
        out.setLength(end);
        out.append('\n');
    }

    private static List<String> cells(List<String> row, int[] columns) {
        List<String> cells = new ArrayList<>();
        for (int column : columns) {
            cells.add(column < 0 ? GAP : Labels.shorten(oneLine(row.get(column)), WIDEST_CELL));
        }
        return cells;
    }

    private static String oneLine(String cell) {
        return cell.replace('\n', '⏎').replace('\t', '⇥');
    }

    /** Returns all indices, or the first and last ones with -1 for the gap between them. */
    private static int[] kept(int count, int most) {
        if (count <= most) {
            return IntStream.range(0, count).toArray();
        }
        int tail = most / 2;
        return IntStream.concat(
                        IntStream.concat(IntStream.range(0, most - tail - 1), IntStream.of(-1)),
                        IntStream.range(count - tail, count))
                .toArray();
    }
}
