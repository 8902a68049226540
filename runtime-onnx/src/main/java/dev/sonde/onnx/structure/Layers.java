package dev.sonde.onnx.structure;

import dev.sonde.onnx.structure.Modules.Instance;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Finds the blocks that a model repeats, and numbers them stack by stack. */
final class Layers {
    private static final String NUMBERED = "(.*\\.)?\\d+";

    private final Graph graph;
    private final Shapes shapes;
    private final Modules modules;
    private final Ports ports;
    private final Sums sums;

    Layers(Graph graph, Shapes shapes, Modules modules, Ports ports, Sums sums) {
        this.graph = graph;
        this.shapes = shapes;
        this.modules = modules;
        this.ports = ports;
        this.sums = sums;
    }

    List<Layer> of(List<Attention> attentions) {
        Map<Instance, List<Attention>> blocks = new LinkedHashMap<>();
        List<Layer> alone = new ArrayList<>();
        for (Attention attention : attentions) {
            Optional<Instance> block = block(attention, attentions);
            block.ifPresent(each ->
                    blocks.computeIfAbsent(each, unused -> new ArrayList<>()).add(attention));
            if (block.isEmpty()) {
                alone.add(new Layer(aloneName(attention, alone.size()), block, List.of(attention)));
            }
        }
        Map<String, List<Instance>> stacks = stacks(blocks.keySet());
        List<Layer> layers = new ArrayList<>();
        Map<String, String> names = names(stacks.keySet());
        stacks.forEach((stack, members) -> {
            for (int i = 0; i < members.size(); i++) {
                Instance block = members.get(i);
                String name = names.get(stack) + "layers." + i;
                layers.add(new Layer(name, Optional.of(block), blocks.getOrDefault(block, List.of())));
            }
        });
        layers.addAll(alone);
        return layers;
    }

    /** Attention outside any list of blocks: the layer of a file without modules, or something beside the stack. */
    private String aloneName(Attention attention, int number) {
        List<Instance> around = modules.around(attention.softmax());
        return around.isEmpty()
                ? "layers." + number
                : around.get(around.size() - 1).path();
    }

    /** The largest numbered module that is one block: all that attends in it, but for the first, attends to another stream. */
    private Optional<Instance> block(Attention attention, List<Attention> all) {
        return modules.around(attention.softmax()).stream()
                .filter(module -> module.path().matches(NUMBERED))
                .filter(module -> isOneBlock(
                        all.stream().filter(each -> module.has(each.softmax())).toList()))
                .findFirst();
    }

    private boolean isOneBlock(List<Attention> inside) {
        return inside.size() <= 2 && inside.stream().skip(1).allMatch(each -> isCross(each, inside.get(0)));
    }

    private boolean isCross(Attention later, Attention earlier) {
        return !sums.dependsOn(graph.input(later.mix(), 1), graph.output(earlier.mix()));
    }

    /** Blocks between those that attend belong to the stack too; without attention, what keeps the form of a stream is a block. */
    private Map<String, List<Instance>> stacks(Collection<Instance> attending) {
        Set<String> wanted = new LinkedHashSet<>();
        attending.forEach(each -> wanted.add(stack(each)));
        Map<String, List<Instance>> stacks = new LinkedHashMap<>();
        for (Instance module : modules.all()) {
            boolean member = wanted.isEmpty()
                    ? module.path().matches(NUMBERED) && isOutermost(module) && keepsForm(module)
                    : module.path().matches(NUMBERED)
                            && wanted.contains(stack(module))
                            && (attending.contains(module) || keepsForm(module));
            if (member) {
                stacks.computeIfAbsent(stack(module), unused -> new ArrayList<>())
                        .add(module);
            }
        }
        stacks.values().removeIf(members -> wanted.isEmpty() && members.size() < 2);
        return stacks;
    }

    private static boolean isOutermost(Instance module) {
        return module.key().stream()
                .limit(module.key().size() - 1L)
                .noneMatch(key -> Placer.path(key).matches(NUMBERED));
    }

    private boolean keepsForm(Instance module) {
        ModuleIo io = ports.of(module);
        return !io.outputs().isEmpty()
                && io.input()
                        .flatMap(shapes::find)
                        .filter(in -> in.isFloat() && in.rank() == 3)
                        .flatMap(in -> shapes.find(io.outputs().get(0))
                                .filter(out -> out.dims().equals(in.dims())))
                        .isPresent();
    }

    /** The list that a block is in, without numbers: stages of one tower are one stack. */
    private static String stack(Instance block) {
        return block.path().replaceAll("\\.?\\d+(?=\\.|$)", "");
    }

    /** What tells several stacks apart; nothing for a single one. */
    private static Map<String, String> names(Set<String> stacks) {
        Map<String, String> names = new LinkedHashMap<>();
        List<List<String>> paths =
                stacks.stream().map(stack -> Arrays.asList(stack.split("\\."))).toList();
        int front = stacks.size() < 2 ? 0 : common(paths, false);
        int back = stacks.size() < 2 ? 0 : common(paths, true);
        for (String stack : stacks) {
            List<String> path = Arrays.asList(stack.split("\\."));
            int end = Math.max(front, path.size() - back);
            List<String> own = stacks.size() < 2 ? List.of() : path.subList(Math.min(front, end), end);
            names.put(stack, own.isEmpty() ? "" : String.join(".", own) + ".");
        }
        return names;
    }

    private static int common(List<List<String>> paths, boolean fromEnd) {
        int shortest = paths.stream().mapToInt(List::size).min().orElse(0);
        int same = 0;
        while (same < shortest
                && paths.stream().map(part(same, fromEnd)).distinct().count() == 1) {
            same++;
        }
        return same;
    }

    private static java.util.function.Function<List<String>, String> part(int place, boolean fromEnd) {
        return path -> path.get(fromEnd ? path.size() - 1 - place : place);
    }
}
