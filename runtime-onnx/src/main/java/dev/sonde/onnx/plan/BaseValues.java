package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.DType;
import dev.sonde.Tensor;
import dev.sonde.graph.Selection;
import dev.sonde.onnx.reuse.Bins;
import dev.sonde.onnx.reuse.Extent;
import dev.sonde.onnx.reuse.Form;
import dev.sonde.onnx.reuse.Forms;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Lays values of a base run out over bins. */
final class BaseValues {
    private final Branch branch;
    private final Target target;
    private final Forms forms;
    private final Bins bins;
    private final Captures captures;
    private final Emitter emitter;
    private final Layout layout;
    private final Sizes sizes;
    private final int levels;
    private final Map<List<Object>, String> made = new HashMap<>();

    BaseValues(Branch branch, Target target, Captures captures, Emitter emitter, Layout layout, Sizes sizes) {
        this.branch = branch;
        this.target = target;
        this.forms = branch.forms();
        this.bins = branch.bins();
        this.captures = captures;
        this.emitter = emitter;
        this.layout = layout;
        this.sizes = sizes;
        this.levels = branch.runs().stream().mapToInt(bins::level).max().orElse(0) + 1;
    }

    static String slots(boolean all) {
        return all ? Sizes.ALL : Sizes.WANTED;
    }

    /** Returns a value as the base run has it. */
    String whole(String value) {
        return memo(List.of("whole", value), () -> {
            int rank = forms.extents(value).size();
            DType type = target.wiring().shape(value).orElseThrow().dtype();
            return emitter.foreign(captures.id(branch.base(), value), type, rank);
        });
    }

    Slots slotsOf(String value) {
        Form form = forms.of(value);
        List<Long> rest = new ArrayList<>();
        List<Extent> extents = forms.extents(value);
        for (int axis = 1; axis < extents.size(); axis++) {
            if (axis != form.position() && axis != form.key()) {
                rest.add(extents.get(axis).factor());
            }
        }
        return new Slots(extents.size(), form.position(), form.key(), form.merged(), rest);
    }

    /** How often rows are there on the first axis: heads may be with them. */
    private int times(String value) {
        return (int) forms.extents(value).get(0).factor();
    }

    /** Returns a value for the bins of some levels. */
    String rows(String value, int from, int to, boolean all) {
        return memo(List.of("rows", value, from, to, all), () -> {
            Slots slots = slotsOf(value);
            Source source = new Source(value, 0, from, to, all, List.of());
            String list = emitter.node(
                    "Gather",
                    List.of(flat(value, slots), sizes.indices(List.of("rows", source), () -> index(source))),
                    Attributes.of("axis", 0));
            return slots.whole(list, slots(all), Sizes.KEYS, layout, sizes);
        });
    }

    private String flat(String value, Slots slots) {
        return memo(List.of("flat", value), () -> slots.flat(whole(value), layout, sizes));
    }

    /** Returns the base run's keys or values before the bins, for each bin of some levels. */
    String prefix(String value, int axis, int level) {
        return memo(List.of("prefix", value, axis, level), () -> {
            String before = sizes.first(whole(value), axis, Sizes.PREFIX);
            int times = times(value);
            String rows = sizes.indices(List.of("bins", level, times), () -> {
                int each = bins.rows() * times;
                return IntStream.range(0, bins.count(level) * each)
                        .mapToLong(i -> i % each)
                        .toArray();
            });
            return emitter.node("Gather", List.of(before, rows), Attributes.of("axis", 0));
        });
    }

    // What does not follow the tokens.

