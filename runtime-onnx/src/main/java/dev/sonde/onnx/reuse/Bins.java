package dev.sonde.onnx.reuse;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Where the positions of runs lie in a batch. A row of the batch is a <em>bin</em>: positions of one or several runs one behind
 * the other, each of which sees only those of its own run and what the base run has before them. Bins of earlier levels come
 * first; each bin has as many rows as the base run. In each bin the positions that are looked at come first.
 */
public final class Bins {
    /** Longer bins spend more on positions that do not see each other than they save. */
    private static final int LARGE = 256;

    /** How many lengths of bins are tried. */
    private static final int TRIALS = 12;

    private final int rows;
    private final int positions;
    private final boolean shared;
    private final List<Bin> bins = new ArrayList<>();
    private final Map<Integer, Integer> binOf = new HashMap<>();
    private final Map<Integer, Part> parts = new HashMap<>();
    private int slots;
    private int wanted;
    private int prefix;

    /**
     * A run's part of the work.
     *
     * @param run its index
     * @param level where its edits begin, from 0
     * @param first the first position that can change
     * @param wanted positions that are looked at, none of them before {@code first}
     */
    public record Part(int run, int level, int first, List<Integer> wanted) {
        /** Copies its list. */
        public Part {
            wanted = List.copyOf(wanted);
        }
    }

    /** The owner and the position of each slot. */
    private static final class Bin {
        private final int level;
        private final int[] owners;
        private final int[] positions;
        private final int used;

        Bin(int level, int[] owners, int[] positions, int used) {
            this.level = level;
            this.owners = owners;
            this.positions = positions;
            this.used = used;
        }

        int level() {
            return level;
        }

        int[] owners() {
            return owners;
        }

        int[] positions() {
            return positions;
        }

        int used() {
            return used;
        }
    }

    /**
     * Lays out runs.
     *
     * @param rows of the base run
     * @param positions of the base run
     * @param shared whether runs may share a bin
     * @param all the runs
     */
    public Bins(int rows, int positions, boolean shared, List<Part> all) {
        this.rows = rows;
        this.positions = positions;
        this.shared = shared;
        all.forEach(part -> parts.put(part.run(), part));
        Map<Integer, List<Part>> byLevel = new TreeMap<>();
        all.forEach(part -> byLevel.computeIfAbsent(part.level(), unused -> new ArrayList<>())
                .add(part));
        int capacity = shared ? capacity(byLevel.values()) : 0;
        List<List<Part>> groups = new ArrayList<>();
        byLevel.values().forEach(level -> groups.addAll(shared ? fill(level, capacity) : alone(level)));
        this.wanted = groups.stream()
                .mapToInt(group ->
                        group.stream().mapToInt(part -> part.wanted().size()).sum())
                .max()
                .orElse(0);
        this.slots = groups.stream().mapToInt(this::length).max().orElse(0);
        this.prefix = all.stream().mapToInt(Part::first).max().orElse(0);
        groups.forEach(this::add);
    }

    private int length(List<Part> group) {
        return group.stream().mapToInt(this::length).sum();
    }

    private int length(Part part) {
        return positions - part.first();
    }

    private static List<List<Part>> alone(List<Part> level) {
        return level.stream().map(List::of).toList();
    }

    /** Returns how long bins are to be, so that little is wasted. */
    private int capacity(Collection<List<Part>> levels) {
        Map<List<Integer>, List<List<Part>>> alike = levels.stream()
                .collect(Collectors.groupingBy(
                        level -> level.stream().map(this::length).sorted().toList()));
        int best = positions;
        long least = Long.MAX_VALUE;
        int step = Math.max(1, (LARGE - positions) / TRIALS);
        for (int capacity = positions; capacity <= Math.max(positions, LARGE); capacity += step) {
            long longest = 0;
            long count = 0;
            for (List<List<Part>> same : alike.values()) {
                List<List<Part>> filled = fill(same.get(0), capacity);
                count += (long) filled.size() * same.size();
                longest = Math.max(
                        longest, filled.stream().mapToInt(this::length).max().orElse(0));
            }
            long cost = count * longest * (LARGE * 16L + longest);
            if (cost < least) {
                least = cost;
                best = capacity;
            }
        }
        return best;
    }

