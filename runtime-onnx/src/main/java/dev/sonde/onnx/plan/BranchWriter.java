package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.graph.Node;
import dev.sonde.graph.Selection;
import dev.sonde.onnx.reuse.Bins;
import dev.sonde.onnx.reuse.Form;
import dev.sonde.onnx.reuse.Forms;
import dev.sonde.onnx.reuse.Reach;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Supplier;

/**
 * Writes the part of the model that follows edits, for runs laid out in bins. Its nodes make values of the same names as the
 * model's own, which they stand in for; what no edit reaches is taken from the base run.
 */
final class BranchWriter {
    private final Branch branch;
    private final ModelGraph graph;
    private final Forms forms;
    private final Reach reach;
    private final Bins bins;
    private final Emitter emitter;
    private final Layout layout;
    private final Views views;
    private final Sizes sizes;
    private final BaseValues base;
    private final Map<List<Object>, String> made = new HashMap<>();

    BranchWriter(Branch branch, Target target, Captures captures, Emitter emitter, Views views) {
        this.branch = branch;
        this.graph = target.graph();
        this.forms = branch.forms();
        this.reach = branch.reach();
        this.bins = branch.bins();
        this.emitter = emitter;
        this.layout = new Layout(emitter);
        this.views = views;
        this.sizes = new Sizes(bins, emitter);
        this.base = new BaseValues(branch, target, captures, emitter, layout, sizes);
    }

    // The model's own nodes.

    /** Emits what the model does with the runs. */
    void nodes(Wires wires) {
        for (int i = 0; i < graph.size(); i++) {
            if (reach.level(i) > 0 && reach.isNeeded(i)) {
                node(i, graph.node(i), wires);
            }
        }
    }

    private void node(int index, NodeProto node, Wires wires) {
        Optional<String> copied = forms.copy(index);
        if (copied.isPresent()) {
            String input = operand(index, copied.get(), wires, reach.isAll(index));
            emitter.node("Identity", List.of(input), node.getOutput(0));
            return;
        }
        NodeProto.Builder own = node.toBuilder();
        boolean sized = node.getOpType().equals("Reshape") || node.getOpType().equals("Expand");
        for (int i = 0; i < node.getInputCount(); i++) {
            String input = node.getInput(i);
            if (input.isEmpty()) {
                continue;
            }
            if (forms.has(input)) {
                own.setInput(
                        i,
                        forms.operand(index, i) >= 0
                                ? keys(index, i, wires)
                                : operand(index, input, wires, reach.isAll(index)));
            } else if (sized && i == 1) {
                own.setInput(1, shape(node));
            } else if (!forms.isFixed(input)) {
                own.setInput(i, base.beside(input, node, reach.level(index), reach.isAll(index)));
            }
        }
        for (int i = own.getAttributeCount() - 1; i >= 0; i--) {
            if (own.getAttribute(i).getName().equals("allowzero")) {
                own.removeAttribute(i);
            }
        }
        emitter.add(own.build());
    }

    private String shape(NodeProto node) {
        String output = node.getOutput(0);
        Form form = forms.of(output);
        boolean all = reach.isAll(output);
        List<String> names = new ArrayList<>();
        for (int axis = 0; axis < forms.extents(output).size(); axis++) {
            boolean rows = axis == 0;
            if (rows) {
                names.add(node.getOpType().equals("Expand") ? "1" : "-1");
            } else if (axis == form.position()) {
                names.add(BaseValues.slots(all));
            } else if (axis == form.key()) {
                names.add(Sizes.KEYS);
            } else {
                names.add(Long.toString(forms.extents(output).get(axis).factor()));
            }
        }
        return sizes.list(names);
    }

    /** Returns what a node reads, for all runs that it runs for. */
    private String operand(int index, String value, Wires wires, boolean all) {
        String name = wires.seenBy(index, value);
        int level = reach.level(index);
        return memo(List.of("operand", name, level, all), () -> {
            int has = has(name, value);
            if (has == 0) {
                return base.rows(value, 0, level, all);
            }
            String rows = reach.isAll(value) && !all ? looked(name, value) : name;
            return has == level ? rows : layout.concat(List.of(rows, base.rows(value, has, level, all)), 0);
        });
    }

    /** Returns for how many levels a value of that name is there. */
    private int has(String name, String value) {
        return name.equals(value) ? reach.raw(value) : reach.level(value);
    }

    private String looked(String name, String value) {
        return memo(List.of("looked", name), () -> {
            Form form = forms.of(value);
            if (!form.merged()) {
                return sizes.first(name, form.position(), Sizes.WANTED);
            }
            String width = Long.toString(forms.extents(value).stream()
                    .skip(1)
                    .mapToLong(extent -> extent.factor())
                    .reduce(1, (a, b) -> a * b));
            String apart = sizes.reshape(name, List.of("-1", Sizes.ALL, width));
            List<String> whole = new ArrayList<>(List.of("-1"));
            forms.extents(value).stream().skip(1).forEach(extent -> whole.add(Long.toString(extent.factor())));
            return sizes.reshape(sizes.first(apart, 1, Sizes.WANTED), whole);
        });
    }

