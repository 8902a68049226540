package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.sonde.onnx.file.ElementTypes;
import dev.sonde.onnx.file.Uses;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Cuts programs whose weights take more memory than they may into segments. A cut is where few values cross, which is between
 * blocks in most models; no block has to be known for that. Immutable.
 */
public final class Segmentation {
    /** Operators that make what ONNX Runtime's Java interface cannot hand on. */
    private static final Set<String> NO_TENSORS = Set.of(
            "SequenceConstruct",
            "SequenceEmpty",
            "SequenceErase",
            "SequenceInsert",
            "SequenceMap",
            "SplitToSequence",
            "Optional",
            "ZipMap");

    private final Map<String, Long> weights = new HashMap<>();
    private final long budget;

    /**
     * @param model whose weights are in files
     * @param budget bytes that the weights of a segment may take; an operator that reads more is a segment of its own
     */
    public Segmentation(ModelProto model, long budget) {
        this.budget = budget;
        for (TensorProto tensor : model.getGraph().getInitializerList()) {
            if (tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
                long count = ElementTypes.count(tensor.getDimsList());
                weights.put(tensor.getName(), ElementTypes.bytes(tensor.getDataType(), count));
            }
        }
    }

    /** Returns the segments of a program, one if its weights fit. */
    public List<Segment> of(Program program) {
        Assembly assembly = program.assembly();
        boolean fits = !program.splice().onModel()
                || assembly.sources().stream().mapToLong(this::bytes).sum() <= budget;
        return new Cutting(assembly.nodes(), program.splice().outputs()).segments(fits);
    }

    private long bytes(String value) {
        return weights.getOrDefault(value, 0L);
    }

    /** The cutting of one program. */
    private final class Cutting {
        private final List<NodeProto> nodes;
        private final List<String> outputs;
        private final List<Set<String>> uses = new ArrayList<>();
        private final Map<String, Integer> makers = new HashMap<>();
        private final Map<String, Integer> lastReaders = new HashMap<>();
        private final int[] crossing;

        Cutting(List<NodeProto> nodes, List<String> outputs) {
            this.nodes = nodes;
            this.outputs = outputs;
            for (int i = 0; i < nodes.size(); i++) {
                int at = i;
                uses.add(Uses.of(nodes.get(i)));
                uses.get(i).forEach(value -> lastReaders.put(value, at));
                nodes.get(i).getOutputList().stream()
                        .filter(value -> !value.isEmpty())
                        .forEach(value -> makers.put(value, at));
            }
            this.crossing = crossing();
        }

        /** Returns how many values cross in front of each node; more than there are where some could not be handed on. */
        private int[] crossing() {
            int[] crossing = new int[nodes.size() + 1];
            makers.forEach((value, maker) -> {
                boolean tensor = !NO_TENSORS.contains(nodes.get(maker).getOpType());
                for (int i = maker + 1; i <= lastReaders.getOrDefault(value, -1); i++) {
                    crossing[i] += tensor ? 1 : nodes.size();
                }
            });
            return crossing;
        }

        List<Segment> segments(boolean whole) {
            List<Segment> segments = new ArrayList<>();
            int start = 0;
            do {
                int end = whole ? nodes.size() : end(start);
                segments.add(segment(start, end));
                start = end;
            } while (start < nodes.size());
            return segments;
        }

        /** Returns the best of the ends at which at least half of what fits is read. */
        private int end(int start) {
            Set<String> read = new HashSet<>();
            List<Long> sums = new ArrayList<>();
            long sum = 0;
            int most = start;
            while (most < nodes.size() && (sum <= budget || most == start)) {
                sum += uses.get(most).stream()
                        .filter(read::add)
                        .mapToLong(Segmentation.this::bytes)
                        .sum();
                sums.add(sum);
                most++;
            }
            if (sum <= budget) {
                return nodes.size();
            }
            most = Math.max(start + 1, most - 1);
            int best = most;
            for (int end = most; end > start && sums.get(end - start - 1) >= sums.get(most - start - 1) / 2; end--) {
                best = crossing[end] < crossing[best] ? end : best;
            }
            return best;
        }

        private Segment segment(int start, int end) {
            Set<String> reads = new LinkedHashSet<>();
            Set<String> gives = new LinkedHashSet<>();
            for (int i = start; i < end; i++) {
                uses.get(i).stream()
                        .filter(value -> makers.getOrDefault(value, -1) < start)
                        .forEach(reads::add);
                nodes.get(i).getOutputList().stream()
                        .filter(value -> lastReaders.getOrDefault(value, -1) >= end)
                        .forEach(gives::add);
            }
            boolean last = end == nodes.size();
            for (String output : outputs) {
                int maker = makers.getOrDefault(output, -1);
                if (maker < 0 ? last : maker >= start && maker < end) {
                    gives.add(output);
                }
            }
            outputs.stream()
                    .filter(output -> last && !makers.containsKey(output))
                    .forEach(reads::add);
            return new Segment(List.copyOf(nodes.subList(start, end)), reads, List.copyOf(gives));
        }
    }
}
