package dev.sonde.onnx.run;

import ai.onnxruntime.OnnxTensor;
import dev.sonde.Tensor;
import dev.sonde.graph.Dim;
import dev.sonde.graph.Node;
import dev.sonde.graph.ValueType;
import dev.sonde.onnx.plan.Leaving;
import dev.sonde.onnx.plan.Plan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** Copies of what steps of a generation keep. */
final class KeptValues {
    private final Plan plan;
    private final GenerationRows rows;
    private final Optional<Leaving> leaving;
    private final Map<Integer, SortedMap<Integer, Tensor>> kept = new HashMap<>();
    private final Map<Integer, List<Integer>> wanted = new HashMap<>();

    KeptValues(Plan plan, int head, GenerationRows rows, Optional<Leaving> leaving) {
        this.plan = plan;
        this.rows = rows;
        this.leaving = leaving;
        for (int id = 0; id < plan.lowered().nodes().size(); id++) {
            if (plan.lowered().nodes().get(id) instanceof Node.OverSteps over && over.generation() == head) {
                int result = id;
                kept.put(id, new TreeMap<>());
                over.values()
                        .forEach(value -> wanted.computeIfAbsent(value, unused -> new ArrayList<>())
                                .add(result));
            }
        }
    }

    void take(Map<Integer, OnnxTensor> values, int step) {
        values.forEach((id, value) -> {
            for (int result : wanted.getOrDefault(id, List.of())) {
                kept.getOrDefault(result, new TreeMap<>())
                        .merge(
                                step,
                                whole(id, value, step),
                                (before, now) -> isByRow(id) ? joined(before, now) : before);
            }
        });
    }

    /** Returns a copy of a value of a step, with all rows. */
    Tensor whole(int id, OnnxTensor value, int step) {
        return cleared(OrtTensors.out(value, List.of()), isByRow(id), step);
    }

    /** Rows that had ended before a step, or left the batch, have zeros there. */
    private Tensor cleared(Tensor tensor, boolean byRow, int step) {
        List<Integer> present = rows.present();
        if (!byRow || tensor.size(0) != present.size()) {
            return tensor;
        }
        int stride = tensor.bytes().remaining() / present.size();
        ByteBuffer bytes = ByteBuffer.allocate(stride * rows.count()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < present.size(); i++) {
            if (rows.took(present.get(i), step)) {
                bytes.put(present.get(i) * stride, tensor.bytes(), i * stride, stride);
            }
        }
        long[] shape = tensor.shape().clone();
        shape[0] = rows.count();
        return Tensor.wrap(tensor.dtype(), shape, tensor.names(), bytes);
    }

    /** Rows that go on apart come one after the other: each brings its part of a step's value. */
    private Tensor joined(Tensor before, Tensor now) {
        int stride = now.bytes().remaining() / rows.count();
        ByteBuffer bytes = ByteBuffer.allocate(stride * rows.count()).order(ByteOrder.LITTLE_ENDIAN);
        for (int row = 0; row < rows.count(); row++) {
            Tensor from = rows.present().contains(row) ? now : before;
            bytes.put(row * stride, from.bytes(), row * stride, stride);
        }
        return Tensor.wrap(now.dtype(), now.shape(), now.names(), bytes);
    }

    private boolean isByRow(int id) {
        ValueType type = plan.types().get(id);
        return leaving.map(each -> each.values().contains(id))
                .orElse(type.rank() > 0 && type.dims().get(0).name().equals("batch"));
    }

    /** Returns the values of the steps behind each other. */
    Tensor over(int id) {
        List<Tensor> all = List.copyOf(kept.getOrDefault(id, new TreeMap<>()).values());
        ValueType type = plan.types().get(id);
        long[] one = all.isEmpty()
                ? type.dims().stream()
                        .skip(1)
                        .mapToLong(dim -> dim.size() == Dim.UNKNOWN ? 0 : dim.size())
                        .toArray()
                : widest(all);
        long[] shape = new long[one.length + 1];
        shape[0] = all.size();
        System.arraycopy(one, 0, shape, 1, one.length);
        long size = type.dtype().bytes() * Arrays.stream(one).reduce(1, Math::multiplyExact);
        ByteBuffer bytes =
                ByteBuffer.allocate(Math.toIntExact(size * all.size())).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < all.size(); i++) {
            put(all.get(i), one, bytes, Math.toIntExact(size * i));
        }
        return Tensor.wrap(type.dtype(), shape, type.names(), bytes);
    }

    /** Axes may grow from step to step, as the keys do: shorter ones are filled with zeros. */
    private static long[] widest(List<Tensor> all) {
        long[] widest = all.get(0).shape();
        for (Tensor tensor : all) {
            for (int i = 0; i < widest.length; i++) {
                widest[i] = Math.max(widest[i], tensor.size(i));
            }
        }
        return widest;
    }

    private static void put(Tensor from, long[] shape, ByteBuffer to, int start) {
        if (Arrays.equals(from.shape(), shape)) {
            to.put(start, from.bytes(), 0, from.bytes().remaining());
            return;
        }
        int last = shape.length - 1;
        int line = (int) from.size(last) * from.dtype().bytes();
        ByteBuffer bytes = from.bytes();
        long[] at = new long[shape.length];
        for (int read = 0; line > 0 && read < bytes.remaining(); read += line) {
            long index = 0;
            for (int i = 0; i < shape.length; i++) {
                index = index * shape[i] + at[i];
            }
            to.put(start + (int) index * from.dtype().bytes(), bytes, read, line);
            for (int i = last - 1; i >= 0; i--) {
                if (++at[i] < from.size(i)) {
                    break;
                }
                at[i] = 0;
            }
        }
    }
}
