package dev.sonde.runner;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/** Lays a heat map out and draws it. All sizes are in points, of which a picture has {@link Canvas#SCALE} pixels. */
final class HeatMapPainter {
    private static final int EDGE = 14;
    private static final int LONGEST_LABEL = 24;
    private static final int BAR_WIDTH = 14;
    private static final Color INK = new Color(0x222222);
    private static final Color GRID = new Color(0xffffff);

    private final HeatMap map;
    private final FontMetrics small = Canvas.metrics(Canvas.SMALL);
    private final FontMetrics label = Canvas.metrics(Canvas.LABEL);
    private final FontMetrics bold = Canvas.metrics(Canvas.TITLE);
    private final String[][] texts;
    private final boolean showsTexts;
    private final int cellWidth;
    private final int cellHeight;
    private final List<String> rowLabels;
    private final List<String> columnLabels;
    private final List<String> barLabels = new ArrayList<>();
    private final double columnTurn;
    private final List<String> titleLines;
    private final int left;
    private final int top;
    private final int width;
    private final int height;
    private final int axisTop;

    HeatMapPainter(HeatMap map) {
        this.map = map;
        this.texts = map.cellTexts(3);
        rowLabels = shortened(map.rowLabels());
        columnLabels = shortened(map.columnLabels());
        int widest = 0;
        for (String[] row : texts) {
            for (int i = 0; i < row.length; i++) {
                row[i] = map.hasTexts() ? Labels.shorten(row[i], 14) : row[i];
                widest = Math.max(widest, small.stringWidth(row[i]));
            }
        }
        int columns = Math.max(1, map.columns());
        int roomy = Math.max(36, widest + 10);
        showsTexts = roomy * columns <= 1500 && map.rows() <= 60;
        cellWidth = showsTexts ? roomy : Math.max(6, Math.min(28, 1000 / columns));
        cellHeight = showsTexts ? 24 : Math.max(6, Math.min(Math.max(cellWidth, 14), 800 / Math.max(1, map.rows())));

        int longestRow = longest(rowLabels);
        int longestColumn = longest(columnLabels);
        columnTurn = longestColumn + 6 <= cellWidth ? 0 : cellWidth >= 20 ? Math.PI / 4 : Math.PI / 2;
        int columnRoom = columnTurn == 0
                ? label.getHeight()
                : (int) (Math.sin(columnTurn) * longestColumn + Math.cos(columnTurn) * label.getHeight()) + 4;
        int firstColumn =
                columns == 0 || columnLabels.isEmpty() || columnTurn != Math.PI / 4 ? 0 : leftOverhang(columnLabels);
        left = EDGE + (map.rowAxis().isEmpty() ? 0 : label.getHeight() + 8) + Math.max(longestRow + 8, firstColumn);
        NumberStyle style =
                NumberStyle.of(new double[] {map.scale().low(), map.scale().high(), quarter(1)}, 3);
        for (int i = 0; i <= 4; i++) {
            barLabels.add(style.format(quarter(i)));
        }
        int gridWidth = cellWidth * map.columns();
        int wanted = left + gridWidth + 24 + BAR_WIDTH + 8 + longestSmall(barLabels) + EDGE;
        int titleWidth = bold.stringWidth(map.title()) + 2 * EDGE;
        width = Math.max(wanted, Math.min(titleWidth, 560));
        titleLines = Canvas.wrap(map.title(), bold, width - 2 * EDGE);
        top = EDGE + titleLines.size() * (bold.getHeight() + 2) + 8;
        int axis = map.columnAxis().isEmpty() ? 0 : label.getHeight() + 6;
        axisTop = top + gridHeight() + 6 + columnRoom + 6;
        height = Math.max(axisTop + axis, top + 90) + EDGE;
    }

    private int leftOverhang(List<String> labels) {
        int most = 0;
        for (int i = 0; i < labels.size(); i++) {
            int reach = (int) (Math.cos(columnTurn) * label.stringWidth(labels.get(i))) + 6;
            most = Math.max(most, reach - i * cellWidth - cellWidth / 2);
        }
        return most;
    }

    private double quarter(int i) {
        return map.scale().low() + (map.scale().high() - map.scale().low()) * i / 4;
    }

    private static List<String> shortened(List<String> labels) {
        return labels.stream().map(text -> Labels.shorten(text, LONGEST_LABEL)).toList();
    }

    private int longest(List<String> labels) {
        return labels.stream().mapToInt(label::stringWidth).max().orElse(0);
    }

    private int longestSmall(List<String> labels) {
        return labels.stream().mapToInt(small::stringWidth).max().orElse(0);
    }

    private int gridHeight() {
        return cellHeight * map.rows();
    }

    /** Returns where a cell is in the picture, in pixels. */
    Rectangle cellPixels(int row, int column) {
        int scale = Canvas.SCALE;
        return new Rectangle(
                (left + column * cellWidth) * scale,
                (top + row * cellHeight) * scale,
                cellWidth * scale,
                cellHeight * scale);
    }