    /** Returns a value that a node reads beside others that follow the tokens. */
    String beside(String value, NodeProto reader, int level, boolean all) {
        List<Extent> extents = forms.extents(value);
        if (extents.stream().allMatch(Extent::isFixed)) {
            return whole(value);
        }
        Form form = forms.of(reader.getOutput(0));
        int rank = forms.extents(reader.getOutput(0)).size();
        String full = memo(
                List.of("beside", value, form.position(), form.key(), rank, all),
                () -> hidden(value, laidOut(value, extents, form, rank, all), form, rank, all));
        if (level == levels) {
            return full;
        }
        return memo(List.of("upto", full, level), () -> {
            String rows =
                    sizes.indices(List.of("first", level), () -> new long[] {(long) bins.count(level) * bins.rows()});
            return emitter.node("Slice", List.of(full, emitter.ints(0), rows, emitter.ints(0)));
        });
    }

    private String laidOut(String value, List<Extent> extents, Form form, int rank, boolean all) {
        int off = rank - extents.size();
        boolean position = varies(extents, form.position() - off);
        boolean key = form.key() >= 0 && varies(extents, form.key() - off);
        boolean rows = off == 0 && !extents.get(0).isFixed();
        List<Long> rest = new ArrayList<>();
        for (int axis = 1; axis < rank; axis++) {
            boolean laid = (axis == form.position() && position) || (axis == form.key() && key);
            if (!laid) {
                rest.add(axis < off ? 1 : extents.get(axis - off).factor());
            }
        }
        Slots slots = new Slots(rank, position ? form.position() : -1, key ? form.key() : -1, false, rest);
        String raised =
                layout.unsqueeze(whole(value), IntStream.range(0, off).boxed().toList());
        String list = emitter.node(
                "Gather",
                List.of(
                        slots.flat(raised, layout, sizes),
                        sizes.indices(
                                List.of("beside", rows, position, key, all),
                                () -> index(levels, rows, position, key, all))),
                Attributes.of("axis", 0));
        return slots.whole(list, slots(all), Sizes.KEYS, layout, sizes);
    }

    private static boolean varies(List<Extent> extents, int axis) {
        return axis >= 0 && !extents.get(axis).isFixed();
    }

    private long[] index(int to, boolean rows, boolean position, boolean key, boolean all) {
        LongStream.Builder index = LongStream.builder();
        for (int bin = 0; bin < bins.count(to); bin++) {
            for (int row = 0; row < bins.rows(); row++) {
                for (int slot = 0; slot < (position ? bins.slots(all) : 1); slot++) {
                    for (int k = 0; k < (key ? bins.keys() : 1); k++) {
                        long at = rows ? row : 0;
                        at = position ? at * bins.positions() + bins.position(bin, slot) : at;
                        index.add(key ? at * bins.positions() + bins.keyPosition(bin, k) : at);
                    }
                }
            }
        }
        return index.build().toArray();
    }

    /** Returns a mask that also keeps the runs of one bin apart. */
    private String hidden(String value, String laidOut, Form form, int rank, boolean all) {
        if (!bins.isShared() || form.key() < 0 || !branch.masks().contains(value)) {
            return laidOut;
        }
        String sees = memo(
                List.of("sees", form.position(), form.key(), rank, all), () -> emitter.given(sees(form, rank, all)));
        return switch (forms.mask(value).orElseThrow().hiding()) {
            case ADDED ->
                emitter.node("Where", List.of(sees, laidOut, emitter.constant(Tensor.of(new float[] {-Float.MAX_VALUE
                }))));
            case TRUE_KEEPS -> emitter.node("And", List.of(sees, laidOut));
            case TRUE_HIDES -> emitter.node("Or", List.of(emitter.node("Not", List.of(sees)), laidOut));
        };
    }

    private Tensor sees(Form form, int rank, boolean all) {
        long[] shape = new long[rank];
        java.util.Arrays.fill(shape, 1);
        shape[0] = (long) bins.count(levels) * bins.rows();
        shape[form.position()] = bins.slots(all);
        shape[form.key()] = bins.keys();
        ByteBuffer bytes = ByteBuffer.allocate((int) (shape[0] * bins.slots(all) * bins.keys()));
        for (int bin = 0; bin < bins.count(levels); bin++) {
            for (int row = 0; row < bins.rows(); row++) {
                for (int slot = 0; slot < bins.slots(all); slot++) {
                    for (int key = 0; key < bins.keys(); key++) {
                        bytes.put((byte) (bins.sees(bin, slot, key) ? 1 : 0));
                    }
                }
            }
        }
        return Tensor.wrap(DType.BOOL, shape, List.of(), bytes.flip());
    }

