package dev.sonde.onnx.plan;

import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.Operator;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ValueType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** An experiment that is being written anew, with second runs of some of its runs. */
final class GraphDraft implements Origins.View {
    private final InterventionGraph graph;
    private final Dependencies dependencies;
    private final List<Node> nodes = new ArrayList<>();
    private final List<ValueType> types = new ArrayList<>();
    private final List<Integer> owners = new ArrayList<>();
    private final List<Integer> before = new ArrayList<>();
    private final List<RunInput> runs;
    private final Map<Integer, Integer> from = new HashMap<>();
    private final Map<Integer, List<Effect>> effects = new LinkedHashMap<>();
    private final Map<Integer, List<Integer>> copies = new HashMap<>();
    private final Map<Integer, Integer> parts = new LinkedHashMap<>();
    private final Map<Node, Integer> known = new HashMap<>();

    GraphDraft(InterventionGraph graph, Dependencies dependencies) {
        this.graph = graph;
        this.dependencies = dependencies;
        this.runs = new ArrayList<>(graph.runs());
    }

    // Values.

    /** Takes over a value of the experiment, with inputs of this one. */
    int take(int id, Node node, ValueType type) {
        boolean steps =
                dependencies.owner(id) >= 0 && graph.runs().get(dependencies.owner(id)) instanceof RunInput.Steps;
        if (node instanceof Node.Read || node instanceof Node.Parameter) {
            return known.computeIfAbsent(node, unused -> append(node, type, ownerOf(node)));
        }
        int taken = append(node, type, steps ? dependencies.owner(id) : ownerOf(node));
        before.set(taken, id);
        return taken;
    }

    private int append(Node node, ValueType type, int owner) {
        nodes.add(node);
        types.add(type);
        owners.add(owner);
        before.add(-1);
        return nodes.size() - 1;
    }

    private int ownerOf(Node node) {
        if (node instanceof Node.Read read) {
            return computed(read.run());
        }
        if (node instanceof Node.Call call) {
            return computed(call.run());
        }
        return Dependencies.isMadeInJava(node)
                ? Dependencies.MIXED
                : Dependencies.together(
                        node instanceof Node.Gradient gradient ? gradient.of() : node.inputs(), this::owner);
    }

    private int add(Node node, ValueType type) {
        return append(node, type, ownerOf(node));
    }

    /** Returns a gradient that is computed where its numbers are. */
    int gradient(List<Integer> of, List<Integer> seeds, int wrt, int version, int owner) {
        Node.Gradient node = new Node.Gradient(of, seeds, wrt, version);
        return known.computeIfAbsent(node, unused -> {
            int id = append(node, types.get(wrt), owner);
            parts.put(id, owner);
            return id;
        });
    }

    int sum(List<Integer> values) {
        int sum = values.get(0);
        for (int value : values.subList(1, values.size())) {
            sum = add(new Node.Apply(Operator.ADD, List.of(sum, value), Map.of(), Map.of()), types.get(sum));
        }
        return sum;
    }

