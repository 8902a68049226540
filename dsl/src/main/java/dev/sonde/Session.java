package dev.sonde;

import dev.sonde.graph.Node;
import dev.sonde.graph.Operator;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import dev.sonde.kind.Parameter;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.spi.Cost;
import dev.sonde.spi.Tokenizer;
import dev.sonde.training.Trainable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/** Several runs and the computation between them, recorded as one experiment. */
public final class Session {
    private final Recorder recorder;

    Session(Recorder recorder) {
        this.recorder = recorder;
    }

    /** Returns what the model offers. */
    public ModelManifest manifest() {
        return recorder.manifest();
    }

    /** Returns a run of one prompt without edits. */
    public Run run(String prompt) {
        return run(input(prompt));
    }

    /** Returns a run of one prompt under the edits that {@code edits} records. */
    public Run run(String prompt, Consumer<Trace> edits) {
        return run(input(prompt), edits);
    }

    /** Returns a run of several prompts, which may differ in length, without edits. */
    public Run run(List<String> prompts) {
        return run(input(prompts.toArray(String[]::new)));
    }

    /** Returns a run of several prompts under the edits that {@code edits} records. */
    public Run run(List<String> prompts, Consumer<Trace> edits) {
        return run(input(prompts.toArray(String[]::new)), edits);
    }

    /** Returns a run of any {@link Input} without edits. */
    public Run run(RunInput input) {
        return new Run(recorder, recorder.run(input));
    }

    /** Returns a run of any {@link Input} under the edits that {@code edits} records. */
    public Run run(RunInput input, Consumer<Trace> edits) {
        Trace trace = trace(input);
        edits.accept(trace);
        return trace;
    }

    Trace trace(RunInput input) {
        return new Trace(recorder, recorder.run(input));
    }

    /** Returns a generation from one prompt. */
    public Generation generate(String prompt, GenerationOptions options) {
        return generate(input(prompt), options, g -> {});
    }

    /** Returns a generation from one prompt, with what {@code body} does at its steps. */
    public Generation generate(String prompt, GenerationOptions options, Consumer<Generation> body) {
        return generate(input(prompt), options, body);
    }

    /** Returns a generation from several prompts, which may differ in length, with what {@code body} does at its steps. */
    public Generation generate(List<String> prompts, GenerationOptions options, Consumer<Generation> body) {
        return generate(input(prompts.toArray(String[]::new)), options, body);
    }

    /**
     * Returns a generation from prompts of text or {@linkplain Input#rows ids}, with what {@code body} does at its steps.
     *
     * @throws SondeException {@code raw-positions} if the input is raw tensors
     */
    public Generation generate(RunInput prompts, GenerationOptions options, Consumer<Generation> body) {
        if (!(prompts instanceof RunInput.Tokens tokens)) {
            throw new SondeException(
                    "raw-positions",
                    "Text is generated from prompts of text or ids: expected input(...) or Input.rows(...) ("
                            + UserLine.here() + ")");
        }
        GenerationOptions known = options.stopTokens().equals(GenerationOptions.OF_MODEL)
                ? options.withStopTokens(
                        recorder.decoder().map(Tokenizer::endTokens).orElse(List.of()))
                : options;
        Generation generation =
                new Generation(recorder, new RunInput.Generation(tokens, known), "generation_" + recorder.mark());
        body.accept(generation);
        generation.record();
        return generation;
    }

    /** Returns prompts as token ids, with the special tokens that the model expects. */
    public RunInput input(String... prompts) {
        List<List<Long>> ids = new ArrayList<>();
        for (String prompt : prompts) {
            ids.add(Arrays.stream(recorder.tokenizer().encode(prompt)).boxed().toList());
        }
        return new RunInput.Tokens(ids, List.of(prompts), Map.of());
    }

    /**
     * Returns the id of a text that is one token.
     *
     * @throws SondeException {@code not-one-token}, with the tokens, if it is not
     */
    public int token(String text) {
        long[] ids = recorder.tokenizer().encodePlain(text);
        if (ids.length != 1) {
            List<String> parts = Arrays.stream(ids)
                    .mapToObj(id -> "'" + recorder.tokenizer().decode(id) + "'")
                    .toList();
            throw new SondeException(
                    "not-one-token",
                    "'" + text + "' is not one token of model '" + manifest().name() + "' but " + ids.length + ": "
                            + parts + " (" + UserLine.here() + ")");
        }
        return (int) ids[0];
    }

