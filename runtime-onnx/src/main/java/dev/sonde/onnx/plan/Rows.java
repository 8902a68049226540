package dev.sonde.onnx.plan;

import dev.sonde.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Emits a run's rows of what a batch computes, and puts them back. */
final class Rows {
    private final Batch batch;
    private final Map<Integer, Long> starts;
    private final Emitter emitter;
    private final Layout layout;
    private final Map<String, Map<Integer, String>> taken = new HashMap<>();

    Rows(Batch batch, Emitter emitter) {
        this.batch = batch;
        this.starts = batch.starts();
        this.emitter = emitter;
        this.layout = new Layout(emitter);
    }

    /** Returns a run's own rows of a value. */
    String take(String value, int run) {
        if (batch.isSingle()) {
            return value;
        }
        return taken.computeIfAbsent(value, unused -> new HashMap<>()).computeIfAbsent(run, unused -> {
            long start = java.util.Objects.requireNonNull(starts.get(run), "a run of this batch");
            return layout.slice(value, 0, start, start + batch.rows(run));
        });
    }

    /** Returns a run's own rows of a value of the file, or all of a value that has no rows. */
    String takeRaw(String value, int run, Target target) {
        if (batch.isSingle()) {
            return value;
        }
        long times = target.rowsOf(value);
        long start = java.util.Objects.requireNonNull(starts.get(run), "a run of this batch");
        return times == 0 ? value : layout.slice(value, 0, start * times, (start + batch.rows(run)) * times);
    }

    /** Returns a value in which some runs have other rows. */
    String replace(String value, Map<Integer, String> changed) {
        if (batch.isSingle()) {
            return changed.values().iterator().next();
        }
        List<String> parts = new ArrayList<>();
        long same = 0;
        long next = 0;
        for (int run : batch.runs()) {
            String part = changed.get(run);
            if (part != null) {
                addSame(parts, value, same, next);
                parts.add(part);
                same = next + batch.rows(run);
            }
            next += batch.rows(run);
        }
        addSame(parts, value, same, next);
        return parts.size() == 1 ? parts.get(0) : emitter.node("Concat", parts, Attributes.of("axis", 0));
    }

    private void addSame(List<String> parts, String value, long start, long end) {
        if (end > start) {
            parts.add(layout.slice(value, 0, start, end));
        }
    }

    /** Returns tensors one behind the other along their first axis. */
    static Tensor stacked(List<Tensor> tensors) {
        Tensor first = tensors.get(0);
        long[] shape = first.shape().clone();
        shape[0] = tensors.stream().mapToLong(tensor -> tensor.shape()[0]).sum();
        int size =
                tensors.stream().mapToInt(tensor -> tensor.bytes().remaining()).sum();
        ByteBuffer bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        tensors.forEach(tensor -> bytes.put(tensor.bytes()));
        return Tensor.wrap(first.dtype(), shape, first.names(), bytes.flip());
    }
}