    /** Returns a constant of a value's type, whose sizes are known, filled with a number. */
    int filled(int like, double number) {
        ValueType type = types.get(like);
        Tensor tensor = Tensor.scalar(type.dtype(), number);
        int count = 1;
        for (long size : type.shape()) {
            count = Math.multiplyExact(count, Math.toIntExact(Math.max(size, 1)));
        }
        java.nio.ByteBuffer bytes =
                java.nio.ByteBuffer.allocate(count * type.dtype().bytes()).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            bytes.put(tensor.bytes());
        }
        long[] shape = java.util.Arrays.stream(type.shape())
                .map(size -> Math.max(size, 1))
                .toArray();
        return add(new Node.Constant(Tensor.wrap(type.dtype(), shape, type.names(), bytes.flip())), type);
    }

    boolean isFloat(int id) {
        DType dtype = types.get(id).dtype();
        return dtype.isFloat();
    }

    ValueType type(int id) {
        return types.get(id);
    }

    int size() {
        return nodes.size();
    }

    @Override
    public Node node(int id) {
        return nodes.get(id);
    }

    @Override
    public int owner(int id) {
        return owners.get(id);
    }

    @Override
    public int computed(int run) {
        return run < graph.runs().size() ? dependencies.computed(run) : run;
    }

    // Runs.

    /** Says what is done to a run of the experiment, with values of this one. */
    void does(int run, List<Effect> all) {
        effects.put(run, all);
    }

    boolean knows(int run) {
        return effects.containsKey(run);
    }

    @Override
    public List<Integer> written(int run) {
        return effects.getOrDefault(run, List.of()).stream()
                .filter(effect -> !(effect instanceof Effect.GradientWrite))
                .flatMap(effect -> effect.inputs().stream())
                .toList();
    }

    void add(Effect effect) {
        effects.computeIfAbsent(effect.run(), unused -> new ArrayList<>()).add(effect);
    }

    /** Returns all copies of a value, it first. */
    List<Integer> same(int id) {
        List<Integer> all = new ArrayList<>(List.of(id));
        for (int i = 0; i < all.size(); i++) {
            all.addAll(copies.getOrDefault(all.get(i), List.of()));
        }
        return all;
    }

    /** A copy of values that {@code which} holds for; a value that uses such a value is copied too. */
    class Copy {
        private final Map<Integer, Integer> ids = new HashMap<>();

        boolean copies(int id) {
            return owner(id) == Dependencies.MIXED;
        }

        Node moved(Node node) {
            return node;
        }

        int ownerOfCopy(int id, Node node) {
            return ownerOf(node);
        }

        int of(int id) {
            Integer done = ids.get(id);
            if (done != null) {
                return done;
            }
            int copy = copies(id) ? copied(id) : id;
            ids.put(id, copy);
            return copy;
        }

        private int copied(int id) {
            List<Integer> inputs = new ArrayList<>();
            for (int input : nodes.get(id).inputs()) {
                inputs.add(of(input));
            }
            Node node = moved(Rewiring.of(nodes.get(id), inputs));
            int copy = append(node, types.get(id), ownerOfCopy(id, node));
            if (parts.containsKey(id)) {
                parts.put(copy, owner(copy));
            }
            copies.computeIfAbsent(id, unused -> new ArrayList<>()).add(copy);
            return copy;
        }

        boolean has(int id) {
            return ids.containsKey(id);
        }

        /** Says what stands for a value. */
        void stand(int id, int other) {
            ids.put(id, other);
        }
    }

    /** A second run of a run, and the values that it makes others. */
    final class SecondRun extends Copy {
        private final int run;
        private final int second;
        private final Map<Integer, Boolean> own = new HashMap<>();

        private SecondRun(int run, int second) {
            this.run = run;
            this.second = second;
        }

        int run() {
            return second;
        }

        @Override
        boolean copies(int id) {
            Boolean done = own.get(id);
            if (done != null) {
                return done;
            }
            boolean is = owner(id) == run;
            if (owner(id) == Dependencies.MIXED) {
                for (int input : Origins.sources(nodes.get(id))) {
                    is |= copies(input);
                }
            }
            own.put(id, is);
            return is;
        }

        @Override
        int ownerOfCopy(int id, Node node) {
            return owner(id) == run ? second : ownerOf(node);
        }

        @Override
        Node moved(Node node) {
            if (node instanceof Node.Read read) {
                return new Node.Read(computed(read.run()) == run ? second : read.run(), read.site(), read.version());
            }
            return node instanceof Node.Call call && computed(call.run()) == run
                    ? new Node.Call(second, call.module(), call.input())
                    : node;
        }
    }

    /** Adds a second run, in which all happens that happens in the first. */
    SecondRun second(int run) {
        if (Dependencies.isOfGeneration(runs.get(run))) {
            throw new SondeException(
                    "no-gradient",
                    "A gradient of numbers of several runs cannot pass a generation: expected runs of one forward pass"
                            + " each, but run " + run + " generates");
        }
        SecondRun copy = new SecondRun(run, runs.size());
        runs.add(runs.get(run));
        from.put(copy.run(), run);
        List<Effect> all = new ArrayList<>();
        effects.put(copy.run(), all);
        for (Effect effect : effects.getOrDefault(run, List.of())) {
            if (!(effect instanceof Effect.GradientWrite)) {
                all.add(Rewiring.of(
                        effect,
                        copy.run(),
                        effect.inputs().stream().map(copy::of).toList()));
            }
        }
        return copy;
    }

    // The whole.

    Lowered lowered(int[] to, Map<Node.Gradient, List<Integer>> sums) {
        Map<String, Integer> saves = new LinkedHashMap<>();
        graph.saves().forEach((name, id) -> saves.put(name, to[id]));
        List<Effect> all = new ArrayList<>();
        effects.values().forEach(all::addAll);
        return new Lowered(
                new InterventionGraph(graph.model(), runs, nodes, all, saves),
                types,
                before,
                new Dependencies.Parts(parts, new TreeSet<>(from.keySet())),
                sums);
    }
}
