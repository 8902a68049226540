package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/** Opens a model: finds it in the cache, or reads, checks and normalises it and puts the result there. */
final class Ingest {
    private static final int ROUNDS = 16;
    private static final String WITH_PAST = "-with-past";

    private final Path file;
    private final boolean withPast;
    private final ModelCache cache;

    Ingest(Path file, Path cacheFolder, boolean withPast) {
        this.file = file;
        this.withPast = withPast;
        this.cache = new ModelCache(cacheFolder);
    }

    /** Returns the model if it was read in before and has not changed since. */
    Optional<OnnxFile> known() {
        try {
            Optional<String> hash = cache.knownHash(file);
            return hash.isPresent() ? load(hash.get()) : Optional.empty();
        } catch (IOException failed) {
            throw cache.unwritable(failed);
        }
    }

    /** Returns the model of that hash, which was read in before. */
    OnnxFile kept(String hash) {
        try {
            return load(hash).orElseThrow(() -> vanished(hash));
        } catch (IOException failed) {
            throw cache.unwritable(failed);
        }
    }

    private static IOException vanished(String hash) {
        return new IOException("the entry of " + hash + " vanished while it was being opened");
    }

    /** {@code ready} is called before anything is evaluated. */
    OnnxFile open(Runnable ready) {
        try {
            Optional<OnnxFile> known = known();
            return known.isPresent() ? known.get() : read(ready);
        } catch (IOException failed) {
            throw cache.unwritable(failed);
        }
    }

    private Optional<OnnxFile> load(String hash) throws IOException {
        for (String variant : withPast ? List.of(WITH_PAST, "") : List.of("")) {
            Path entry = cache.entry(hash, variant);
            Optional<Facts> facts = cache.facts(entry).map(Facts::read);
            if (facts.isPresent()
                    && (!withPast || !variant.isEmpty() || !facts.get().isMerged())) {
                ModelProto skeleton = ModelProto.parseFrom(Files.readAllBytes(entry.resolve(ModelCache.SKELETON)));
                return Optional.of(new OnnxFile(file, hash, skeleton, entry, facts.get()));
            }
        }
        return Optional.empty();
    }

    private OnnxFile read(Runnable ready) throws IOException {
        Map<Path, FileStamp> before = new HashMap<>();
        before.put(file, FileStamp.of(file));
        Future<byte[]> own = Hashes.begin(file);
        ModelProto model = ModelBytes.parse(file);
        ExternalFiles external = new ExternalFiles(file);
        TensorReader tensors = new TensorReader(file, external);
        new GraphChecker(file, tensors).check(model);
        for (Path each : external.files().values()) {
            before.put(each, FileStamp.of(each));
        }
        String hash = Hashes.ofModel(await(own), external.files());
        Optional<OnnxFile> known = load(hash);
        if (known.isEmpty()) {
            ready.run();
            make(model, tensors, hash);
            known = load(hash);
        }
        cache.remember(file, hash, external.files(), before);
        return known.orElseThrow(() -> vanished(hash));
    }

    private static byte[] await(Future<byte[]> hash) throws IOException {
        try {
            return hash.get();
        } catch (ExecutionException failed) {
            throw new IOException(failed.getCause());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while a file was being hashed");
        }
    }

    private void make(ModelProto model, TensorReader tensors, String hash) throws IOException {
        Path part = cache.newEntry(hash);
        try {
            Facts facts = normalise(model, tensors, part);
            cache.commit(part, cache.entry(hash, withPast && facts.isMerged() ? WITH_PAST : ""), facts.write());
        } catch (IOException | RuntimeException failed) {
            ModelCache.discard(part);
            throw failed;
        }
    }

    private Facts normalise(ModelProto model, TensorReader tensors, Path part) throws IOException {
        WorkGraph graph = new WorkGraph(file, model, tensors);
        boolean moved;
        boolean merged = IfInliner.isMerged(graph);
        try (WeightsFile store = WeightsFile.create(part)) {
            takeInitialisers(graph);
            Topology.sort(graph);
            ConstantNodes.toInitialisers(graph);
            if (merged) {
                IfInliner.specialise(graph, withPast);
                ConstantNodes.toInitialisers(graph);
                Topology.sort(graph);
            }
            foldAll(graph, store);
            NodeNames.complete(graph);
            graph.note(
                    model.getFunctionsCount() > 0,
                    "Left the calls of " + model.getFunctionsCount() + " functions of the model as single nodes.");
            SkeletonBuilder builder = new SkeletonBuilder(graph, store);
            ModelProto skeleton = builder.build();
            moved = builder.usesWeightsFile();
            try (OutputStream out = Files.newOutputStream(part.resolve(ModelCache.SKELETON))) {
                skeleton.writeTo(out);
            }
        }
        if (!moved) {
            Files.delete(part.resolve(WeightsFile.NAME));
        }
        return Facts.of(graph, moved, merged);
    }

    private static void takeInitialisers(WorkGraph graph) {
        for (TensorProto tensor : graph.model.getGraph().getInitializerList()) {
            graph.weights.put(tensor.getName(), graph.tensors.read(tensor));
        }
        Set<String> weights = graph.weights.keySet();
        int before = graph.inputs.size();
        graph.inputs.removeIf(input -> weights.contains(input.getName()));
        int removed = before - graph.inputs.size();
        graph.note(removed > 0, "Removed " + removed + " inputs that are initialisers.");
    }

    private static void foldAll(WorkGraph graph, WeightsFile store) throws IOException {
        boolean changed = true;
        for (int round = 0; changed && round < ROUNDS; round++) {
            changed = ConstantFolder.fold(graph, store);
            if (IfInliner.inline(graph)) {
                ConstantNodes.toInitialisers(graph);
                Topology.sort(graph);
                changed = true;
            }
        }
    }

    static Map<String, Integer> opsets(List<OperatorSetIdProto> imports) {
        Map<String, Integer> opsets = new HashMap<>();
        for (OperatorSetIdProto opset : imports) {
            opsets.put(opset.getDomain().isEmpty() ? "ai.onnx" : opset.getDomain(), (int)
                    Math.min(Integer.MAX_VALUE, opset.getVersion()));
        }
        return opsets;
    }
}
