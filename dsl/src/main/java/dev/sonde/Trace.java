package dev.sonde;

import dev.sonde.graph.Node;
import dev.sonde.kind.Any;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** A run while its edits are being recorded. Edits of one site take effect in the order in which they are recorded. */
public sealed class Trace extends Run permits Step {
    Trace(Recorder recorder, int index) {
        super(recorder, index);
    }

    /** Replaces the value at a site. */
    public final <K extends Any> void set(Site<K> site, Value<? extends K> value) {
        Value<?> written = value;
        for (int condition : recorder().conditions()) {
            written = chosen(
                    new Value<>(recorder(), condition), written, get(site).as(Any.class));
        }
        recorder().write(index(), site.name(), besidesPadding(site, written).in(recorder()));
    }

    /** Tokens must not see padding, whatever is written: along keys, what lies behind a row's end stays as it is. */
    private Value<?> besidesPadding(Site<?> site, Value<?> written) {
        Optional<Tensor> own = recorder().ownKeys(index(), site.name());
        if (own.isEmpty() || recorder().isBroken(written.in(recorder()))) {
            return written;
        }
        Value<Any> condition = new Value<>(recorder(), recorder().add(new Node.Constant(own.get())));
        return condition.choose(written.as(Any.class), get(site).as(Any.class));
    }

    /**
     * Records edits that only happen where a condition holds; elsewhere sites stay as they are. Both ways are computed.
     *
     * @param condition bool, without axes or with one element for each row of the batch
     * @param edits what to record
     */
    public final void when(Value<?> condition, Runnable edits) {
        recorder().when(condition.in(recorder()), edits);
    }

    private Value<?> chosen(Value<?> condition, Value<?> yes, Value<Any> no) {
        int missing = condition.type().rank() == 0
                ? 0
                : no.type().rank() - condition.type().rank();
        Value<?> spread = condition;
        for (int i = 0; i < missing; i++) {
            spread = spread.unsqueeze(spread.type().rank(), "");
        }
        return spread.choose(yes.as(Any.class), no);
    }

    /** Replaces the value at a site by a function of it. */
    public final <K extends Any> void update(
            Site<K> site, Function<? super Value<K>, ? extends Value<? extends K>> change) {
        set(site, change.apply(get(site)));
    }

    /** Adds a value to what is at a site, or to a region of it. */
    public final <K extends Any> void add(Site<K> site, Value<?> value, Selector... region) {
        update(
                site,
                v -> region.length == 0
                        ? v.plus(value)
                        : v.with(List.of(region), v.at(region).plus(value)));
    }

    /** Multiplies what is at a site, or a region of it, by a number. */
    public final <K extends Any> void scale(Site<K> site, double factor, Selector... region) {
        update(
                site,
                v -> region.length == 0
                        ? v.times(factor)
                        : v.with(List.of(region), v.at(region).times(factor)));
    }

    /** Sets what is at a site, or a region of it, to zero. */
    public final <K extends Any> void zero(Site<K> site, Selector... region) {
        // A product with zero would keep NaN and infinity.
        update(site, v -> v.with(List.of(region), 0));
    }

    /**
     * Does not run a module; its outputs are {@code values}, one for each, which broadcast. What lies inside the module cannot be
     * read or edited in this run.
     */
    public final void skip(String module, Value<?>... values) {
        List<Integer> ids =
                Arrays.stream(values).map(each -> each.in(recorder())).toList();
        if (ids.stream().noneMatch(recorder()::isBroken)) {
            recorder().skip(index(), module, ids);
        }
    }

    /** Ends the run at a site: needing anything that lies after it is an error, and nothing after it is computed. */
    public final void stop(Site<?> site) {
        recorder().stop(index(), site.name());
    }
}
