package dev.sonde.onnx;

import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.onnx.file.ElementTypes;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.plan.Plan;
import java.util.AbstractMap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Says what made a result. */
final class Provenance {
    private final Map<String, String> fixed = new LinkedHashMap<>();

    /** {@code turned}: whether large matrices are multiplied from the order in which they lie in the cache. */
    Provenance(OnnxFile file, Options options, boolean turned, String runtime, List<String> notes) {
        fixed.put("model", file.sha256());
        fixed.put("producer", file.producer());
        fixed.put("sonde", version());
        fixed.put("onnxruntime", runtime);
        fixed.put("optimization", options.optimization().toString().toLowerCase(java.util.Locale.ROOT));
        fixed.put(
                "prepacking",
                options.prepacking().toString().toLowerCase(java.util.Locale.ROOT)
                        + (turned ? ", large matrices turned" : ""));
        fixed.put("planning", options.planning().toString().toLowerCase(java.util.Locale.ROOT));
        fixed.put("target", options.target().toString());
        fixed.put("precision", precision(file));
        fixed.put("java", System.getProperty("java.version"));
        if (!notes.isEmpty()) {
            fixed.put("notes", String.join(" ", notes));
        }
    }

    /** Printing and hashing a graph takes longer than running a small one: it is done when somebody looks. */
    Map<String, String> of(Plan plan) {
        return new AbstractMap<>() {
            private @Nullable Map<String, String> all;

            @Override
            public synchronized Set<Entry<String, String>> entrySet() {
                Map<String, String> made = all;
                if (made == null) {
                    made = Collections.unmodifiableMap(describe(plan));
                    all = made;
                }
                return made.entrySet();
            }
        };
    }

    private Map<String, String> describe(Plan plan) {
        Map<String, String> all = new LinkedHashMap<>(fixed);
        all.put("graph", plan.graph().sha256());
        if (!plan.unfused().isEmpty()) {
            all.put("unfused", String.join("; ", plan.unfused()));
        }
        return all;
    }

    private static String version() {
        String version = Provenance.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    /** Returns the types that the weights have, such as {@code float32}. */
    private static String precision(OnnxFile file) {
        TreeSet<String> types = new TreeSet<>();
        for (TensorProto tensor : file.skeleton().getGraph().getInitializerList()) {
            if (tensor.getDimsCount() > 1) {
                ElementTypes.dtype(tensor.getDataType()).ifPresent(type -> types.add(type.toString()));
            }
        }
        return String.join(", ", types);
    }
}