    private List<List<Part>> fill(List<Part> level, int capacity) {
        List<List<Part>> filled = new ArrayList<>();
        List<Integer> used = new ArrayList<>();
        for (Part part :
                level.stream().sorted(Comparator.comparingInt(Part::first)).toList()) {
            int at = 0;
            while (at < filled.size() && used.get(at) + length(part) > capacity) {
                at++;
            }
            if (at == filled.size()) {
                filled.add(new ArrayList<>());
                used.add(0);
            }
            filled.get(at).add(part);
            used.set(at, used.get(at) + length(part));
        }
        return filled;
    }

    private void add(List<Part> group) {
        int[] owners = new int[slots];
        int[] at = new int[slots];
        int next = 0;
        for (Part part : group) {
            for (int position : part.wanted()) {
                owners[next] = part.run();
                at[next++] = position;
            }
        }
        for (Part part : group) {
            for (int position = part.first(); position < positions; position++) {
                if (!part.wanted().contains(position)) {
                    owners[next] = part.run();
                    at[next++] = position;
                }
            }
        }
        Arrays.fill(owners, next, slots, group.get(0).run());
        Arrays.fill(at, next, slots, group.get(0).first());
        group.forEach(part -> binOf.put(part.run(), bins.size()));
        bins.add(new Bin(group.get(0).level(), owners, at, next));
    }

    /** Returns the rows of the base run, and of each bin. */
    public int rows() {
        return rows;
    }

    /** Returns the positions of the base run. */
    public int positions() {
        return positions;
    }

    /** Returns whether runs may share a bin. */
    public boolean isShared() {
        return shared;
    }

    /** Returns how many positions of the base run stand before the keys of each bin. */
    public int prefix() {
        return prefix;
    }

    /** Returns the length of bins: all of it, or of the part that is looked at. */
    public int slots(boolean all) {
        return all ? slots : wanted;
    }

    /** Returns the number of keys that a bin's positions are compared with. */
    public int keys() {
        return prefix + slots;
    }

    /** Returns the number of bins of the first levels. */
    public int count(int levels) {
        int count = 0;
        while (count < bins.size() && bins.get(count).level() < levels) {
            count++;
        }
        return count;
    }

    /** Returns the level at which a run begins. */
    public int level(int run) {
        return part(run).level();
    }

    /** Returns a run's part. */
    public Part part(int run) {
        return java.util.Objects.requireNonNull(parts.get(run));
    }

    /** Returns the bin of a run. */
    public int bin(int run) {
        return java.util.Objects.requireNonNull(binOf.get(run));
    }

    /** Returns whose position is at a slot of a bin; that of padding too belongs to a run of the bin. */
    public int owner(int bin, int slot) {
        return bins.get(bin).owners()[slot];
    }

    /** Returns which position is at a slot of a bin. */
    public int position(int bin, int slot) {
        return bins.get(bin).positions()[slot];
    }

    /** Returns at which slot of its bin a run's position is. */
    public int slot(int run, int position) {
        Bin bin = bins.get(bin(run));
        for (int slot = 0; slot < bin.used(); slot++) {
            if (bin.owners()[slot] == run && bin.positions()[slot] == position) {
                return slot;
            }
        }
        throw new IllegalArgumentException("run " + run + " has no position " + position + " of its own");
    }

    /** Returns which position of the base run a key of a bin is, be it computed anew or not. */
    public int keyPosition(int bin, int key) {
        return key < prefix ? key : position(bin, key - prefix);
    }

    /** Returns whether what is at a slot may see a key: the base run's before its run begins, and its own run's. */
    public boolean sees(int bin, int slot, int key) {
        int owner = owner(bin, slot);
        if (key < prefix) {
            return key < part(owner).first();
        }
        int other = key - prefix;
        boolean padding = other >= bins.get(bin).used() && other != slot;
        return !padding && owner(bin, other) == owner;
    }

    /** Returns how many positions are computed at a level, all of them or those that are looked at. */
    public long tokens(int levels, boolean all) {
        return (long) count(levels) * rows * slots(all);
    }

    @Override
    public String toString() {
        return parts.size() + " runs in " + bins.size() + " bins of " + slots + " positions"
                + (prefix > 0 ? " behind " + prefix + " stored ones" : "");
    }
}
