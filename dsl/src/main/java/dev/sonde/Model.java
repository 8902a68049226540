package dev.sonde;

import dev.sonde.chat.ChatMessage;
import dev.sonde.data.Dataset;
import dev.sonde.data.Row;
import dev.sonde.data.Study;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.spi.Backend;
import dev.sonde.spi.Control;
import dev.sonde.spi.Limits;
import dev.sonde.spi.Results;
import dev.sonde.spi.Tokenizer;
import dev.sonde.training.Training;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A model that experiments run on, here or elsewhere. Safe for many threads; the scopes that lambdas receive are not, and
 * belong to the thread and the lambda that received them.
 */
public interface Model extends AutoCloseable {
    /** Returns what runs graphs on this model. */
    Backend backend();

    /** Returns what the model offers. */
    default ModelManifest manifest() {
        return backend().manifest();
    }

    /**
     * Runs one prompt under the edits that {@code body} records, and returns what it returned, its handles filled.
     *
     * @throws SondeException with all mistakes of the recording and the lines that made them, before anything runs
     */
    default <T> T trace(String prompt, Function<Trace, T> body) {
        return session(s -> body.apply(s.trace(s.input(prompt))));
    }

    /** Runs any {@link Input} under the edits that {@code body} records, and returns what it returned, its handles filled. */
    default <T> T trace(RunInput input, Function<Trace, T> body) {
        return session(s -> body.apply(s.trace(input)));
    }

    /** Runs what {@code body} records, and returns what it returned, its handles filled. */
    default <T> T session(Function<Session, T> body) {
        Recording<T> recording = record(body);
        return recording.fill(run(recording.graph()));
    }

    /**
     * Returns an experiment that is recorded once for each row of a data set; it runs when it is asked for its results. What
     * {@code body} saves is the row's, under the names given there.
     *
     * @param body records one row; called in the order of the rows
     */
    default Study over(Dataset dataset, BiConsumer<Session, Row> body) {
        return Study.over(this, dataset, body);
    }

    /**
     * Returns a training, which makes a loss small over the rows of a data set by changing {@link
     * dev.sonde.training.Trainable}s; the model stays as it is. It begins when it is {@linkplain Training#run run}.
     *
     * @param body records one batch of rows and returns its loss, one number of floats; called once for each batch
     */
    default Training train(Dataset dataset, BiFunction<Session, List<Row>, Value<?>> body) {
        return train(dataset, (session, rows, step) -> body.apply(session, rows));
    }

    /**
     * Returns a training whose loss depends on the step too, counted from 0, as where a temperature falls or each step has noise of
     * its own.
     */
    default Training train(Dataset dataset, Training.Body body) {
        return Training.of(this, dataset, body);
    }

    /**
     * Returns a study that reads sites while the model runs the rows' prompts (their field {@code text}, or {@code ids}).
     *
     * @param sites names or patterns such as {@code layers.*#resid_post}; none for all sites but raw values
     */
    default Study cache(Dataset dataset, String... sites) {
        return Study.cache(this, dataset, List.of(sites));
    }

    /** As {@link #firstNonFinite(RunInput, Consumer)}, of a prompt. */
    default Optional<NonFinite> firstNonFinite(String prompt, Consumer<Trace> edits) {
        return firstNonFinite(Input.ids(encode(prompt)), edits);
    }

    /**
     * Returns the first place, in the order of computation, at which a run has NaN or an infinity; empty if all its values are
     * finite. Negative infinity does not count in attention values and values without a name, where masks are made of it.
     *
     * @param edits what is done to the run; nothing if {@code t -> {}}
     */
    default Optional<NonFinite> firstNonFinite(RunInput input, Consumer<Trace> edits) {
        return new NonFiniteSearch(this, input, edits).first();
    }

    /** Runs what {@code body} records, watched by {@code control}, and returns what it returned, its handles filled. */
    default <T> T session(Function<Session, T> body, Control control) {
        Recording<T> recording = record(body);
        return recording.fill(run(recording.graph(), control));
    }

