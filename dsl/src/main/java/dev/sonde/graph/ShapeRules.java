package dev.sonde.graph;

import dev.sonde.DType;
import dev.sonde.SondeException;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.ModuleInfo;
import dev.sonde.manifest.SiteInfo;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Says which type and axes every value of a graph has, before anything runs. */
public final class ShapeRules {
    private final ModelManifest manifest;
    private volatile @Nullable Sized last; // graphs ask many times for one run

    private record Sized(RunInput input, Map<String, Long> sizes) {}

    /** Returns the rules for graphs on that model. */
    public ShapeRules(ModelManifest manifest) {
        this.manifest = manifest;
    }

    /**
     * Returns the types of all values of a graph, in the order of its nodes.
     *
     * @throws SondeException {@code shape-mismatch}, {@code unknown-site} and others for the first value that cannot be
     */
    public List<ValueType> types(InterventionGraph graph) {
        List<ValueType> types = new ArrayList<>();
        for (Node node : graph.nodes()) {
            types.add(type(node, types, graph.runs()));
        }
        GenerationRules.check(graph, types);
        for (Effect effect : graph.effects()) {
            if (effect instanceof Effect.Write write) {
                checkWrite(write.site(), read(graph.runs().get(write.run()), write.site()), types.get(write.value()));
            } else if (effect instanceof Effect.Skip skip) {
                checkSkip(skip, types, graph.runs());
            } else if (effect instanceof Effect.GradientWrite write) {
                GradientRules.check(write, types);
            }
        }
        return types;
    }

    /**
     * Checks that values can be what a module returns.
     *
     * @param types of the graph's values
     * @throws SondeException {@code wrong-outputs} if they are not one for each output, {@code shape-mismatch} or {@code
     *     wrong-dtype} if one does not fit
     */
    public void checkSkip(Effect.Skip skip, List<ValueType> types, List<RunInput> runs) {
        ModuleInfo module = manifest.module(skip.module());
        List<String> outputs = module.sites().stream()
                .filter(site -> site.matches(".*#output(\\[\\d+])?"))
                .toList();
        if (outputs.isEmpty()) {
            throw new SondeException(
                    "not-skippable", "Module '" + module.path() + "' cannot be skipped: it has no output in this file");
        }
        if (outputs.size() != skip.values().size()) {
            throw new SondeException(
                    "wrong-outputs",
                    "Module '" + module.path() + "' cannot be skipped so: expected one value for each of " + outputs
                            + " but was given " + skip.values().size());
        }
        for (int i = 0; i < outputs.size(); i++) {
            checkWrite(
                    outputs.get(i),
                    read(runs.get(skip.run()), outputs.get(i)),
                    types.get(skip.values().get(i)));
        }
    }

    /**
     * Returns the run of those steps of a generation that a value is computed in, or -1 for values outside of steps.
     *
     * @param owners the same of the values before it
     * @throws SondeException {@code other-step} if it takes values of different steps
     */
    public static int steps(List<RunInput> runs, Node node, java.util.function.IntUnaryOperator owners) {
        return GenerationRules.owner(runs, node, owners);
    }

    /** Returns the type of one node, given the types of those before it. */
    public ValueType type(Node node, List<ValueType> types, List<RunInput> runs) {
        if (node instanceof Node.Read read) {
            return read(runs.get(read.run()), read.site());
        }
        if (node instanceof Node.Parameter parameter) {
            return parameter(parameter.site());
        }
        if (node instanceof Node.Constant constant) {
            return constant(constant);
        }
        if (node instanceof Node.Select select) {
            return select(types.get(select.input()), select.selection());
        }
        if (node instanceof Node.Put put) {
            return put(types.get(put.into()), types.get(put.value()), put.selection());
        }
        if (node instanceof Node.Call call) {
            return call(call.module(), types.get(call.input()));
        }
        if (node instanceof Node.Onnx onnx) {
            return onnx.type();
        }
        if (node instanceof Node.Local local) {
            return local.type();
        }
        if (node instanceof Node.Gradient gradient) {
            return GradientRules.type(gradient, types);
        }
        if (node instanceof Node.Apply apply) {
            List<ValueType> inputs = apply.inputs().stream().map(types::get).toList();
            return new OperatorRules(apply, inputs).result();
        }
        return GenerationRules.type(node, types, runs);
    }

