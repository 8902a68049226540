package dev.sonde.onnx.file;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Copies of the large matrices of products, turned: the weights of one output lie together, in the order in which a product
 * reads them. One file in the cache holds them, which all sessions map; it is a function of the skeleton alone. Immutable and
 * safe for use by many threads.
 */
public final class TurnedWeights {
    /** None at all. */
    public static final TurnedWeights NONE = new TurnedWeights();

    /** Smaller matrices lie in the processor's cache, however they are read. */
    public static final long LEAST = 1 << 20;

    private static final String NAME = "turned.bin";
    private static final String PREFIX = "sonde:turned:";
    private static final long PAGE = 4096;
    private static final int CHUNK = 4 << 20;
    private static final int TILE = 16;
    private static final Set<String> PRODUCTS = Set.of("MatMul", "Gemm", "FusedMatMul", "FusedGemm");

    private final Map<String, TensorProto> turned = new LinkedHashMap<>();
    private final Map<String, Weight.InFile> copies = new LinkedHashMap<>();

    private TurnedWeights() {}

    /**
     * Returns the turned matrices of a model, writing their file if it is not there; none where its weights do not lie in the
     * cache, as a session knows one folder only, and where nothing can be written there.
     */
    public static TurnedWeights of(OnnxFile file) {
        TurnedWeights weights = new TurnedWeights();
        if (!file.weightsFolder().equals(file.cacheFolder())) {
            return NONE;
        }
        weights.find(file);
        try {
            weights.write(file);
            return weights.turned.isEmpty() ? NONE : weights;
        } catch (IOException unwritable) {
            return NONE;
        }
    }

    /** Returns the matrix of that name with its axes exchanged, as an initialiser. */
    public Optional<TensorProto> of(String matrix) {
        return Optional.ofNullable(turned.get(matrix));
    }

    private void find(OnnxFile file) {
        Path target = file.cacheFolder().resolve(NAME);
        Map<String, TensorProto> large = new LinkedHashMap<>();
        file.skeleton().getGraph().getInitializerList().stream()
                .filter(TurnedWeights::isLarge)
                .forEach(tensor -> large.put(tensor.getName(), tensor));
        long end = 0;
        for (NodeProto node : file.skeleton().getGraph().getNodeList()) {
            TensorProto matrix = isProduct(node) ? large.get(node.getInput(1)) : null;
            if (matrix == null || turned.containsKey(matrix.getName())) {
                continue;
            }
            Optional<TensorProto> source = file.rearranged(matrix.getName())
                    .filter(each -> each.permutation().equals(List.of(1, 0)))
                    .map(each -> large.get(each.source()));
            if (source.isPresent()) {
                turned.put(matrix.getName(), source.get());
                continue;
            }
            Weight.InFile place = new Weight.InFile(target, end, bytes(matrix), NAME);
            turned.put(matrix.getName(), external(matrix, place));
            copies.put(matrix.getName(), place);
            end = (end + place.length() + PAGE - 1) / PAGE * PAGE;
        }
    }

    /** Returns the size of a tensor; strings have none. */
    public static long bytes(TensorProto tensor) {
        if (tensor.getDataType() == TensorProto.DataType.STRING_VALUE) {
            return 0;
        }
        return ElementTypes.bytes(tensor.getDataType(), ElementTypes.count(tensor.getDimsList()));
    }

    private static boolean isLarge(TensorProto tensor) {
        return tensor.getDimsCount() == 2
                && tensor.getDataType() == TensorProto.DataType.FLOAT_VALUE
                && tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL
                && bytes(tensor) >= LEAST
                && bytes(tensor) <= Integer.MAX_VALUE;
    }

    /** Whether a node multiplies rows with its second input as it lies. */
    private static boolean isProduct(NodeProto node) {
        return PRODUCTS.contains(node.getOpType())
                && node.getAttributeList().stream()
                        .noneMatch(each -> each.getName().equals("transB") && each.getI() != 0);
    }

    private static TensorProto external(TensorProto matrix, Weight.InFile place) {
        return SkeletonBuilder.external(new Weight(
                PREFIX + matrix.getName(), matrix.getDataType(), List.of(matrix.getDims(1), matrix.getDims(0)), place));
    }

    private void write(OnnxFile file) throws IOException {
        Path target = file.cacheFolder().resolve(NAME);
        long size = copies.values().stream()
                .mapToLong(each -> each.offset() + each.length())
                .max()
                .orElse(0);
        if (size == 0 || (Files.exists(target) && Files.size(target) == size)) {
            return;
        }
        Path part = target.resolveSibling(NAME + "." + UUID.randomUUID());
        try {
            try (FileChannel channel =
                    FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                for (Map.Entry<String, Weight.InFile> copy : copies.entrySet()) {
                    Constant matrix = file.constant(copy.getKey()).orElseThrow();
                    turn(
                            matrix.bytes(),
                            matrix.shape(),
                            channel,
                            copy.getValue().offset());
                }
            }
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    /** Writes the columns of a matrix, some at a time, as rows. */
    private static void turn(ByteBuffer bytes, long[] shape, FileChannel channel, long offset) throws IOException {
        FloatBuffer matrix = bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        int rows = (int) shape[0];
        int columns = (int) shape[1];
        int most = Math.max(1, CHUNK / Float.BYTES / rows);
        ByteBuffer out = ByteBuffer.allocateDirect(Math.min(most, columns) * rows * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        float[][] tile = new float[TILE][Math.min(most, columns)];
        float[] turned = new float[Math.min(most, columns) * rows];
        long at = offset;
        for (int first = 0; first < columns; first += most) {
            int width = Math.min(most, columns - first);
            for (int row = 0; row < rows; row += TILE) {
                int height = Math.min(TILE, rows - row);
                for (int i = 0; i < height; i++) {
                    matrix.get((row + i) * columns + first, tile[i], 0, width);
                }
                for (int column = 0; column < width; column++) {
                    for (int i = 0; i < height; i++) {
                        turned[column * rows + row + i] = tile[i][column];
                    }
                }
            }
            out.clear();
            out.asFloatBuffer().put(turned, 0, width * rows);
            out.limit(width * rows * Float.BYTES);
            while (out.hasRemaining()) {
                at += channel.write(out, at);
            }
        }
    }
}
