package dev.sonde.onnx.file;

import static java.util.Objects.requireNonNull;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * An ONNX file made ready for splicing: a normalised graph without weights, and the weights in files that any number of
 * sessions share.
 *
 * <p>In the {@linkplain #skeleton() skeleton} constants are initialisers (none is a node, none the result of nodes that read
 * only constants, but for the exceptions that {@link #notes()} lists), nodes are sorted and have names of their own, and the
 * tensors of 1 KiB or more lie in files under {@link #weightsFolder()}. Everything computed has the name it has in the file.
 *
 * <p>What was made is kept in the cache folder under the model's hash; opening the same file again takes milliseconds.
 * Opening uses {@code OrtEnvironment.getEnvironment()} when there is something to evaluate: a program that wants an
 * environment with thread options of its own creates it first.
 *
 * <p>Immutable and safe for use by many threads. Nothing is to be closed: the files are mapped while they are in use.
 */
public final class OnnxFile {
    /** Which half of optimum's merged decoder to take; without meaning for every other model. */
    public enum Branch {
        /** The decoder that reads the whole prompt: no inputs {@code past_key_values.*}. */
        WITHOUT_PAST,
        /** The decoder that continues a prompt. */
        WITH_PAST
    }

    private final Path source;
    private final String sha256;
    private final ModelProto skeleton;
    private final Path entry;
    private final Path weightsFolder;
    private final Facts facts;
    private final Map<String, TensorProto> constants = new HashMap<>();
    private final Map<String, ByteBuffer> mapped = new ConcurrentHashMap<>();

    OnnxFile(Path source, String sha256, ModelProto skeleton, Path entry, Facts facts) {
        this.source = source;
        this.sha256 = sha256;
        this.skeleton = skeleton;
        this.facts = facts;
        this.entry = entry;
        this.weightsFolder = facts.weightsInCache() ? entry : requireNonNull(source.getParent());
        for (TensorProto tensor : skeleton.getGraph().getInitializerList()) {
            constants.put(tensor.getName(), tensor);
        }
    }

    /** Returns the same file with another graph over the same weights. */
    public OnnxFile with(ModelProto graph) {
        return new OnnxFile(source, sha256, graph, entry, facts);
    }

    /** Opens a model as {@link #open(Path, Path, Branch)} does, a merged decoder as {@link Branch#WITHOUT_PAST}. */
    public static OnnxFile open(Path fileOrFolder, Path cacheFolder) {
        return open(fileOrFolder, cacheFolder, Branch.WITHOUT_PAST);
    }

    /** Opens a model as {@link #open(Path, Path)} does; before constants are evaluated, {@code ready} sets up the environment. */
    public static OnnxFile open(Path fileOrFolder, Path cacheFolder, Runnable ready) {
        return new Ingest(located(fileOrFolder), requireNonNull(cacheFolder, "cacheFolder"), false).open(ready);
    }

    /**
     * Opens a model, reading it in if the cache does not have it.
     *
     * @param fileOrFolder an ONNX file, or a folder with {@code model.onnx}, {@code onnx/model.onnx} or one {@code *.onnx}
     * @param cacheFolder where what is made from models is kept; created when needed, shared by any number of processes
     * @param branch what to take of a merged decoder
     * @throws dev.sonde.SondeException if there is no such file ({@code file-missing}, {@code ambiguous-folder}), if it is
     *     not ONNX or damaged ({@code not-onnx}, {@code truncated}, {@code damaged-file}, {@code bad-initializer},
     *     {@code undefined-value}, {@code duplicate-value}, {@code cyclic-graph}, {@code division-by-zero}), if its external
     *     data are not whole or not in its folder ({@code external-data-missing}, {@code external-data-outside}), if it is too
     *     new ({@code unsupported-ir}) or has sparse weights ({@code sparse-initializer}), or if the cache folder cannot be
     *     written ({@code cache-unwritable})
     */
    public static OnnxFile open(Path fileOrFolder, Path cacheFolder, Branch branch) {
        boolean withPast = branch == Branch.WITH_PAST;
        return new Ingest(located(fileOrFolder), requireNonNull(cacheFolder, "cacheFolder"), withPast).open(() -> {});
    }

    private static Path located(Path fileOrFolder) {
        return ModelLocator.locate(requireNonNull(fileOrFolder, "fileOrFolder"))
                .toAbsolutePath()
                .normalize();
    }

    /**
     * Returns a model as {@link #open(Path, Path)} does, if it was read in before and has not changed since.
     *
     * @throws dev.sonde.SondeException {@code file-missing} or {@code ambiguous-folder} if there is no such file
     */
    public static Optional<OnnxFile> known(Path fileOrFolder, Path cacheFolder) {
        return new Ingest(located(fileOrFolder), requireNonNull(cacheFolder, "cacheFolder"), false).known();
    }

    /**
     * Returns a model that was read in before, by its hash; the file itself is not looked at.
     *
     * @throws dev.sonde.SondeException {@code cache-unwritable} if the cache has no such model
     */
    public static OnnxFile kept(Path file, String sha256, Path cacheFolder) {
        return new Ingest(file, cacheFolder, false).kept(sha256);
    }

    /** Returns the ONNX file itself, as an absolute path. */
    public Path source() {
        return source;
    }

    /**
     * Returns the model's identity in 64 hexadecimal digits: the SHA-256 of the file, or, if it has external data, of that hash
     * and the external files.
     */
    public String sha256() {
        return sha256;
    }

    /**
     * Returns the normalised model. Sessions over it (or over a changed copy) are created from its bytes with the entry
     * {@code session.model_external_initializers_file_folder_path} set to {@link #weightsFolder()}.
     */
    public ModelProto skeleton() {
        return skeleton;
    }

    /** Returns the folder to which all locations of external data in the skeleton are relative. */
    public Path weightsFolder() {
        return weightsFolder;
    }

    /** Returns the folder of the cache that belongs to this model alone; what is made from the model may be kept there. */
    public Path cacheFolder() {
        return entry;
    }

    /** Returns whether {@code value} is the name of an initialiser of the skeleton, of any size. */
    public boolean isConstant(String value) {
        return constants.containsKey(value);
    }

    /** Returns the constant of that name; none for computed values, unknown names and strings. */
    public Optional<Constant> constant(String value) {
        TensorProto tensor = constants.get(value);
        if (tensor == null || tensor.getDataType() == ElementTypes.STRING) {
            return Optional.empty();
        }
        return Optional.of(new Constant(value, tensor.getDataType(), tensor.getDimsList(), () -> bytes(tensor)));
    }

    /**
     * Returns of which tensor this constant is a transposed or unchanged copy that the file computes. Exporters write
     * {@code Transpose(weight)} before a product; the skeleton has its result only.
     */
    public Optional<Rearranged> rearranged(String value) {
        return Optional.ofNullable(facts.rearranged().get(value));
    }

    /** Returns name and version of the program that wrote the file, such as {@code pytorch 2.15.0}; may be empty. */
    public String producer() {
        return (skeleton.getProducerName() + " " + skeleton.getProducerVersion()).strip();
    }

    /** Returns the IR version of the file (the skeleton's may be newer). */
    public long irVersion() {
        return facts.irVersion();
    }

    /** Returns the versions of the operator sets by domain; the standard one is {@code ai.onnx}. */
    public Map<String, Integer> opsets() {
        return Map.copyOf(Ingest.opsets(skeleton.getOpsetImportList()));
    }

    /** Returns how many nodes the file has, constants included; the skeleton has fewer. */
    public int originalNodeCount() {
        return facts.nodes();
    }

    /** Returns what was normalised, and what was left as it is though it is unusual: one sentence each. */
    public List<String> notes() {
        return facts.notes();
    }

    private ByteBuffer bytes(TensorProto tensor) {
        if (tensor.getDataLocation() != TensorProto.DataLocation.EXTERNAL) {
            return tensor.getRawData().asReadOnlyByteBuffer();
        }
        String location = "";
        long offset = 0;
        long length = 0;
        for (StringStringEntryProto entry : tensor.getExternalDataList()) {
            switch (entry.getKey()) {
                case "location" -> location = entry.getValue();
                case "offset" -> offset = Long.parseLong(entry.getValue());
                case "length" -> length = Long.parseLong(entry.getValue());
                default -> {} // written by us: there is no other
            }
        }
        Path file = weightsFolder.resolve(location);
        ByteBuffer whole = mapped.computeIfAbsent(location, unused -> wholeFile(file));
        return whole.capacity() > 0 && offset + length <= whole.capacity()
                ? whole.slice((int) offset, (int) length)
                : Weight.map(file, offset, length);
    }

    /** Maps a file once for all its tensors, or nothing if it is too large for one buffer. */
    private static ByteBuffer wholeFile(Path file) {
        try {
            long size = Files.size(file);
            return size <= Integer.MAX_VALUE ? Weight.map(file, 0, size) : ByteBuffer.allocate(0);
        } catch (IOException unreadable) {
            return ByteBuffer.allocate(0); // mapping the tensor says what is wrong
        }
    }

    @Override
    public String toString() {
        return source + " (" + skeleton.getGraph().getNodeCount() + " of " + facts.nodes() + " nodes, "
                + constants.size() + " constants)";
    }
}
