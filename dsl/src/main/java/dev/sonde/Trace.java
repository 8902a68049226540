package dev.sonde;

import dev.sonde.graph.Effect;
import dev.sonde.kind.Any;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** A run while its edits are being recorded. Edits of one site take effect in the order in which they are recorded. */
public final class Trace extends Run {
    Trace(Recorder recorder, int index) {
        super(recorder, index);
    }

    /** Replaces the value at a site. */
    public <K extends Any> void set(Site<K> site, Value<? extends K> value) {
        recorder().write(index(), site.name(), value.id());
    }

    /** Replaces the value at a site by a function of it. */
    public <K extends Any> void update(Site<K> site, Function<? super Value<K>, ? extends Value<? extends K>> change) {
        set(site, change.apply(get(site)));
    }

    /** Adds a value to what is at a site, or to a region of it. */
    public <K extends Any> void add(Site<K> site, Value<?> value, Selector... region) {
        update(
                site,
                v -> region.length == 0
                        ? v.plus(value)
                        : v.with(List.of(region), v.at(region).plus(value)));
    }

    /** Multiplies what is at a site, or a region of it, by a number. */
    public <K extends Any> void scale(Site<K> site, double factor, Selector... region) {
        update(
                site,
                v -> region.length == 0
                        ? v.times(factor)
                        : v.with(List.of(region), v.at(region).times(factor)));
    }

    /** Sets what is at a site, or a region of it, to zero. */
    public <K extends Any> void zero(Site<K> site, Selector... region) {
        // A product with zero would keep NaN and infinity.
        update(site, v -> v.with(List.of(region), 0));
    }

    /** Does not run a module; its outputs are {@code values}, one for each. */
    public void skip(String module, Value<?>... values) {
        List<Integer> ids = Arrays.stream(values).map(Value::id).toList();
        if (ids.stream().noneMatch(recorder()::isBroken)) {
            recorder()
                    .effect(new Effect.Skip(
                            index(), recorder().manifest().module(module).path(), ids));
        }
    }

    /** Ends the run at a site: needing anything that lies after it is an error, and nothing after it is computed. */
    public void stop(Site<?> site) {
        recorder()
                .effect(new Effect.Stop(
                        index(), recorder().manifest().site(site.name()).name()));
    }
}
