package dev.sonde.onnx.plan;

import dev.sonde.SondeException;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.manifest.Size;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * What is special about the programs of a generation.
 *
 * <p>With a cache a step computes its one position, and keys and values pass from call to call. Without one it computes all
 * positions anew; what earlier steps wrote is put back at their positions, from a buffer for each edited place, so that edits
 * happen once and every step has the same structure. Either way sites show the step's own position.
 *
 * @param generation index of the run of the prompt pass
 * @param later whether it is for later steps
 * @param cached whether the file takes keys and values of earlier positions
 * @param ragged whether the prompts differ in length
 * @param edited places that some step edits, if all is computed anew
 * @param leaving how rows that have ended may leave the batch; nothing if they must stay
 */
record Stepping(
        int generation, boolean later, boolean cached, boolean ragged, List<Edited> edited, Optional<Leaving> leaving) {
    /** The version of a write that puts back what earlier steps wrote: before all others. */
    static final int RESTORE = -2;

    private static final Size PAST_AND_POSITION =
            new Size(List.of(new Size.Term(1, List.of("past")), new Size.Term(1, List.of("position"))));

    private static final Set<String> POSITIONS = Set.of("position", "query");

    /** A place that is edited. */
    record Edited(String site, Place place) {}

    Stepping {
        edited = List.copyOf(edited);
    }

    static boolean isCached(ModelManifest manifest) {
        return manifest.input(ModelInput.Role.PAST).isPresent();
    }

    Stepping later(boolean isLater) {
        return new Stepping(generation, isLater, cached, ragged, edited, leaving);
    }

    boolean recomputes() {
        return later && !cached;
    }

    /** Returns whether prompts of different lengths must go on apart: the file cannot be told where padding is. */
    boolean goesOnApart(ModelManifest manifest) {
        boolean padded = manifest.input(ModelInput.Role.ATTENTION_MASK).isPresent()
                && manifest.input(ModelInput.Role.POSITION_IDS).isPresent();
        return cached && ragged && !padded;
    }

    /** Refuses prompts of different lengths that cannot be kept apart. */
    void check(ModelManifest manifest) {
        if (goesOnApart(manifest) && leaving.isEmpty()) {
            throw new SondeException(
                    "ragged-generation",
                    "Prompts of different lengths cannot share a generation on '" + manifest.name()
                            + "', which has no input attention_mask or position_ids, where steps may use values of several rows together:"
                            + " expected one generate(...) for each length");
        }
    }

    /** Returns the inputs of keys and values with the outputs that they come from. */
    static Map<String, String> cache(ModelManifest manifest, List<String> outputs) {
        Map<String, String> pairs = new LinkedHashMap<>();
        List<String> pasts = manifest.inputs().stream()
                .filter(input -> input.role() == ModelInput.Role.PAST)
                .map(ModelInput::name)
                .toList();
        for (String past : pasts) {
            List<String> names = List.of(
                    past.replaceFirst("past_key_values", "present"),
                    past.replaceFirst("past", "present"),
                    past.replaceFirst("past_key_values", "present_key_values"));
            names.stream().filter(outputs::contains).findFirst().ifPresent(name -> pairs.put(past, name));
        }
        List<String> presents =
                outputs.stream().filter(name -> name.contains("present")).toList();
        if (pairs.isEmpty() && presents.size() == pasts.size()) {
            IntStream.range(0, pasts.size()).forEach(i -> pairs.put(pasts.get(i), presents.get(i)));
        }
        if (!pairs.keySet().containsAll(pasts)) {
            throw new SondeException(
                    "no-cache",
                    "'" + manifest.name() + "' cannot generate: for its inputs " + pasts + " there are the outputs "
                            + presents + ": expected an output present... for each input past...");
        }
        return pairs;
    }

    /** Emits and undoes what a site shows of a step. */
    final class Lens {
        private final Emitter emitter;
        private final Layout layout;

        Lens(Emitter emitter) {
            this.emitter = emitter;
            this.layout = new Layout(emitter);
        }

        /** Returns the step's own part of what a site shows. */
        String narrow(String shown, SiteInfo site) {
            int axis = later ? ownAxis(site) : -1;
            if (axis < 0) {
                return shown;
            }
            if (cached) {
                return layout.slice(shown, axis, -1, Long.MAX_VALUE);
            }
            String index = emitter.where(Feed.Where.What.INDEX, ragged ? 3 : 1, 0);
            if (!ragged) {
                return emitter.node("Gather", List.of(shown, index), Attributes.of("axis", axis));
            }
            Regions.needsRowsApart(emitter.opset());
            List<Integer> order = moved(site.axes().size(), axis, 1);
            String rows = emitter.node("GatherND", List.of(layout.transpose(shown, order), index));
            return layout.transpose(rows, moved(site.axes().size(), 1, axis));
        }

        /** Returns {@code before} with the step's own part replaced. */
        String widen(String before, String part, SiteInfo site) {
            int axis = later ? ownAxis(site) : -1;
            if (axis < 0) {
                return part;
            }
            if (cached) {
                return emitter.node(
                        "Concat", List.of(layout.slice(before, axis, 0, -1), part), Attributes.of("axis", axis));
            }
            String mask = emitter.where(Feed.Where.What.NEWEST, site.axes().size(), axis);
            return layout.where(mask, part, before, site.dtype());
        }

        /** Returns {@code before} with what earlier steps left at their positions. */
        String restore(String before, int buffer, SiteInfo site) {
            int rank = site.axes().size();
            int axis = ownAxis(site);
            String old = emitter.buffer(buffer, site.dtype(), rank);
            String mask = axis < 0 ? "" : emitter.where(Feed.Where.What.EARLIER, rank, axis);
            for (int i = 0; i < rank; i++) {
                boolean key = site.axes().get(i).name().equals("key");
                if (i == axis || key) {
                    String one = layout.slice(before, i, 0, 1);
                    old = emitter.node("Concat", List.of(old, fitted(one, old, i, rank)), Attributes.of("axis", i));
                }
                if (key) {
                    String columns = emitter.where(Feed.Where.What.OLD_COLUMN, rank, i);
                    mask = mask.isEmpty() ? columns : emitter.node("And", List.of(mask, columns));
                }
            }
            return mask.isEmpty() ? before : layout.where(mask, old, before, site.dtype());
        }

        /** What is put behind the buffer is never looked at; it only has to have the buffer's sizes along other axes. */
        private String fitted(String one, String old, int axis, int rank) {
            String shape = emitter.node("Shape", List.of(old));
            List<String> sizes = new ArrayList<>();
            if (axis > 0) {
                sizes.add(layout.slice(shape, 0, 0, axis));
            }
            sizes.add(emitter.ints(1));
            if (axis + 1 < rank) {
                sizes.add(layout.slice(shape, 0, axis + 1, rank));
            }
            String size = sizes.size() == 1 ? sizes.get(0) : emitter.node("Concat", sizes, Attributes.of("axis", 0));
            String start = emitter.ints(new long[rank]);
            String cut = emitter.node(
                    "Slice",
                    List.of(
                            one,
                            start,
                            size,
                            emitter.ints(IntStream.range(0, rank).asLongStream().toArray())));
            return cut;
        }

        private int ownAxis(SiteInfo site) {
            int own = -1;
            for (int i = 0; i < site.axes().size(); i++) {
                AxisInfo axis = site.axes().get(i);
                boolean position = POSITIONS.contains(axis.name());
                if (position && own < 0) {
                    own = i;
                } else if (position || (!cached && isOther(axis))) {
                    throw notOfSteps(site);
                }
            }
            return cached && (own < 0 || !site.axes().get(own).size().equals(PAST_AND_POSITION))
                    ? -1
                    : checked(own, site);
        }

        private int checked(int own, SiteInfo site) {
            boolean fine =
                    own < 0 || cached || (own > 0 && site.axes().get(own).size().equals(Size.symbol("position")));
            if (!fine) {
                throw notOfSteps(site);
            }
            return own;
        }

        private static boolean isOther(AxisInfo axis) {
            return !axis.name().equals("key")
                    && (axis.size().symbols().contains("position")
                            || axis.size().equals(Size.UNKNOWN));
        }

        private static SondeException notOfSteps(SiteInfo site) {
            return new SondeException(
                    "not-of-steps",
                    "Site '" + site.name() + "' with axes " + site.axes()
                            + " does not show one position apart from the others, which this file computes anew at every"
                            + " step: expected a site with an axis 'position' or 'query', or a file with past inputs");
        }

        private static List<Integer> moved(int rank, int from, int to) {
            List<Integer> order =
                    new ArrayList<>(IntStream.range(0, rank).boxed().toList());
            order.add(to, order.remove(from));
            return order;
        }

        /**
         * Returns the keys or values of prompts of different lengths, moved so that each row ends with its last token: the new
         * tokens then follow at once, as masks with padding in front say.
         */
        String aligned(String present, ModelInput past, List<Long> lengths) {
            int axis = positions(past);
            Regions.needsRowsApart(emitter.opset());
            int width = lengths.stream().mapToInt(Long::intValue).max().orElse(0);
            List<List<Long>> from = lengths.stream()
                    .map(length -> LongStream.range(0, width)
                            .map(i -> Math.max(0, i - width + length))
                            .boxed()
                            .toList())
                    .toList();
            int rank = past.axes().size();
            String front = axis == 1 ? present : layout.transpose(present, moved(rank, axis, 1));
            String rows = emitter.node("GatherND", List.of(front, emitter.given(Regions.places(from))));
            return axis == 1 ? rows : layout.transpose(rows, moved(rank, 1, axis));
        }
    }

    /**
     * Returns whether an edit is of a site without positions, such as a parameter.
     *
     * @throws SondeException {@code not-of-steps} if all is computed anew and some steps do not have the edit: it would reach the
     *     positions of other steps
     */
    static boolean isOfAllSteps(Target target, Edit edit, List<Edit> all, List<Integer> runs) {
        ModelManifest manifest = target.wiring().manifest();
        SiteInfo site = manifest.site(edit.site());
        if (site.axes().stream().anyMatch(axis -> POSITIONS.contains(axis.name()))) {
            return false;
        }
        boolean everywhere = runs.stream()
                .allMatch(run -> all.stream()
                        .anyMatch(other -> other.run() == run && other.place().equals(edit.place())));
        if (!isCached(manifest) && !everywhere) {
            throw Lens.notOfSteps(site);
        }
        return true;
    }

    /** Returns the axis of an input of keys or values that has the positions. */
    private static int positions(ModelInput past) {
        int axis = -1;
        for (int i = 0; i < past.axes().size(); i++) {
            axis = past.axes().get(i).size().equals(Size.symbol("past")) ? i : axis;
        }
        if (axis < 1) {
            throw new SondeException(
                    "ragged-generation",
                    "Prompts of different lengths cannot share a generation: the axes " + past.axes() + " of input '"
                            + past.name() + "' do not say where positions are");
        }
        return axis;
    }

    /** Returns the axis with the positions of each input of keys and values, if prompts of different lengths go on apart. */
    Map<String, Integer> positions(ModelManifest manifest) {
        Map<String, Integer> axes = new LinkedHashMap<>();
        if (goesOnApart(manifest)) {
            manifest.inputs().stream()
                    .filter(input -> input.role() == ModelInput.Role.PAST)
                    .forEach(input -> axes.put(input.name(), positions(input)));
        }
        return axes;
    }

    static Stepping of(
            Target target, int run, RunInput.Generation input, List<Edited> edited, Optional<Leaving> leaving) {
        boolean ragged = input.prompt().lengths().stream().distinct().count() > 1;
        Stepping stepping = new Stepping(
                run,
                false,
                isCached(target.wiring().manifest()),
                ragged,
                isCached(target.wiring().manifest()) ? List.of() : edited,
                leaving);
        stepping.check(target.wiring().manifest());
        return stepping;
    }
}