    // Indices.

    /**
     * Lists that numbers are picked from: what is there, what runs write, what the base run has.
     *
     * @param value a value of the file
     * @param there for how many levels it is in the first list; 0 if that is missing
     * @param from the first level that is wanted
     * @param to the level after the last
     * @param all whether all positions are wanted
     * @param writers the runs that write
     */
    record Source(String value, int there, int from, int to, boolean all, List<Integer> writers) {}

    /** Returns whether a number of the base run is picked. */
    boolean isNeeded(Source source) {
        for (int bin = bins.count(source.from()); bin < bins.count(source.to()); bin++) {
            for (int slot = 0; slot < bins.slots(source.all()); slot++) {
                if (!source.writers().contains(bins.owner(bin, slot)) && bin >= bins.count(source.there())) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Returns for each place of some levels' bins where its number is. */
    long[] index(Source source) {
        Form form = forms.of(source.value());
        int times = times(source.value());
        boolean key = form.key() >= 0;
        long keys = key ? bins.keys() : 1;
        long baseKeys = key ? bins.positions() : 1;
        long slots = bins.slots(source.all());
        long there = (long) bins.count(source.there()) * bins.rows() * times * slots * keys;
        long piece = (long) bins.rows() * times * bins.positions() * baseKeys;
        LongStream.Builder index = LongStream.builder();
        for (int bin = bins.count(source.from()); bin < bins.count(source.to()); bin++) {
            for (int row = 0; row < bins.rows() * times; row++) {
                for (int slot = 0; slot < slots; slot++) {
                    int writer = source.writers().indexOf(bins.owner(bin, slot));
                    boolean kept = writer < 0 && bin < bins.count(source.there());
                    for (int k = 0; k < keys; k++) {
                        if (kept) {
                            index.add((((long) bin * bins.rows() * times + row) * slots + slot) * keys + k);
                        } else {
                            long at = (long) row * bins.positions() + bins.position(bin, slot);
                            at = key ? at * baseKeys + bins.keyPosition(bin, k) : at;
                            index.add(there + (writer < 0 ? source.writers().size() : writer) * piece + at);
                        }
                    }
                }
            }
        }
        return index.build().toArray();
    }

    /** Returns where the numbers of a run are whose positions are at these slots. */
    long[] index(Slots slots, String value, int run, int[] order, boolean all) {
        int times = times(value);
        long each = bins.slots(all);
        LongStream.Builder index = LongStream.builder();
        for (int row = 0; row < bins.rows() * times; row++) {
            long at = (long) bins.bin(run) * bins.rows() * times + row;
            for (int slot : order) {
                for (int k = 0; k < (slots.key() >= 0 ? order.length : 1); k++) {
                    long place = at * each + slot;
                    index.add(slots.key() >= 0 ? place * bins.keys() + bins.prefix() + order[k] : place);
                }
            }
        }
        return index.build().toArray();
    }

    /** Returns where the picked positions of a run are. */
    long[] picked(int run, Selection.Pick pick, boolean all) {
        LongStream.Builder index = LongStream.builder();
        for (int row = 0; row < bins.rows(); row++) {
            long at = ((long) bins.bin(run) * bins.rows() + row) * bins.slots(all);
            for (long position : pick.rows().get(pick.perRow() ? row : 0)) {
                index.add(at + bins.slot(run, (int) position));
            }
        }
        return index.build().toArray();
    }

    /** Makes what is not made yet; what makes it may make other things. */
    private String memo(List<Object> key, java.util.function.Supplier<String> maker) {
        String known = made.get(key);
        if (known == null) {
            known = maker.get();
            made.put(key, known);
        }
        return known;
    }
}
