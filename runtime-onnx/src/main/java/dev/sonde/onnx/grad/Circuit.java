package dev.sonde.onnx.grad;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.Tensor;
import java.util.List;
import java.util.Optional;

/** A program that can be read and added to. */
public interface Circuit {
    /** Returns the version of the standard operators. */
    int opset();

    /** Returns the node that makes a value, reading what it reads in this program; inputs and constants have none. */
    Optional<NodeProto> producer(String value);

    /** Returns what is known of a value; types of values that were added may be left for inference. */
    Optional<TensorType> type(String value);

    /** Returns the numbers of a small constant or of a list that is given. */
    Optional<Tensor> numbers(String value);

    /** Returns a name that no value has. */
    String fresh();

    /** Adds a node. */
    void add(NodeProto node);

    /** Returns a constant that is part of the program's structure. */
    String constant(Tensor value);

    /** Returns a list of sizes that may differ between programs of one structure. */
    String sizes(List<Long> sizes);
}
