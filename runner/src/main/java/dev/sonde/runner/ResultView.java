package dev.sonde.runner;

import dev.sonde.Model;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.spi.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Shows results whose meaning is not known: positions under their tokens, all else under numbers. */
final class ResultView {
    private static final int MOST_CELLS = 4000;
    private static final int MOST_COLUMNS = 64;

    private final InterventionGraph graph;
    private final Optional<Tokenizer> tokenizer;
    private final Words words;

    ResultView(Model model, InterventionGraph graph, Map<String, Tensor> results) {
        this.graph = graph;
        this.tokenizer = model.backend().tokenizer();
        this.words = new Words(model.manifest(), graph, results);
    }

    /** Returns a result as text: a number, or its type and a table. */
    String text(String name, Tensor tensor) {
        if (tensor.count() == 1) {
            return name + " = " + NumberStyle.of(tensor.toDoubles(), 6).format(tensor.item()) + "\n";
        }
        return name + ": " + tensor.describe() + "\n" + (tensor.count() == 0 ? "" : table(name, tensor));
    }

    void addTo(Report report, String name, Tensor tensor) {
        if (tensor.rank() == 2
                && words.tokens(name).isEmpty()
                && tensor.count() > 1
                && tensor.count() <= MOST_CELLS
                && tensor.size(1) <= MOST_COLUMNS) {
            report.heatMap(heatMap(name, name, tensor));
        } else if (tensor.count() > 0 && tensor.count() <= MOST_CELLS) {
            report.table(name + ": " + tensor.describe(), table(name, tensor));
        } else {
            report.code(text(name, tensor));
        }
    }

    /** Returns a picture of a matrix or vector that is not too large for one. */
    Optional<Picture> picture(String experiment, String name, Tensor tensor) {
        boolean drawable = words.tokens(name).isEmpty() && tensor.count() > 1 && tensor.count() <= MOST_CELLS;
        String title = experiment + ": " + name;
        if (drawable && tensor.rank() == 2 && tensor.size(1) <= MOST_COLUMNS) {
            return Optional.of(Picture.of(heatMap(title, name, tensor)));
        }
        if (drawable && tensor.rank() == 1 && tensor.count() <= MOST_COLUMNS) {
            return Optional.of(Picture.bars(title, tensor.names().get(0), name, labels(tensor, 0), tensor.toDoubles()));
        }
        return Optional.empty();
    }

    /** Returns tokens made visible. */
    private Optional<List<String>> words(Optional<long[]> ids) {
        return tokenizer.flatMap(t -> ids.map(all ->
                Arrays.stream(all).mapToObj(id -> Labels.visible(t.decode(id))).toList()));
    }

    private HeatMap heatMap(String title, String name, Tensor tensor) {
        Optional<List<String>> texts = words(words.tokensOf(name));
        if (texts.isPresent()) {
            int columns = (int) tensor.size(1);
            String[][] cells = new String[(int) tensor.size(0)][];
            for (int i = 0; i < cells.length; i++) {
                cells[i] = texts.get().subList(i * columns, (i + 1) * columns).toArray(String[]::new);
            }
            return HeatMap.tokens(
                    title,
                    tensor.names().get(0),
                    tensor.names().get(1),
                    labels(tensor, 0),
                    labels(tensor, 1),
                    cells,
                    HeatMap.rows(tensor));
        }
        HeatMap map = HeatMap.of(
                title,
                tensor.names().get(0),
                tensor.names().get(1),
                labels(tensor, 0),
                labels(tensor, 1),
                HeatMap.rows(tensor));
        // Two colours are for what goes both ways.
        boolean oneWay = Arrays.stream(tensor.toDoubles()).noneMatch(value -> value < 0);
        return oneWay ? map.sequential() : map;
    }

    private Table table(String name, Tensor tensor) {
        Optional<List<String>> texts = words(words.tokens(name));
        if (texts.isPresent() && tensor.rank() == 2) {
            int columns = (int) tensor.size(1);
            List<String> header = new ArrayList<>(
                    List.of(tensor.names().get(0) + " \\ " + tensor.names().get(1)));
            header.addAll(labels(tensor, 1));
            List<List<String>> rows = new ArrayList<>();
            for (int i = 0; i < tensor.size(0); i++) {
                List<String> row = new ArrayList<>(List.of(labels(tensor, 0).get(i)));
                row.addAll(texts.get().subList(i * columns, (i + 1) * columns));
                rows.add(row);
            }
            return Table.of(header, rows);
        }
        return tensor.rank() == 2 ? Table.of(tensor, labels(tensor, 0), labels(tensor, 1)) : Table.of(tensor);
    }

    private List<String> labels(Tensor tensor, int axis) {
        int size = (int) tensor.size(axis);
        if (List.of("position", "query", "key").contains(tensor.names().get(axis))) {
            Optional<List<String>> tokens = tokens(size);
            if (tokens.isPresent()) {
                return tokens.get();
            }
        }
        return IntStream.range(0, size).mapToObj(Integer::toString).toList();
    }

    /** Returns the tokens of the prompts of that length; where few prompts differ, their tokens side by side. */
    private Optional<List<String>> tokens(int length) {
        List<List<Long>> prompts = graph.runs().stream()
                .filter(RunInput.Tokens.class::isInstance)
                .flatMap(run -> ((RunInput.Tokens) run).ids().stream())
                .filter(ids -> ids.size() == length)
                .distinct()
                .toList();
        boolean few = prompts.size() == 1 || prompts.size() == 2;
        return tokenizer
                .filter(t -> few)
                .map(t -> IntStream.range(0, length)
                        .mapToObj(i -> prompts.stream()
                                .map(ids -> Labels.visible(t.decode(ids.get(i))))
                                .distinct()
                                .collect(Collectors.joining("/")))
                        .toList());
    }
}
