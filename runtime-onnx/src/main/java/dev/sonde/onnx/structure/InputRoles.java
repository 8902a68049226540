package dev.sonde.onnx.structure;

import ai.onnx.proto.OnnxMl.TensorShapeProto.Dimension;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.sonde.DType;
import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.ModelInput;
import dev.sonde.manifest.ModelInput.Role;
import dev.sonde.manifest.Size;
import dev.sonde.onnx.file.ElementTypes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** What each input is for, and the names of its symbolic sizes. */
final class InputRoles {
    private static final String BATCH = "batch";
    private static final String POSITION = "position";
    private static final String PAST = "past";

    private final Map<String, ModelInput> inputs = new LinkedHashMap<>();
    private final Map<String, String> symbols = new HashMap<>();
    private final Graph graph;
    private boolean hasPast;

    private InputRoles(Graph graph) {
        this.graph = graph;
    }

    static InputRoles of(Graph graph) {
        InputRoles roles = new InputRoles(graph);
        List<ValueInfoProto> infos = graph.file.skeleton().getGraph().getInputList().stream()
                .filter(each -> graph.inputs().contains(each.getName())
                        && each.getType().hasTensorType())
                .toList();
        Map<String, Role> named = new LinkedHashMap<>();
        infos.forEach(info -> named.put(info.getName(), role(info, infos)));
        roles.hasPast = named.containsValue(Role.PAST);
        infos.forEach(info -> roles.learn(info, named.getOrDefault(info.getName(), Role.OTHER)));
        infos.forEach(info -> roles.add(info, named.getOrDefault(info.getName(), Role.OTHER)));
        return roles;
    }

    List<ModelInput> list() {
        return List.copyOf(inputs.values());
    }

    /** Returns the inputs from which the data path starts: ids, features, the states of an encoder. */
    List<String> seeds() {
        List<String> names =
                list().stream().filter(InputRoles::isData).map(ModelInput::name).toList();
        return names.isEmpty() ? List.copyOf(inputs.keySet()) : names;
    }

    private static boolean isData(ModelInput input) {
        if (input.role() != Role.OTHER) {
            return input.role() == Role.TOKENS;
        }
        String name = input.name();
        boolean plumbing = name.contains("mask") || name.contains("bias") || name.contains("position");
        return !plumbing && (input.dtype().isFloat() ? !input.axes().isEmpty() : name.endsWith("ids"));
    }

    private static Role role(ValueInfoProto info, List<ValueInfoProto> all) {
        String name = info.getName();
        boolean integer = dtype(info).map(DType::isInteger).orElse(false);
        if (name.startsWith("past_") || name.startsWith("past.")) {
            return Role.PAST;
        }
        if (!integer && !name.contains("attention_mask")) {
            return Role.OTHER;
        }
        if (name.endsWith("input_ids")) {
            // an encoder's ids are the prompt; those of its decoder are given beside it
            boolean beside = !name.equals("input_ids")
                    && all.stream().anyMatch(each -> each.getName().equals("input_ids"));
            return beside ? Role.OTHER : Role.TOKENS;
        }
        if (onlyIds(name, all)) {
            return Role.TOKENS;
        }
        return switch (name) {
            case "attention_mask", "input_mask" -> Role.ATTENTION_MASK;
            case "position_ids" -> Role.POSITION_IDS;
            case "token_type_ids", "segment_ids" -> Role.TOKEN_TYPES;
            default -> Role.OTHER;
        };
    }

    private static boolean onlyIds(String name, List<ValueInfoProto> all) {
        return name.endsWith("ids")
                && !name.contains("position")
                && !name.contains("type")
                && !name.contains("segment")
                && all.stream().noneMatch(each -> each.getName().endsWith("input_ids"));
    }

    private static java.util.Optional<DType> dtype(ValueInfoProto info) {
        return ElementTypes.dtype(info.getType().getTensorType().getElemType());
    }

    /** The file's own names of the axes that have one of ours. */
    private void learn(ValueInfoProto info, Role role) {
        List<Dimension> dims = dims(info);
        if (role == Role.TOKENS && dims.size() == 2) {
            symbols.put(dims.get(0).getDimParam(), BATCH);
            symbols.put(dims.get(1).getDimParam(), POSITION);
        }
        if (role == Role.PAST && dims.size() == 4) {
            symbols.putIfAbsent(dims.get(2).getDimParam(), PAST);
        }
        symbols.remove("");
    }

    private static List<Dimension> dims(ValueInfoProto info) {
        TypeProto.Tensor tensor = info.getType().getTensorType();
        return tensor.getShape().getDimList();
    }

    private void add(ValueInfoProto info, Role role) {
        dtype(info).ifPresent(dtype -> {
            List<Dimension> dims = dims(info);
            List<AxisInfo> axes = new ArrayList<>();
            for (int i = 0; i < dims.size(); i++) {
                Size size = size(info.getName(), dims.get(i), i, dims.size(), role);
                axes.add(new AxisInfo(axisName(role, i, dims.size(), size), size));
            }
            inputs.put(info.getName(), new ModelInput(info.getName(), role, dtype, axes));
        });
    }

    private Size size(String input, Dimension dim, int axis, int rank, Role role) {
        if (dim.hasDimValue()) {
            return Size.of(dim.getDimValue());
        }
        if (role != Role.OTHER && axis == 0) {
            return Size.symbol(BATCH);
        }
        if (role == Role.PAST && rank == 4 && axis == 2) {
            return Size.symbol(PAST);
        }
        if (role == Role.PAST && rank == 4 && axis == 3) {
            OptionalLong width = HeadWidth.of(graph, input);
            if (width.isPresent()) {
                return Size.of(width.getAsLong());
            }
        }
        if (role == Role.ATTENTION_MASK && axis == rank - 1 && hasPast) {
            return new Size(List.of(new Size.Term(1, List.of(PAST)), new Size.Term(1, List.of(POSITION))));
        }
        if (role != Role.OTHER && role != Role.PAST) {
            return Size.symbol(POSITION);
        }
        return Size.symbol(symbol(input, dim.getDimParam(), axis));
    }

    private String symbol(String input, String param, int axis) {
        boolean nameless = param.isEmpty() || param.contains("_dynamic_axes_");
        String name = nameless ? input + "." + axis : param;
        if (symbols.containsKey(name)) {
            return symbols.get(name);
        }
        if (axis == 0 && (nameless || name.startsWith(BATCH) || name.equals("N"))) {
            return BATCH;
        }
        String clean = name.replaceAll("[^A-Za-z0-9_./]", "_");
        return clean.matches("[A-Za-z_].*") ? clean : "_" + clean;
    }

    private static String axisName(Role role, int axis, int rank, Size size) {
        if (axis == 0 && (role != Role.OTHER || size.equals(Size.symbol(BATCH)))) {
            return BATCH;
        }
        boolean sequence = role == Role.TOKENS || role == Role.POSITION_IDS || role == Role.TOKEN_TYPES;
        if (axis == 1 && rank == 2 && (sequence || role == Role.ATTENTION_MASK)) {
            return POSITION;
        }
        return "";
    }
}