    private ValueType parameter(String site) {
        SiteInfo info = manifest.site(site);
        if (!info.isParameter()) {
            throw new SondeException(
                    "not-a-parameter",
                    "Site '" + site + "' is no parameter of model '" + manifest.name()
                            + "' but is computed in each run: expected get(...) of a run, or the name of a parameter");
        }
        List<Dim> dims = info.axes().stream()
                .map(axis -> new Dim(axis.name(), axis.size().in(Map.of()).orElse(Dim.UNKNOWN)))
                .toList();
        return ValueType.of(info.dtype(), dims);
    }

    private static ValueType constant(Node.Constant constant) {
        List<Dim> dims = new ArrayList<>();
        for (int i = 0; i < constant.value().rank(); i++) {
            dims.add(new Dim(constant.value().names().get(i), constant.value().size(i)));
        }
        return ValueType.of(constant.value().dtype(), dims);
    }

    /** Returns the type of the value at a site in a run of that input. */
    public ValueType read(RunInput input, String site) {
        if (input instanceof RunInput.Generation generation) {
            return read(generation.prompt(), site);
        }
        SiteInfo info = manifest.site(site);
        if (input instanceof RunInput.Steps steps) {
            return ValueType.of(
                    info.dtype(),
                    info.axes().stream().map(axis -> step(axis, sizes(steps))).toList());
        }
        Map<String, Long> sizes = sizes(input);
        List<Dim> dims = info.axes().stream()
                .map(axis -> new Dim(axis.name(), axis.size().in(sizes).orElse(Dim.UNKNOWN)))
                .toList();
        ValueType type = ValueType.of(info.dtype(), dims);
        if (input instanceof RunInput.Tokens tokens && new TreeSet<>(tokens.lengths()).size() > 1) {
            ValueType ragged = new ValueType(info.dtype(), dims, tokens.lengths());
            return ragged.isRagged() ? ragged : type;
        }
        return type;
    }

    /** Returns an axis as a step of a generation sees it: positions are the step's own, keys are all up to them. */
    private static Dim step(AxisInfo axis, Map<String, Long> sizes) {
        return switch (axis.name()) {
            case "position", "query" -> new Dim(axis.name(), 1);
            case "key" -> new Dim(axis.name(), Dim.UNKNOWN);
            default -> new Dim(axis.name(), axis.size().in(sizes).orElse(Dim.UNKNOWN));
        };
    }

    /** Returns the sizes that an input brings, by symbol: {@code batch}, {@code position}, ... */
    public Map<String, Long> sizes(RunInput input) {
        Sized known = last;
        if (known == null || known.input() != input) {
            known = new Sized(input, Collections.unmodifiableMap(findSizes(input)));
            last = known;
        }
        return known.sizes();
    }

    private Map<String, Long> findSizes(RunInput input) {
        if (input instanceof RunInput.Generation generation) {
            return findSizes(generation.prompt());
        }
        if (input instanceof RunInput.Steps steps) {
            return Map.of("batch", (long) steps.rows(), "position", 1L);
        }
        Map<String, Long> sizes = new HashMap<>();
        if (input instanceof RunInput.Tokens tokens) {
            new TokenRules(manifest).check(tokens);
            sizes.put("batch", (long) tokens.rows());
            sizes.put("position", Collections.max(tokens.lengths()));
            tokens.extra().forEach((name, tensor) -> bind(name, tensor.shape(), sizes));
        } else {
            ((RunInput.Tensors) input).tensors().forEach((name, tensor) -> bind(name, tensor.shape(), sizes));
        }
        boolean past = manifest.input(ModelInput.Role.PAST).isPresent();
        if (past) {
            for (ModelInput each : manifest.inputs()) {
                if (each.role() == ModelInput.Role.PAST) {
                    each.axes().forEach(axis -> axis.size().symbols().forEach(symbol -> sizes.putIfAbsent(symbol, 0L)));
                }
            }
        }
        return sizes;
    }