    /** Returns what the model generates from a prompt. */
    default Generated generate(String prompt, GenerationOptions options) {
        return session(s -> s.generate(prompt, options)).value();
    }

    /**
     * Returns what the model generates from a prompt, and tells the text bit by bit while it comes.
     *
     * @param text is told parts of the new text, whole characters only, which together are the result's text
     */
    default Generated generate(String prompt, GenerationOptions options, Consumer<String> text) {
        return generate(Input.ids(encode(prompt)), options, g -> {}, text);
    }

    /**
     * Returns what the model generates from one prompt, with what {@code body} does at its steps, and tells the text bit by bit
     * while it comes.
     *
     * @param prompt of text or ids, such as {@link Input#ids} or {@link #chat}
     * @param text is told parts of the new text, whole characters only, which together are the result's text
     */
    default Generated generate(
            RunInput prompt, GenerationOptions options, Consumer<Generation> body, Consumer<String> text) {
        List<Long> ids = prompt instanceof RunInput.Tokens tokens ? tokens.ids().get(0) : List.of();
        TextStream stream =
                new TextStream(Recorder.tokenizer(manifest(), backend().tokenizer()), ids, text);
        Generated generated =
                session(s -> s.generate(prompt, options, body), stream).value();
        stream.finish(generated.text());
        return generated;
    }

    /**
     * Returns a conversation as a prompt for the model's next message, in the form that the model was trained to see.
     *
     * @throws SondeException {@code no-chat-template} if the model's folder does not say how, {@code chat-refused} if the model
     *     takes no such conversation
     */
    default RunInput chat(ChatMessage... messages) {
        Tokenizer tokenizer = Recorder.tokenizer(manifest(), backend().tokenizer());
        String text = tokenizer
                .chatTemplate()
                .orElseThrow(() -> new SondeException(
                        "no-chat-template",
                        "Model '" + manifest().name()
                                + "' has no chat template: expected one in tokenizer_config.json or"
                                + " chat_template.jinja beside the ONNX file"))
                .prompt(List.of(messages));
        List<Long> ids = Arrays.stream(tokenizer.encodePlain(text)).boxed().toList();
        return new RunInput.Tokens(List.of(ids), List.of(text), Map.of());
    }

    /** Records without running. */
    default <T> Recording<T> record(Function<Session, T> body) {
        return Recording.of(new Recorder(backend(), List.of()), body);
    }

    /** Returns this model under edits that every run has which is recorded on it; this model stays as it is. */
    default EditedModel edit(Consumer<Trace> edit) {
        return new EditedModel(this, List.of(edit));
    }

    /**
     * Returns this model under edits from a file.
     *
     * @throws SondeException {@code cannot-read} or {@code bad-graph} if there are none, {@code other-model} if they were
     *     made for another model
     */
    default EditedModel edit(Path file) {
        return edit(StoredEdits.read(file, manifest()));
    }

    /** Runs a recorded graph as it is. */
    default Results run(InterventionGraph graph) {
        return run(graph, Control.NONE);
    }

    /** Runs a recorded graph, watched by {@code control}. */
    default Results run(InterventionGraph graph, Control control) {
        return backend()
                .run(List.of(backend().prepare(graph, Limits.NONE)), control)
                .get(0);
    }

    /**
     * Returns a prompt as token ids, with the special tokens that the model expects.
     *
     * @throws SondeException {@code no-tokenizer} if the model has none
     */
    default long[] encode(String prompt) {
        return Recorder.tokenizer(manifest(), backend().tokenizer()).encode(prompt);
    }

    /**
     * Returns the text of token ids.
     *
     * @throws SondeException {@code no-tokenizer} if the model has none
     */
    default String decode(long... ids) {
        return Recorder.tokenizer(manifest(), backend().tokenizer()).decode(ids);
    }

    /** Frees the model; fails politely while runs are under way. */
    @Override
    void close();
}
