package dev.sonde;

import dev.sonde.graph.Effect;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One step of a generation, or several that have the same reads and edits, while these are being recorded. Sites show what the
 * step computes: the prompt pass the prompt, each later step one new position.
 */
public final class Step extends Trace {
    private final Map<String, Integer> kept = new LinkedHashMap<>();
    private final List<RunInput.Range> steps;

    Step(Recorder recorder, int index) {
        super(recorder, index);
        this.steps = recorder.input(index) instanceof RunInput.Steps later
                ? later.steps()
                : List.of(new RunInput.Range(0, 1));
    }

    /** Returns whether this is the prompt pass, step 0. */
    public boolean isPrompt() {
        return steps.get(0).from() == 0;
    }

    /** Returns the numbers of the steps that are recorded here. */
    public List<RunInput.Range> steps() {
        return steps;
    }

    Map<String, Integer> kept() {
        return kept;
    }

    /**
     * Keeps a value of every step that records it, under one name; {@link Generation#kept(String)} returns it. A value at a
     * position that a step does not compute is not kept for that step.
     */
    public void keep(String name, Value<?> value) {
        if (recorder().isBroken(value.in(recorder())) || recorder().isAbsent(value.in(recorder()))) {
            return;
        }
        if (recorder().isPartial(value.in(recorder()))) {
            recorder()
                    .problem(new SondeException(
                            "position-not-computed",
                            "'" + name + "' is at a position that only some rows compute in steps " + steps
                                    + ": expected last(), newest(), or prompts of one length"));
            return;
        }
        if (!recorder().isOf(index(), value.in(recorder()))) {
            recorder()
                    .problem(new SondeException(
                            "other-step", "'" + name + "' depends on nothing in the step that keeps it: use save()"));
            return;
        }
        if (kept.put(name, value.in(recorder())) != null) {
            recorder().problem(new SondeException("duplicate-name", "Two values are kept as '" + name + "'"));
        }
    }

    /**
     * Returns what the step before carried under that name.
     *
     * @param initial what it is in the prompt pass, and later as long as nothing was carried
     */
    public <K extends Any> Value<K> carried(String name, Value<K> initial) {
        if (isPrompt() || recorder().isBroken(initial.in(recorder()))) {
            return initial;
        }
        return new Value<>(recorder(), recorder().add(new Node.Carried(index(), name, initial.in(recorder()))));
    }

    /** Hands a value on to the next step, which finds it with {@link #carried}; always of one type. */
    public void carry(String name, Value<?> value) {
        effect(value, new Effect.Carry(index(), name, value.in(recorder())));
    }

    /**
     * Ends the generation of those rows for which a condition holds: the token of this step is not added to them.
     *
     * @param condition bool, without axes or with one element for each row
     */
    public void finishWhen(Value<?> condition) {
        effect(condition, new Effect.Finish(index(), condition.in(recorder())));
    }

    private void effect(Value<?> value, Effect effect) {
        if (recorder().isAbsent(value.in(recorder())) || recorder().isPartial(value.in(recorder()))) {
            recorder()
                    .problem(new SondeException(
                            "position-not-computed",
                            "A value is at a position that steps " + steps + " do not compute: expected last() or"
                                    + " newest()"));
        } else if (!recorder().isBroken(value.in(recorder()))) {
            recorder().effect(effect);
        }
    }

    /** Says what tokens are chosen from: the logits of the newest position, as all edits leave them. */
    void choose() {
        Value<Any> all = get(Generation.logits(manifest()));
        Value<Any> newest = all.at(Selector.last());
        Value<Any> logits = newest.type().dtype() == DType.FLOAT32 ? newest : newest.cast(DType.FLOAT32);
        // the sum of exponentials by way of the largest: ONNX Runtime is quick at that
        Value<Any> sum = logits.largest("1").minus(logits.logSoftmax("1").largest("1"));
        recorder().effect(new Effect.Choose(index(), logits.in(recorder()), sum.in(recorder())));
    }
}
