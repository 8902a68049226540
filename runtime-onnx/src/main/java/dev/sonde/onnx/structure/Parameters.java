package dev.sonde.onnx.structure;

import dev.sonde.onnx.file.Rearranged;
import dev.sonde.onnx.structure.Modules.Instance;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Writes the parameters of the exported model under PyTorch's names and in its layout. */
final class Parameters {
    private static final Pattern NAME = Pattern.compile("[A-Za-z_]\\w*(\\.\\w+)+");

    private final Graph graph;
    private final Modules modules;
    private final Map<String, String> types;
    private final Weights weights;
    private final Set<String> folded = new HashSet<>();

    Parameters(Graph graph, Modules modules, Map<String, String> types, Weights weights) {
        this.graph = graph;
        this.modules = modules;
        this.types = types;
        this.weights = weights;
        graph.nodes.stream().filter(ScopeNames::hasFoldedNorm).forEach(node -> folded.addAll(node.getInputList()));
    }

    void write() {
        List<String> nameless = new ArrayList<>();
        for (var tensor : graph.file.skeleton().getGraph().getInitializerList()) {
            String value = tensor.getName();
            Optional<Rearranged> moved = graph.file.rearranged(value);
            if (moved.isPresent() && NAME.matcher(moved.get().source()).matches()) {
                weights.weight(moved.get().source(), value, back(moved.get().permutation()));
            }
            if (!NAME.matcher(value).matches()) {
                nameless.add(value);
            } else if (!folded.contains(value)) {
                weights.weight(value, value, View.IDENTITY);
            }
        }
        throughReaders(nameless);
    }

    private static View back(List<Integer> permutation) {
        return permutation.isEmpty()
                ? View.IDENTITY
                : View.of(new View.Transpose(IntStream.range(0, permutation.size())
                        .map(permutation::indexOf)
                        .boxed()
                        .toList()));
    }

    /** A matrix without a name is the weight of the module that multiplies with it, turned by the exporter. */
    private void throughReaders(List<String> nameless) {
        Map<String, List<String>> found = new LinkedHashMap<>();
        for (String value : nameless) {
            boolean matrix = graph.file
                    .constant(value)
                    .filter(each -> each.shape().length == 2)
                    .isPresent();
            if (matrix && !folded.contains(value)) {
                owner(value)
                        .ifPresent(path -> found.computeIfAbsent(path + ".weight", unused -> new ArrayList<>())
                                .add(value));
            }
        }
        found.forEach((name, values) -> {
            if (values.size() == 1) {
                weights.weight(
                        name,
                        values.get(0),
                        isTurned(values.get(0), name) ? View.of(new View.Transpose(List.of(1, 0))) : View.IDENTITY);
            } else {
                weights.absent(
                        name, "the file holds " + values.size() + " copies of it, one for each call of the module");
            }
        });
    }

    private boolean isTurned(String value, String name) {
        int reader = graph.consumers(value).get(0);
        String module = name.substring(0, name.length() - ".weight".length());
        boolean keeps = types.getOrDefault(module, "").equals("Conv1D");
        return graph.number(reader, "transB", 0) == 0 && !keeps;
    }

    /** The innermost module of all that multiply with a matrix. */
    private Optional<String> owner(String value) {
        Set<String> paths = new HashSet<>();
        for (int reader : graph.consumers(value)) {
            List<Instance> around = modules.around(reader);
            boolean second = Mlp.PRODUCTS.contains(graph.op(reader))
                    && graph.input(reader, 1).equals(value);
            paths.add(
                    second && !around.isEmpty() ? around.get(around.size() - 1).path() : "");
        }
        return paths.size() == 1 && !paths.contains("")
                ? Optional.of(paths.iterator().next())
                : Optional.empty();
    }
}
