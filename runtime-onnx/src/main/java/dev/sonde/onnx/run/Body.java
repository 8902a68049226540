package dev.sonde.onnx.run;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What computes the outputs of a program: one session, or several one after the other. Safe for many threads. */
interface Body {
    /** Returns the names of its inputs. */
    Set<String> inputNames() throws OrtException;

    /** Returns the outputs of each of some inputs; all belong to the caller. */
    List<Map<String, OnnxTensor>> run(List<Map<String, OnnxTensor>> inputs, OrtSession.RunOptions options)
            throws OrtException;

    /** Returns the outputs of one input. */
    default Map<String, OnnxTensor> run(Map<String, OnnxTensor> inputs, OrtSession.RunOptions options)
            throws OrtException {
        return run(List.of(inputs), options).get(0);
    }

    /** Frees what it keeps open. */
    void close() throws OrtException;

    /** Returns the outputs by name; those that are no tensors are missing. */
    static Map<String, OnnxTensor> tensors(OrtSession.Result result) {
        Map<String, OnnxTensor> tensors = new HashMap<>();
        for (Map.Entry<String, OnnxValue> output : result) {
            if (output.getValue() instanceof OnnxTensor tensor) {
                tensors.put(output.getKey(), tensor);
            } else {
                output.getValue().close();
            }
        }
        return tensors;
    }

    /** One session, which stays open. */
    record Whole(OrtSession session) implements Body {
        @Override
        public Set<String> inputNames() {
            return session.getInputNames();
        }

        @Override
        public List<Map<String, OnnxTensor>> run(List<Map<String, OnnxTensor>> inputs, OrtSession.RunOptions options)
                throws OrtException {
            List<Map<String, OnnxTensor>> outputs = new ArrayList<>();
            try {
                for (Map<String, OnnxTensor> each : inputs) {
                    outputs.add(tensors(session.run(each, options)));
                }
                return outputs;
            } catch (OrtException e) {
                outputs.forEach(each -> each.values().forEach(OnnxTensor::close));
                throw e;
            }
        }

        @Override
        public void close() throws OrtException {
            session.close();
        }
    }
}
