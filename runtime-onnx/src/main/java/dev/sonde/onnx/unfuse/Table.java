package dev.sonde.onnx.unfuse;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The fused operators, and how each is written in others. */
final class Table {
    /** Older operator sets lack what the decompositions are written in. */
    private static final int FIRST_OPSET = 11;

    private final Map<String, Decomposition> decompositions = new HashMap<>();

    private Table() {}

    /** Operators with values inside that have a name in the field. */
    static Table inside(Known known) {
        Table table = new Table();
        table.contrib("Attention", new PackedAttention(false));
        table.contrib("QAttention", new PackedAttention(true));
        table.contrib("MultiHeadAttention", new MultiHead());
        table.contrib("GroupQueryAttention", new GroupQuery());
        table.standard("Attention", new StandardAttention());
        table.contrib("SkipLayerNormalization", new SkipNorms(known, false));
        table.contrib("SkipSimplifiedLayerNormalization", new SkipNorms(known, true));
        table.contrib("EmbedLayerNormalization", new EmbedNorm());
        table.contrib("FastGelu", new Biased("FastGelu"));
        table.contrib("BiasGelu", new Biased("Gelu"));
        table.contrib("FusedMatMul", new FusedProducts());
        table.contrib("TransposeMatMul", new FusedProducts());
        table.contrib("FusedGemm", new Activated("Gemm"));
        table.contrib("FusedConv", new Activated("Conv"));
        return table;
    }

    /** Those, and operators of one piece. */
    static Table all(Known known) {
        Table table = inside(known);
        for (String gelu : new String[] {"FastGelu", "BiasGelu", "QuickGelu", "Gelu"}) {
            table.contrib(gelu, new Gelus());
        }
        table.standard("Gelu", new Gelus());
        table.contrib("RotaryEmbedding", new RotaryEmbeddings());
        table.standard("RotaryEmbedding", new RotaryEmbeddings());
        table.standard("LayerNormalization", new Norms(true));
        table.standard("SimplifiedLayerNormalization", new Norms(false));
        table.standard("RMSNormalization", new Norms(false));
        return table;
    }

    private void contrib(String operator, Decomposition decomposition) {
        decompositions.put(Parts.CONTRIB + ":" + operator, decomposition);
    }

    private void standard(String operator, Decomposition decomposition) {
        decompositions.put(":" + operator, decomposition);
    }

    Optional<Fusion> write(NodeProto node, int opset, Known known) {
        String domain = node.getDomain().equals("ai.onnx") ? "" : node.getDomain();
        @Nullable Decomposition decomposition = decompositions.get(domain + ":" + node.getOpType());
        if (decomposition == null) {
            return Optional.empty();
        }
        Parts.require(opset >= FIRST_OPSET, "the file's operators are of version " + opset);
        Parts parts = new Parts(node, opset, known);
        decomposition.write(parts);
        return Optional.of(parts.fusion());
    }
}