    BufferedImage paint() {
        return Canvas.draw(width, height, g -> {
            paintTitle(g);
            paintCells(g);
            paintRowLabels(g);
            paintColumnLabels(g);
            paintBar(g);
        });
    }

    private void paintTitle(Graphics2D g) {
        g.setFont(Canvas.TITLE);
        g.setColor(INK);
        int y = EDGE + bold.getAscent();
        for (String line : titleLines) {
            g.drawString(line, EDGE, y);
            y += bold.getHeight() + 2;
        }
    }

    private void paintCells(Graphics2D g) {
        g.setFont(Canvas.SMALL);
        for (int row = 0; row < map.rows(); row++) {
            for (int column = 0; column < map.columns(); column++) {
                int x = left + column * cellWidth;
                int y = top + row * cellHeight;
                Color color = map.scale().color(map.value(row, column));
                g.setColor(color);
                g.fillRect(x, y, cellWidth, cellHeight);
                if (showsTexts) {
                    String text = texts[row][column];
                    g.setColor(ColorScale.ink(color));
                    g.drawString(
                            text,
                            x + (cellWidth - small.stringWidth(text)) / 2f,
                            y + (cellHeight + small.getAscent() - small.getDescent()) / 2f);
                }
            }
        }
        if (cellWidth >= 12 && cellHeight >= 12) {
            paintGrid(g);
        }
        g.setColor(new Color(0x888888));
        g.setStroke(new BasicStroke(1));
        g.drawRect(left, top, cellWidth * map.columns(), gridHeight());
    }

    private void paintGrid(Graphics2D g) {
        g.setColor(GRID);
        g.setStroke(new BasicStroke(1));
        for (int row = 1; row < map.rows(); row++) {
            g.drawLine(left, top + row * cellHeight, left + cellWidth * map.columns(), top + row * cellHeight);
        }
        for (int column = 1; column < map.columns(); column++) {
            g.drawLine(left + column * cellWidth, top, left + column * cellWidth, top + gridHeight());
        }
    }

    private void paintRowLabels(Graphics2D g) {
        g.setFont(Canvas.LABEL);
        g.setColor(INK);
        int step = everyNth(cellHeight);
        for (int row = 0; row < map.rows(); row += step) {
            String text = rowLabels.get(row);
            float y = top + row * cellHeight + (cellHeight + label.getAscent() - label.getDescent()) / 2f;
            g.drawString(text, left - 8 - label.stringWidth(text), y);
        }
        if (!map.rowAxis().isEmpty()) {
            AffineTransform before = g.getTransform();
            g.translate(EDGE + label.getAscent(), top + gridHeight() / 2.0);
            g.rotate(-Math.PI / 2);
            g.drawString(map.rowAxis(), -label.stringWidth(map.rowAxis()) / 2f, 0);
            g.setTransform(before);
        }
    }

    private int everyNth(int size) {
        return Math.max(1, (int) Math.ceil((label.getHeight() - 3) / (double) size));
    }

    private void paintColumnLabels(Graphics2D g) {
        g.setFont(Canvas.LABEL);
        g.setColor(INK);
        int y = top + gridHeight() + 6;
        int step = columnTurn == Math.PI / 2 ? everyNth(cellWidth) : 1;
        for (int column = 0; column < map.columns(); column += step) {
            String text = columnLabels.get(column);
            double middle = left + (column + 0.5) * cellWidth;
            if (columnTurn == 0) {
                g.drawString(text, (float) (middle - label.stringWidth(text) / 2.0), y + label.getAscent());
            } else {
                AffineTransform before = g.getTransform();
                g.translate(middle + label.getAscent() * 0.4, y + (columnTurn == Math.PI / 2 ? 0 : 6));
                g.rotate(-columnTurn);
                g.drawString(text, -label.stringWidth(text), 0);
                g.setTransform(before);
            }
        }
        if (!map.columnAxis().isEmpty()) {
            float x = left + (cellWidth * map.columns() - label.stringWidth(map.columnAxis())) / 2f;
            g.drawString(map.columnAxis(), Math.max(EDGE, x), axisTop + label.getAscent());
        }
    }

    private void paintBar(Graphics2D g) {
        int x = left + cellWidth * map.columns() + 24;
        int tall = Math.max(gridHeight(), 90);
        for (int i = 0; i < tall; i++) {
            double share = 1 - (i + 0.5) / tall;
            g.setColor(map.scale()
                    .color(map.scale().low()
                            + share * (map.scale().high() - map.scale().low())));
            g.fillRect(x, top + i, BAR_WIDTH, 1);
        }
        g.setColor(new Color(0x888888));
        g.setStroke(new BasicStroke(1));
        g.drawRect(x, top, BAR_WIDTH, tall);
        g.setFont(Canvas.SMALL);
        g.setColor(INK);
        for (int i = 0; i <= 4; i++) {
            int y = top + Math.round(tall * (4 - i) / 4f);
            g.drawLine(x + BAR_WIDTH, y, x + BAR_WIDTH + 3, y);
            g.drawString(barLabels.get(i), x + BAR_WIDTH + 7, y + small.getAscent() / 2f - 1);
        }
    }
}
