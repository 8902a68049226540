package dev.sonde.onnx.identities;

import static dev.sonde.Selector.position;

import dev.sonde.Run;
import dev.sonde.Selector;
import dev.sonde.Site;
import dev.sonde.Trace;
import dev.sonde.Value;
import dev.sonde.kind.Any;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.SiteInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * One random edit.
 *
 * @param site where
 * @param kind what sort
 * @param region of the site's value; none for all of it
 * @param amount how much
 */
record Change(String site, Kind kind, List<Selector> region, double amount) {
    enum Kind {
        ADD,
        SCALE,
        ZERO,
        SQUASH,
        DONOR,
        MIX,
        CONDITION
    }

    /** Returns an edit of a random place; {@code shortest} is the length of the shortest prompt, 0 for raw inputs. */
    static Change random(Random random, List<SiteInfo> places, int shortest) {
        SiteInfo site = places.get(random.nextInt(places.size()));
        boolean positions = site.axes().stream().anyMatch(axis -> axis.name().equals("position"));
        Kind kind = Kind.values()[random.nextInt(Kind.values().length)];
        if (kind == Kind.CONDITION && (!positions || shortest == 0)) {
            kind = Kind.SQUASH;
        }
        // Masked scores are as low as numbers go, and become infinite when they are multiplied.
        if (site.name().endsWith("scores") && kind != Kind.DONOR) {
            kind = Kind.SQUASH;
        }
        return new Change(site.name(), kind, region(random, site, shortest), random.nextInt(-15, 16) / 10.0);
    }

    private static List<Selector> region(Random random, SiteInfo site, int shortest) {
        List<Selector> region = new ArrayList<>();
        for (AxisInfo axis : site.axes().subList(1, site.axes().size())) {
            if (random.nextInt(3) > 0 || axis.name().isEmpty()) {
                continue;
            }
            long size = axis.size().in(Map.of()).orElse(0);
            if (axis.name().equals("position") && shortest > 0) {
                region.add(position(random.nextBoolean() ? -1 : random.nextInt(shortest)));
            } else if (axis.name().equals("query") && shortest > 0) {
                region.add(Selector.query(random.nextInt(shortest)));
            } else if (axis.name().equals("head") || axis.name().equals("kv_head")) {
                region.add(Selector.index(axis.name(), random.nextInt((int) size)));
            } else if (size > 1) {
                int from = random.nextInt((int) size - 1);
                region.add(Selector.range(axis.name(), from, from + 1 + random.nextInt((int) size - from)));
            }
        }
        return region;
    }

    void record(Trace trace, Run donor) {
        Site<Any> place = Site.of(site);
        Selector[] part = region.toArray(Selector[]::new);
        switch (kind) {
            case ADD -> trace.update(place, v -> put(v, at(v, part).plus(amount)));
            case SCALE -> trace.update(place, v -> put(v, at(v, part).times(amount)));
            case ZERO -> trace.zero(place, part);
            case SQUASH -> trace.update(place, v -> put(v, at(v, part).tanh()));
            case DONOR -> trace.update(place, v -> put(v, at(donor.get(place), part)));
            case MIX ->
                trace.update(
                        place,
                        v -> put(v, at(v, part).plus(at(donor.get(place), part).times(amount))));
            case CONDITION -> {
                Value<Any> last = trace.get(place).at(position(-1));
                String[] axes = last.type().names().stream().skip(1).toArray(String[]::new);
                String[] numbers = new String[axes.length];
                for (int i = 0; i < axes.length; i++) {
                    numbers[i] = Integer.toString(i + 1);
                }
                trace.when(last.largest(numbers).greaterThan(amount), () -> trace.zero(place, part));
            }
        }
    }

    private Value<Any> put(Value<Any> whole, Value<?> changed) {
        return region.isEmpty() ? changed.as(Any.class) : whole.with(region, changed);
    }

    private static Value<Any> at(Value<Any> value, Selector... region) {
        return region.length == 0 ? value : value.at(region);
    }
}