    private void bind(String name, long[] shape, Map<String, Long> sizes) {
        ModelInput input = manifest.inputs().stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new SondeException(
                        "unknown-input",
                        "Model '" + manifest.name() + "' has no input '" + name + "': expected one of "
                                + manifest.inputs().stream()
                                        .map(ModelInput::name)
                                        .toList()));
        if (input.axes().size() != shape.length) {
            throw new SondeException(
                    "wrong-input",
                    "Input '" + name + "' expects axes " + input.axes() + " but was given a tensor of " + shape.length
                            + " axes");
        }
        for (int i = 0; i < shape.length; i++) {
            AxisInfo axis = input.axes().get(i);
            if (axis.size().symbols().isEmpty()) {
                long expected = axis.size().in(Map.of()).orElse(shape[i]);
                if (expected != shape[i]) {
                    throw new SondeException(
                            "wrong-input",
                            "Input '" + name + "' expects axes " + input.axes() + " but axis " + i + " was "
                                    + shape[i]);
                }
            } else if (axis.size()
                    .toString()
                    .equals(axis.size().symbols().iterator().next())) {
                sizes.putIfAbsent(axis.size().toString(), shape[i]);
            }
        }
    }

    /**
     * Checks that a value may be written to a site.
     *
     * @throws SondeException {@code shape-mismatch} or {@code wrong-dtype} with what was expected and found, axis by axis
     */
    public static void checkWrite(String site, ValueType expected, ValueType found) {
        if (expected.dtype() != found.dtype()) {
            throw new SondeException(
                    "wrong-dtype", "Cannot write '" + site + "': expected " + expected + " but was " + found);
        }
        List<String> wrong = new ArrayList<>();
        int shift = expected.rank() - found.rank();
        for (int i = 0; i < found.rank() && shift >= 0; i++) {
            Dim want = expected.dims().get(i + shift);
            Dim have = found.dims().get(i);
            if (have.size() != 1 && !fits(want, have)) {
                wrong.add("axis " + (i + shift) + (want.name().isEmpty() ? "" : " (" + want.name() + ")")
                        + ": expected " + want + " but was " + have);
            }
        }
        if (shift < 0 || !wrong.isEmpty()) {
            throw new SondeException(
                    "shape-mismatch",
                    "Cannot write '" + site + "': expected " + expected + " but was " + found
                            + wrong.stream().map(w -> "\n    " + w).collect(Collectors.joining()));
        }
    }

    /** Returns whether a tensor of that shape can be a value of that type. */
    public static boolean fits(ValueType type, long[] shape) {
        boolean fits = type.rank() == shape.length;
        for (int i = 0; fits && i < shape.length; i++) {
            fits = fits(type.dims().get(i), Dim.of(shape[i]));
        }
        return fits;
    }

    static boolean fits(Dim a, Dim b) {
        boolean sizes = a.size() == b.size() || a.size() == Dim.UNKNOWN || b.size() == Dim.UNKNOWN;
        return sizes
                && (a.name().equals(b.name()) || a.name().isEmpty() || b.name().isEmpty());
    }

    private static ValueType select(ValueType type, Selection selection) {
        List<@Nullable Dim> dims = new ArrayList<>(type.dims());
        boolean position = false;
        List<Long> lengths = type.lengths();
        for (Selection.Pick pick : selection.picks()) {
            checkPick(type, pick);
            Dim dim = type.dims().get(pick.axis());
            position |= dim.isOfPositions();
            if (pick.axis() == 0 && !lengths.isEmpty()) {
                lengths = pick.rows().get(0).stream()
                        .map(row -> type.lengths().get(row.intValue()))
                        .toList();
            }
            dims.set(pick.axis(), pick.single() ? null : new Dim(dim.name(), pick.count()));
        }
        List<Dim> rest = new ArrayList<>();
        for (@Nullable Dim dim : dims) {
            if (dim != null) {
                rest.add(dim);
            }
        }
        ValueType result = new ValueType(type.dtype(), rest, position || isEven(lengths) ? List.of() : lengths);
        boolean padded = type.isRagged() && !position && lengths.size() == 1;
        if (padded && selection.picks().stream().anyMatch(pick -> pick.axis() == 0 && pick.single())) {
            throw new SondeException(
                    "bad-selection",
                    "A row of " + type + " is shorter than its axis: expected its positions to be selected too");
        }
        return result;
    }

    private static boolean isEven(List<Long> lengths) {
        return lengths.stream().distinct().count() == 1;
    }

    private static void checkPick(ValueType type, Selection.Pick pick) {
        if (pick.axis() < 0 || pick.axis() >= type.rank() || pick.rows().isEmpty()) {
            throw new SondeException("bad-selection", "No axis " + pick.axis() + " to select from in " + type);
        }
        Dim dim = type.dims().get(pick.axis());
        for (List<Long> row : pick.rows()) {
            if (row.size() != pick.count() || (pick.single() && row.size() != 1)) {
                throw new SondeException("bad-selection", "Rows pick different numbers of indices: " + pick);
            }
            for (long index : row) {
                if (dim.size() != Dim.UNKNOWN && (index < 0 || index >= dim.size())) {
                    throw new SondeException(
                            "index-outside",
                            "Index " + index + " is outside axis " + dim + " of " + type + ": expected 0 to "
                                    + (dim.size() - 1));
                }
            }
        }
    }

    private static ValueType put(ValueType into, ValueType value, Selection selection) {
        ValueType region = select(into, selection);
        if (value.dtype() != into.dtype()) {
            throw new SondeException("wrong-dtype", "Cannot put " + value + " into " + into);
        }
        int shift = region.rank() - value.rank();
        for (int i = 0; i < value.rank(); i++) {
            Dim have = value.dims().get(i);
            if (shift < 0 || (have.size() != 1 && !fits(region.dims().get(i + shift), have))) {
                throw new SondeException(
                        "shape-mismatch", "The region takes " + region + " but the value put there is " + value);
            }
        }
        return into;
    }

    private ValueType call(String module, ValueType input) {
        ModuleInfo info = manifest.module(module);
        SiteInfo output = manifest.find(info.path() + "#output")
                .or(() -> manifest.find(info.path() + "#output[0]"))
                .orElseThrow(() -> new SondeException(
                        "not-callable", "Module '" + module + "' cannot be called: it has no output in this file"));
        checkCalled(info, input);
        List<Dim> dims = new ArrayList<>();
        int dropped = info.callInputs().size() - input.rank();
        for (AxisInfo axis : output.axes()) {
            int at = axis.name().isEmpty() ? -1 : input.axis(axis.name());
            if (axis.size().symbols().isEmpty()) {
                dims.add(new Dim(axis.name(), axis.size().in(Map.of()).orElse(Dim.UNKNOWN)));
            } else if (at >= 0) {
                dims.add(input.dims().get(at));
            } else if (dropped > 0) {
                dropped--;
            } else {
                int index = output.axes().indexOf(axis);
                dims.add(new Dim(
                        axis.name(),
                        index < input.rank() ? input.dims().get(index).size() : Dim.UNKNOWN));
            }
        }
        return new ValueType(output.dtype(), dims, input.lengths());
    }

    /** Checks the size of the last axis, which every value that a module is called on has: positions and rows may be left out. */
    private void checkCalled(ModuleInfo module, ValueType input) {
        List<AxisInfo> axes = module.callInputs();
        if (!axes.isEmpty() && input.rank() > 0) {
            AxisInfo axis = axes.get(axes.size() - 1);
            Dim dim = input.dims().get(input.rank() - 1);
            long size = axis.size().in(Map.of()).orElse(dim.size());
            if (dim.size() != Dim.UNKNOWN && size != dim.size()) {
                throw new SondeException(
                        "shape-mismatch",
                        "Module '" + module.path() + "' cannot be called on " + input + ": expected axes " + axes
                                + " but the last was " + dim);
            }
        }
        manifest.find(module.path() + "#input")
                .filter(site -> site.dtype() != input.dtype())
                .ifPresent(site -> {
                    throw new SondeException(
                            "wrong-dtype",
                            "Module '" + module.path() + "' cannot be called on " + input + ": expected "
                                    + site.dtype());
                });
    }

    static SondeException mismatch(Operator operator, List<ValueType> inputs, String why) {
        return new SondeException(
                "shape-mismatch",
                operator.name().toLowerCase(java.util.Locale.ROOT) + " cannot take "
                        + inputs.stream().map(ValueType::toString).collect(Collectors.joining(" and ")) + ": " + why);
    }

    static DType sameType(Operator operator, List<ValueType> inputs) {
        DType first = inputs.get(0).dtype();
        for (ValueType each : inputs) {
            if (each.dtype() != first) {
                throw new SondeException(
                        "wrong-dtype",
                        operator.name().toLowerCase(java.util.Locale.ROOT)
                                + " needs values of one type but was given "
                                + inputs.stream().map(t -> t.dtype().toString()).toList() + "; use cast(...)");
            }
        }
        return first;
    }
}