    /** Returns keys or values of attention: the base run's and then the runs' own. */
    private String keys(int index, int input, Wires wires) {
        String value = graph.node(index).getInput(input);
        String own = operand(index, value, wires, true);
        if (bins.prefix() == 0) {
            return own;
        }
        int axis = forms.operand(index, input);
        return memo(
                List.of("keys", own, axis),
                () -> layout.concat(List.of(base.prefix(value, axis, reach.level(index)), own), axis));
    }

    // What runs read.

    /** Returns a value of the file, of that name, in a run: whole, as if nothing were reused. */
    String whole(int run, String value, String name) {
        int has = has(name, value);
        if (has <= bins.level(run)) {
            return base.whole(value);
        }
        return memo(List.of("whole", name, run), () -> gathered(run, value, name));
    }

    private String gathered(int run, String value, String name) {
        Slots slots = base.slotsOf(value);
        int first = bins.part(run).first();
        List<Integer> positions = new ArrayList<>();
        for (int position = first; position < bins.positions(); position++) {
            positions.add(bins.slot(run, position));
        }
        int[] order = positions.stream().mapToInt(Integer::intValue).toArray();
        String list = gather(
                flat(name, slots), List.of("run", run, value, slots), () -> base.index(slots, value, run, order, true));
        String part = slots.whole(list, Integer.toString(order.length), Integer.toString(order.length), layout, sizes);
        if (first == 0) {
            return part;
        }
        String before = sizes.first(base.whole(value), slots.position(), Integer.toString(first));
        return layout.concat(List.of(before, part), slots.position());
    }

    private String flat(String name, Slots slots) {
        return memo(List.of("flat", name), () -> slots.flat(name, layout, sizes));
    }

    private String gather(String list, Object key, Supplier<long[]> indices) {
        return emitter.node("Gather", List.of(list, sizes.indices(key, indices)), Attributes.of("axis", 0));
    }

    /** Returns whether a value is only looked at where positions are selected, so that the rest of it is not there. */
    boolean isSelected(Node.Read read) {
        return branch.selected().contains(read);
    }

    /** Returns positions of a value of the file in a run, or nothing if they are not all computed. */
    Optional<String> select(int run, String value, String name, Selection selection) {
        if (has(name, value) <= bins.level(run)
                || !forms.has(value)
                || !forms.of(value).isPlain()
                || !Looking.isAt(
                        selection, forms.of(value).position(), bins.part(run).first())) {
            return Optional.empty();
        }
        Selection.Pick pick = selection.picks().get(0);
        Slots slots = base.slotsOf(value);
        boolean all = reach.isAll(value);
        String list = gather(flat(name, slots), List.of("pick", run, pick, all), () -> base.picked(run, pick, all));
        List<String> shape = new ArrayList<>(List.of(Integer.toString(bins.rows())));
        if (!pick.single()) {
            shape.add(Integer.toString(pick.count()));
        }
        slots.rest().forEach(size -> shape.add(Long.toString(size)));
        return Optional.of(shape.size() == 1 + slots.rest().size() ? list : sizes.reshape(list, shape));
    }

    // What runs write.

    /**
     * Emits an edited value.
     *
     * @param fitted returns what a write puts there, in the full shape of its site
     */
    void write(Rewrite rewrite, String before, String to, BiFunction<Edit, Supplier<String>, String> fitted) {
        String value = rewrite.place().value();
        Slots slots = base.slotsOf(value);
        int has = has(before, value);
        int want = reach.level(value);
        boolean all = reach.isAll(value);
        boolean again = rewrite.edits().stream().anyMatch(edit -> bins.level(edit.run()) < has);
        Map<Integer, String> pieces = new LinkedHashMap<>();
        rewrite.edits().forEach(edit -> pieces.put(edit.run(), piece(rewrite.place(), before, edit, fitted)));
        List<String> lists = new ArrayList<>();
        if (again) {
            lists.add(flat(before, slots));
        }
        pieces.values().forEach(piece -> lists.add(slots.flat(piece, layout, sizes)));
        BaseValues.Source source =
                new BaseValues.Source(value, again ? has : 0, again ? 0 : has, want, all, List.copyOf(pieces.keySet()));
        if (base.isNeeded(source)) {
            lists.add(slots.flat(base.whole(value), layout, sizes));
        }
        String list = gather(
                lists.size() == 1 ? lists.get(0) : layout.concat(lists, 0),
                List.of("write", source),
                () -> base.index(source));
        String rows = slots.whole(list, BaseValues.slots(all), Sizes.KEYS, layout, sizes);
        boolean behind = has > 0 && !again;
        String whole = behind ? layout.concat(List.of(before, rows), 0) : rows;
        emitter.node("Identity", List.of(whole), to);
    }

    private String piece(Place place, String before, Edit edit, BiFunction<Edit, Supplier<String>, String> fitted) {
        if (place.steps().isEmpty()) {
            return fitted.apply(edit, () -> whole(edit.run(), place.value(), before));
        }
        String whole = whole(edit.run(), place.value(), before);
        return views.hide(fitted.apply(edit, () -> views.show(whole, place.steps())), whole, place.steps());
    }

    /** Makes what is not made yet; what makes it may make other things. */
    private String memo(List<Object> key, Supplier<String> maker) {
        String known = made.get(key);
        if (known == null) {
            known = maker.get();
            made.put(key, known);
        }
        return known;
    }
}
