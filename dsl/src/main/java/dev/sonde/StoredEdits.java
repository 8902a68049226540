package dev.sonde;

import dev.sonde.graph.Effect;
import dev.sonde.graph.GraphFile;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.Selection;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModelManifest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Edits as data, written again into each run. */
final class StoredEdits implements Consumer<Trace> {
    private final InterventionGraph graph;

    private StoredEdits(InterventionGraph graph) {
        this.graph = graph;
    }

    static StoredEdits read(Path file, ModelManifest manifest) {
        InterventionGraph graph;
        try {
            graph = GraphFile.read(ByteBuffer.wrap(Files.readAllBytes(file)), file.toString());
        } catch (IOException e) {
            throw new SondeException("cannot-read", "Edits cannot be read from '" + file + "': " + e, e);
        }
        boolean open = graph.runs().size() == 1
                && graph.runs().get(0) instanceof RunInput.Tensors tensors
                && tensors.tensors().isEmpty();
        if (!open || !graph.saves().isEmpty()) {
            throw new SondeException(
                    "bad-graph", "'" + file + "' holds an experiment: expected edits that EditedModel.save wrote");
        }
        if (!graph.model().equals(manifest.sha256())) {
            throw new SondeException(
                    "other-model",
                    "The edits of '" + file + "' were made for the model with sha256 " + graph.model() + " but '"
                            + manifest.name() + "' has " + manifest.sha256());
        }
        return new StoredEdits(graph);
    }

    @Override
    public void accept(Trace trace) {
        new Writing(trace.recorder(), trace.index()).write();
    }

    /** Writes the edits into one run. */
    private final class Writing {
        private final Recorder recorder;
        private final int run;
        private final Map<Integer, Integer> ids = new HashMap<>();

        Writing(Recorder recorder, int run) {
            this.recorder = recorder;
            this.run = run;
        }

        void write() {
            for (int i = 0; i < graph.nodes().size(); i++) {
                ids.put(i, node(graph.nodes().get(i)));
            }
            graph.effects().forEach(this::effect);
        }

        private int node(Node node) {
            if (node instanceof Node.Read read) {
                return recorder.read(run, read.site(), read.version());
            }
            if (node instanceof Node.Call call) {
                return recorder.add(new Node.Call(run, call.module(), id(call.input())));
            }
            if (node instanceof Node.Select select) {
                return region(select.input(), select.selection(), (of, at) -> new Node.Select(of, at));
            }
            if (node instanceof Node.Put put) {
                return region(put.into(), put.selection(), (of, at) -> new Node.Put(of, id(put.value()), at));
            }
            return recorder.add(Shadows.withInputs(
                    node, node.inputs().stream().map(this::id).toList()));
        }

        private int id(int stored) {
            return java.util.Objects.requireNonNull(ids.get(stored));
        }

        /** Makes a node of a region. */
        private interface OfRegion {
            Node of(int input, Selection selection);
        }

        /** A region is found anew: the prompt's last position is another in each run. */
        private int region(int input, Selection selection, OfRegion then) {
            int of = id(input);
            if (recorder.isBroken(of)) {
                return of;
            }
            try {
                ValueType type = recorder.type(of);
                List<Selector> selectors = new ArrayList<>();
                for (Selection.Pick pick : selection.picks()) {
                    boolean prompt = type.dims().get(pick.axis()).isOfPositions() && !recorder.isRaw(of);
                    selectors.add(new Selector.Indices(
                            Integer.toString(pick.axis()), prompt, pick.rows().get(0), pick.single()));
                }
                return recorder.add(then.of(of, Selections.resolve(type, recorder.isRaw(of), selectors)));
            } catch (SondeException e) {
                return recorder.broken(e);
            }
        }

        private void effect(Effect effect) {
            if (effect instanceof Effect.Write write) {
                recorder.write(run, write.site(), id(write.value()));
            } else if (effect instanceof Effect.Skip skip) {
                recorder.effect(new Effect.Skip(
                        run, skip.module(), skip.values().stream().map(this::id).toList()));
            } else {
                recorder.effect(new Effect.Stop(run, ((Effect.Stop) effect).site()));
            }
        }
    }
}
