package dev.sonde;

import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.spi.Backend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A model under edits that every run has which is recorded on it, before that run's own. It is a value: the model that it was
 * made from stays as it is, and is what to use when the edits are no longer wanted. Works on local and remote models alike,
 * because each experiment that is recorded carries the edits with it.
 *
 * <pre>{@code
 * EditedModel quiet = model.edit(t -> t.zero(t.site("layers.3#mlp_out")));
 * quiet.save(Path.of("quiet.safetensors"));
 * Model again = model.edit(Path.of("quiet.safetensors")).edit(t -> t.scale(t.site("layers.0#attn_out"), 2));
 * }</pre>
 */
public final class EditedModel implements Model {
    private final Model original;
    private final List<Consumer<Trace>> edits;

    EditedModel(Model original, List<Consumer<Trace>> edits) {
        this.original = original;
        this.edits = List.copyOf(edits);
    }

    /** Returns the model without the edits. */
    public Model original() {
        return original;
    }

    @Override
    public Backend backend() {
        return original.backend();
    }

    @Override
    public EditedModel edit(Consumer<Trace> edit) {
        List<Consumer<Trace>> all = new ArrayList<>(edits);
        all.add(edit);
        return new EditedModel(original, all);
    }

    @Override
    public <T> Recording<T> record(Function<Session, T> body) {
        return Recording.of(new Recorder(backend(), edits), body);
    }

    /**
     * Returns the edits as data: a graph whose one run is open, to be filled by each run that is edited so.
     *
     * @throws SondeException {@code unknown-size} if an edit depends on the length of the prompt other than by {@code
     *     position(-1)}, {@code not-portable} if it calls Java code
     */
    public InterventionGraph graph() {
        Recorder recorder = new Recorder(backend(), edits);
        recorder.run(new RunInput.Tensors(Map.of()));
        InterventionGraph graph = recorder.finish();
        if (graph.runs().size() > 1) {
            throw new SondeException(
                    "not-portable",
                    "An edit is computed by Java code, which cannot be stored: expected Sonde's own operators");
        }
        return graph;
    }

    /**
     * Writes the edits into a file that {@link Model#edit(Path)} reads.
     *
     * @throws SondeException {@code cannot-write}, and those of {@link #graph()}
     */
    public void save(Path file) {
        byte[] bytes = GraphFile.write(graph());
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new SondeException("cannot-write", "Edits cannot be written to '" + file + "': " + e, e);
        }
    }

    /** Frees nothing: the model that was edited is whoever's who opened it. */
    @Override
    public void close() {}
}