    /** Returns a tensor as a value. */
    public Value<Any> constant(Tensor tensor) {
        return new Value<>(recorder, recorder.add(new Node.Constant(tensor)));
    }

    /** Returns a float32 number as a value. */
    public Value<Any> constant(double number) {
        return constant(Tensor.scalar(DType.FLOAT32, number));
    }

    /** Returns the numbers that a trainable has now as a value; a {@link dev.sonde.training.Training} moves them. */
    public Value<Any> trainable(Trainable trainable) {
        return new Value<>(recorder, recorder.trainable(trainable));
    }

    /** Returns the trainables that were used so far, and their values. */
    public Map<Trainable, Value<Any>> trainables() {
        Map<Trainable, Value<Any>> used = new LinkedHashMap<>();
        recorder.trainables().forEach((each, id) -> used.put(each, new Value<>(recorder, id)));
        return used;
    }

    /**
     * Returns a parameter of the model as the file has it, such as a matrix of weights; edits of runs do not change it.
     *
     * @param name PyTorch's ({@code model.layers.3.mlp.down_proj.weight}), a standard name ({@code layers.3#W_out}), or
     *     {@code value:NAME} of a raw one
     */
    public Value<Parameter> parameter(String name) {
        return new Value<>(recorder, recorder.parameter(name));
    }

    /** Returns values of one shape along a new first axis of that name. */
    public Value<Any> stack(String axis, List<? extends Value<?>> values) {
        List<Integer> ids = values.stream().map(each -> each.in(recorder)).toList();
        if (ids.isEmpty()) {
            throw new SondeException("empty-stack", "Nothing to stack along '" + axis + "' (" + UserLine.here() + ")");
        }
        Map<String, List<Long>> first = Map.of("axis", List.of(0L));
        return new Value<>(recorder, recorder.add(new Node.Apply(Operator.STACK, ids, first, Map.of("name", axis))));
    }

    /** Returns the gradients of a number with respect to several values, in their order, from one backward pass. */
    public List<Value<Any>> gradients(Value<?> of, List<? extends Value<?>> wrt) {
        return wrt.stream().map(each -> of.gradient(each.as(Any.class))).toList();
    }

    /** Returns what {@code yes} is where a condition holds, elsewhere {@code no}; both are computed. */
    public <K extends Any> Value<K> when(Value<?> condition, Value<K> yes, Value<? extends K> no) {
        return condition.choose(yes, no);
    }

    /** Returns the value at a site of several runs, row behind row along {@code batch}, as one run of all would show it. */
    public <K extends Any> Value<K> across(List<? extends Run> runs, Site<K> site) {
        if (runs.isEmpty()) {
            throw new SondeException("empty-stack", "No runs to read " + site + " from (" + UserLine.here() + ")");
        }
        Value<?>[] others = runs.stream().skip(1).map(run -> run.get(site)).toArray(Value<?>[]::new);
        return new Value<>(
                recorder, runs.get(0).get(site).concat("batch", others).id());
    }

    /**
     * Records with {@code name/} before the names of the values that {@code body} saves, so that one body can be recorded
     * many times.
     */
    public void within(String name, Runnable body) {
        recorder.within(name, body);
    }

    /** Returns what the runs and saved values recorded so far will take: forward passes, tokens, and bytes of results. */
    public Cost cost() {
        return recorder.cost();
    }

    /**
     * Returns standard normal noise in the shape of a value. Each row of the first axis has noise of its own, made from the
     * seed and the row's number: the same whichever rows are computed beside it.
     */
    public Value<Any> noise(long seed, Value<?> like) {
        return recorder.isBroken(like.in(recorder))
                ? new Value<>(recorder, like.in(recorder))
                : constant(Noise.normal(seed, like.type()));
    }

    /** Returns {@code cell} of every pair, stacked: {@code [rows, columns, ...]}. Write the plain loop; the planner batches. */
    public <A, B> Value<Any> grid(
            Iterable<? extends A> rows,
            Iterable<? extends B> columns,
            BiFunction<? super A, ? super B, Value<?>> cell) {
        List<Value<?>> lines = new ArrayList<>();
        for (A row : rows) {
            List<Value<?>> line = new ArrayList<>();
            for (B column : columns) {
                line.add(cell.apply(row, column));
            }
            lines.add(stack("", line));
        }
        return stack("", lines);
    }
}
