package dev.sonde.onnx.run;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import dev.sonde.onnx.plan.Feed;
import dev.sonde.onnx.plan.Program;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The values that pass from program to program; each is freed after the last program that needs it. New ones that do not fit the
 * memory budget wait in files.
 */
final class Crossings implements AutoCloseable {
    private final Map<Integer, Integer> readers = new HashMap<>();
    private final Map<Integer, OnnxTensor> values = new HashMap<>();
    private final Map<OnnxTensor, Integer> holders = new HashMap<>();

    private final OrtEnvironment environment;
    private final long budget;
    private final Map<OnnxTensor, Long> inMemory = new HashMap<>();
    private long bytes;

    Crossings(List<Program> programs, OrtEnvironment environment, long budget) {
        this.environment = environment;
        this.budget = budget;
        programs.forEach(program -> foreign(program).forEach(id -> readers.merge(id, 1, Integer::sum)));
    }

    private static Set<Integer> foreign(Program program) {
        Set<Integer> ids = new HashSet<>();
        for (Feed feed : program.feeds().values()) {
            if (feed instanceof Feed.Foreign value) {
                ids.add(value.node());
            } else if (feed instanceof Feed.Carried carried) {
                ids.add(carried.initial());
            }
        }
        program.turn().ifPresent(turn -> ids.addAll(turn.needs()));
        return ids;
    }

    /** Returns whether somebody still needs a value and it is freed here. */
    boolean holds(OnnxTensor tensor) {
        return holders.containsKey(tensor);
    }

    boolean has(int id) {
        return values.containsKey(id);
    }

    OnnxTensor get(int id) {
        return Objects.requireNonNull(values.get(id));
    }

    /** Keeps those outputs of a program that others need and frees the rest, but not those that somebody else holds. */
    void put(Program program, Map<String, OnnxTensor> outputs, Set<OnnxTensor> held) {
        Collection<OnnxTensor> unused = new HashSet<>(outputs.values());
        unused.removeAll(held);
        program.values().forEach((id, name) -> {
            OnnxTensor tensor = outputs.get(name);
            if (tensor != null && readers.containsKey(id)) {
                values.put(id, tensor);
                holders.merge(tensor, 1, Integer::sum);
                unused.remove(tensor);
            }
        });
        unused.forEach(OnnxTensor::close);
        Set<OnnxTensor> fresh = new HashSet<>(outputs.values());
        fresh.retainAll(holders.keySet());
        fresh.removeAll(held);
        fresh.forEach(this::count);
    }

    /** Nobody has seen a new value yet, so that another may stand for it. */
    private void count(OnnxTensor tensor) {
        long size = Spill.bytes(tensor);
        if (size <= 0) {
            return;
        }
        if (bytes + size <= budget || size > Integer.MAX_VALUE) {
            inMemory.put(tensor, size);
            bytes += size;
            return;
        }
        OnnxTensor spilled = Spill.toFile(environment, tensor);
        values.replaceAll((id, value) -> value == tensor ? spilled : value);
        holders.put(spilled, holders.remove(tensor));
    }

    /** Says that a program has run. */
    void used(Program program) {
        for (int id : foreign(program)) {
            if (readers.merge(id, -1, Integer::sum) == 0) {
                release(id);
            }
        }
    }

    private void release(int id) {
        OnnxTensor tensor = values.remove(id);
        if (tensor != null && holders.merge(tensor, -1, Integer::sum) == 0) {
            holders.remove(tensor);
            bytes -= inMemory.getOrDefault(tensor, 0L);
            inMemory.remove(tensor);
            tensor.close();
        }
    }

    @Override
    public void close() {
        holders.keySet().forEach(OnnxTensor::close);
        holders.clear();
        values.clear();
    }
}
