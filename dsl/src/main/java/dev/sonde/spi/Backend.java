package dev.sonde.spi;

import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.graph.ValueType;
import dev.sonde.manifest.ModelManifest;
import java.util.List;
import java.util.Optional;

/** Something that runs intervention graphs on one model: an engine here, or a service elsewhere. Safe for many threads. */
public interface Backend extends AutoCloseable {
    /** Returns what the model offers. */
    ModelManifest manifest();

    /** Returns the model's tokenizer, if it has one. */
    Optional<Tokenizer> tokenizer();

    /**
     * Returns the type of an operator's outputs, for operators that Sonde knows only by name.
     *
     * @param node the operator; its own type means nothing yet
     * @param inputs types of its inputs
     * @param known the numbers of those inputs that are constants
     * @throws SondeException {@code bad-operator} if there is no such operator or it does not take these; {@code
     *     not-portable} if this backend cannot tell
     */
    default ValueType infer(Node.Onnx node, List<ValueType> inputs, List<Optional<Tensor>> known) {
        throw new SondeException(
                "not-portable",
                "apply(\"" + node.operator() + "\", ...) needs a local model: expected Sonde's own operators here");
    }

    /**
     * Checks that no value of a graph needs itself through a write, while it is being recorded. A backend that cannot tell
     * finds it in {@link #prepare}.
     *
     * @throws SondeException {@code cyclic-values} with the path
     */
    default void check(InterventionGraph graph) {}

    /**
     * Checks and prices a graph without running it.
     *
     * @throws dev.sonde.SondeException if the graph does not fit the model, or is over {@code limits}, naming the limit
     */
    Prepared prepare(InterventionGraph graph, Limits limits);

    /**
     * Runs graphs that this backend prepared.
     *
     * @return one result per graph, in order
     * @throws dev.sonde.SondeException {@code cancelled} or {@code deadline} if {@code control} ended the work
     */
    List<Results> run(List<Prepared> prepared, Control control);

    /** Frees the model; work under way ends first. */
    @Override
    void close();
}
