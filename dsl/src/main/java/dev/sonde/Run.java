package dev.sonde;

import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.kind.Parameter;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.training.Trainable;
import java.util.Collections;
import java.util.List;
import java.util.stream.LongStream;

/** One forward pass over one or more prompts, under one set of edits. Its values can be used in later runs. */
public class Run {
    private final Recorder recorder;
    private final int index;

    Run(Recorder recorder, int index) {
        this.recorder = recorder;
        this.index = index;
    }

    Recorder recorder() {
        return recorder;
    }

    int index() {
        return index;
    }

    /** Returns what the model offers. */
    public final ModelManifest manifest() {
        return recorder.manifest();
    }

    /** Returns the site of that name, to be read or edited. */
    public final Site<Any> site(String name) {
        return Site.of(name);
    }

    /** Returns the value at a site, as the edits recorded so far leave it. */
    public final <K extends Any> Value<K> get(Site<K> site) {
        return new Value<>(recorder, recorder.read(index, site.name()));
    }

    /** Returns the value at the site of that name, as the edits recorded so far leave it. */
    public final Value<Any> get(String site) {
        return get(Site.of(site));
    }

    /**
     * Returns a parameter of the model as the file has it, whatever this run's edits do to it; {@link #get(String)} of the
     * same name shows it as they leave it.
     */
    public final Value<Parameter> parameter(String name) {
        return new Value<>(recorder, recorder.parameter(name));
    }

    /** Returns a tensor as a value. */
    public final Value<Any> constant(Tensor tensor) {
        return new Value<>(recorder, recorder.add(new Node.Constant(tensor)));
    }

    /** Returns a float32 number as a value. */
    public final Value<Any> constant(double number) {
        return constant(Tensor.scalar(DType.FLOAT32, number));
    }

    /** Returns the numbers that a trainable has now as a value; a {@link dev.sonde.training.Training} moves them. */
    public final Value<Any> trainable(Trainable trainable) {
        return new Value<>(recorder, recorder.trainable(trainable));
    }

    /** Returns standard normal noise in the shape of a value, as {@link Session#noise(long, Value)} does. */
    public final Value<Any> noise(long seed, Value<?> like) {
        return new Session(recorder).noise(seed, like);
    }

    /**
     * Returns a module applied to another value: the logit lens is {@code call("lm_head", call("model.norm", h))}. Edits of
     * this run's values do not reach it, edits of its parameters do; masks and tables that it needs besides come from this run.
     */
    public final Value<Any> call(String module, Value<?> input) {
        if (recorder.isBroken(input.in(recorder))) {
            return new Value<>(recorder, input.in(recorder));
        }
        return new Value<>(recorder, recorder.add(new Node.Call(index, module, input.in(recorder))));
    }

    /**
     * Returns the positions of this run's longest prompt, for sweeps.
     *
     * @throws IllegalStateException if this run was given raw tensors
     */
    public final List<Integer> positions() {
        long longest = Collections.max(tokens().lengths());
        return LongStream.range(0, longest).mapToObj(i -> (int) i).toList();
    }

    /** Returns the token ids of prompt {@code row}. */
    public final List<Long> ids(int row) {
        return tokens().ids().get(row);
    }

    private RunInput.Tokens tokens() {
        if (recorder.input(index) instanceof RunInput.Tokens tokens) {
            return tokens;
        }
        throw new IllegalStateException(
                "This run was given raw tensors; only runs of text or ids know their positions");
    }
}
