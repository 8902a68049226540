package dev.sonde.onnx.structure;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Reads the scope that an exporter left at a node: the paths of the modules around it, outermost first, without the root. */
final class ScopeNames {
    private static final List<String> SCOPES = List.of("pkg.torch.onnx.name_scopes", "pkg.onnxscript.name_scopes");
    private static final List<String> CLASSES =
            List.of("pkg.torch.onnx.class_hierarchy", "pkg.onnxscript.class_hierarchy");

    private static final Pattern RESULT = Pattern.compile("/.+/[^/]+_output_\\d+");

    private ScopeNames() {}

    /** Returns the scope, an empty list for a node of the model itself, or nothing if the node does not say. */
    static Optional<List<String>> of(NodeProto node) {
        List<String> written = written(node, SCOPES);
        if (!written.isEmpty()) {
            return written.get(0).isEmpty() ? Optional.of(paths(written)) : Optional.empty();
        }
        return node.getName().startsWith("/") ? Optional.of(slashed(node.getName())) : Optional.empty();
    }

    /** Returns the scope in the name of what the node makes: optimisers rename nodes and keep the values that others read. */
    static Optional<List<String>> ofResult(NodeProto node) {
        String value = node.getOutputCount() == 0 ? "" : node.getOutput(0);
        return RESULT.matcher(value).matches() ? Optional.of(slashed(value)) : Optional.empty();
    }

    /** Returns the class of each module of the scope, with the model's own first; empty where the exporter wrote none. */
    static List<String> classes(NodeProto node) {
        List<String> names = written(node, CLASSES);
        return names.isEmpty() ? names : names.subList(0, names.size() - 1);
    }

    /** Returns whether an exporter folded the normalisation behind a node into its weights, and says so. */
    static boolean hasFoldedNorm(NodeProto node) {
        return node.getMetadataPropsList().stream()
                .anyMatch(entry -> entry.getKey().equals("pkg.onnxscript.rewriter.rule_name")
                        && entry.getValue().contains("BatchNorm"));
    }

    private static List<String> paths(List<String> written) {
        List<String> paths = new ArrayList<>();
        for (String path : written.subList(1, written.size() - 1)) {
            if (!paths.contains(path)) {
                paths.add(path);
            }
        }
        return paths;
    }

    private static List<String> slashed(String name) {
        String[] parts = name.substring(1).split("/", -1);
        List<String> paths = new ArrayList<>();
        String path = "";
        for (int i = 0; i + 1 < parts.length; i++) {
            // some exporters write a list's name twice: layer/layer.0
            if (!parts[i + 1].startsWith(parts[i] + ".") || i + 2 == parts.length) {
                path = path.isEmpty() ? parts[i] : path + "." + parts[i];
                paths.add(path);
            }
        }
        return paths;
    }

    private static List<String> written(NodeProto node, List<String> keys) {
        for (StringStringEntryProto entry : node.getMetadataPropsList()) {
            if (keys.contains(entry.getKey())) {
                return pythonList(entry.getValue());
            }
        }
        return List.of();
    }

    /** Reads {@code ['', "it's", 'a\'b']}. */
    static List<String> pythonList(String text) {
        List<String> items = new ArrayList<>();
        int at = 0;
        while (at < text.length()) {
            char quote = text.charAt(at++);
            if (quote == '\'' || quote == '"') {
                StringBuilder item = new StringBuilder();
                while (at < text.length() && text.charAt(at) != quote) {
                    at += text.charAt(at) == '\\' && at + 1 < text.length() ? 1 : 0;
                    item.append(text.charAt(at++));
                }
                at++;
                items.add(item.toString());
            }
        }
        return items;
    }
}
