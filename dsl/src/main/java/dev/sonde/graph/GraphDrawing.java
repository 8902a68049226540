package dev.sonde.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Draws a graph as SVG: runs on the left, each value to the right of what it is computed from, the printed line in each box. */
final class GraphDrawing {
    private static final int CHARACTERS = 40;
    private static final double CHARACTER = 6.7;
    private static final int LINE = 34;
    private static final int BOX = 22;
    private static final int GAP = 60;
    private static final int MARGIN = 16;

    private final InterventionGraph graph;
    private final List<Box> boxes = new ArrayList<>();
    private final List<int[]> arrows = new ArrayList<>();

    /** One line of the printed graph. */
    private static final class Box {
        final String text;
        final String colour;
        int column;
        int row;

        Box(String text, String colour, int column) {
            this.text = text;
            this.colour = colour;
            this.column = column;
        }

        String shown() {
            return text.length() <= CHARACTERS ? text : text.substring(0, CHARACTERS - 1) + "…";
        }

        double width() {
            return shown().length() * CHARACTER + 12;
        }
    }

    private GraphDrawing(InterventionGraph graph) {
        this.graph = graph;
    }

    static String svg(InterventionGraph graph) {
        return new GraphDrawing(graph).draw();
    }

    private String draw() {
        List<String> lines = GraphPrinter.lines(graph);
        int runs = graph.runs().size();
        for (int i = 0; i < runs; i++) {
            add(lines.get(boxes.size()), "#dbe9f6", List.of());
        }
        for (int i = 0; i < graph.nodes().size(); i++) {
            add(lines.get(boxes.size()), "#f7f7f7", behind(graph.nodes().get(i)));
        }
        for (Effect effect : graph.effects()) {
            List<Integer> behind = values(effect.inputs());
            behind.add(effect.run());
            add(lines.get(boxes.size()), "#fde0c5", behind);
        }
        for (int id : graph.saves().values()) {
            add(lines.get(boxes.size()), "#d9efd6", values(List.of(id)));
        }
        place();
        return print();
    }

    private List<Integer> behind(Node node) {
        List<Integer> behind = values(node.inputs());
        if (node instanceof Node.Read read) {
            behind.add(read.run());
        } else if (node instanceof Node.Call call) {
            behind.add(call.run());
        }
        return behind;
    }

    /** Returns the boxes of values, which stand behind those of the runs. */
    private List<Integer> values(List<Integer> ids) {
        List<Integer> values = new ArrayList<>();
        ids.forEach(id -> values.add(graph.runs().size() + id));
        return values;
    }

    private void add(String text, String colour, List<Integer> behind) {
        int column = 0;
        for (int each : behind) {
            column = Math.max(column, boxes.get(each).column + 1);
            arrows.add(new int[] {each, boxes.size()});
        }
        boxes.add(new Box(text, colour, column));
    }

    private void place() {
        Map<Integer, Integer> rows = new HashMap<>();
        boxes.forEach(box -> box.row = rows.merge(box.column, 1, Integer::sum) - 1);
    }

    private String print() {
        Map<Integer, Double> left = left();
        double width = boxes.stream()
                .mapToDouble(box -> left.getOrDefault(box.column, 0.0) + box.width())
                .max()
                .orElse(0);
        int height = boxes.stream().mapToInt(box -> box.row * LINE + BOX).max().orElse(0);
        StringBuilder svg = new StringBuilder(String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%d\" font-family=\"monospace\""
                        + " font-size=\"11\">\n<title>Experiment</title>\n",
                width + MARGIN,
                height + 2 * MARGIN));
        arrows.forEach(arrow -> svg.append(arrow(boxes.get(arrow[0]), boxes.get(arrow[1]), left)));
        boxes.forEach(box -> svg.append(box(box, left)));
        return svg.append("</svg>\n").toString();
    }

    private Map<Integer, Double> left() {
        Map<Integer, Double> widest = new HashMap<>();
        boxes.forEach(box -> widest.merge(box.column, box.width(), Math::max));
        Map<Integer, Double> left = new HashMap<>();
        double x = MARGIN;
        for (int column = 0; column < widest.size(); column++) {
            left.put(column, x);
            x += widest.getOrDefault(column, 0.0) + GAP;
        }
        return left;
    }

    private static String arrow(Box from, Box to, Map<Integer, Double> left) {
        double x = left.getOrDefault(from.column, 0.0) + from.width();
        double end = left.getOrDefault(to.column, 0.0);
        int y = MARGIN + from.row * LINE + BOX / 2;
        int endY = MARGIN + to.row * LINE + BOX / 2;
        double middle = (x + end) / 2;
        return String.format(
                Locale.ROOT,
                "<path d=\"M%.0f %d C%.0f %d %.0f %d %.0f %d\" fill=\"none\" stroke=\"#999\"/>\n",
                x,
                y,
                middle,
                y,
                middle,
                endY,
                end,
                endY);
    }

    private static String box(Box box, Map<Integer, Double> left) {
        double x = left.getOrDefault(box.column, 0.0);
        int y = MARGIN + box.row * LINE;
        return String.format(
                Locale.ROOT,
                "<g><title>%s</title><rect x=\"%.0f\" y=\"%d\" width=\"%.0f\" height=\"%d\" rx=\"4\" fill=\"%s\""
                        + " stroke=\"#777\"/><text x=\"%.0f\" y=\"%d\">%s</text></g>\n",
                escaped(box.text),
                x,
                y,
                box.width(),
                BOX,
                box.colour,
                x + 6,
                y + 15,
                escaped(box.shown()));
    }

    /** What XML gives a meaning, and what it does not allow. */
    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replaceAll("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ufffe\\uffff]", "�");
    }
}
