package dev.sonde.onnx.unfuse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import dev.sonde.DType;
import dev.sonde.Tensor;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every fused operator against ONNX Runtime's own kernel of it. */
class DecompositionsTest {
    private static final double TOLERANCE = 2e-5;

    @ParameterizedTest(name = "{0}")
    @MethodSource("fused")
    void whatIsWrittenGivesTheOperatorsOwnNumbers(String name, OneNode node) throws OrtException {
        Unfused unfused = Unfused.of(node.model(), node, Map.of());
        assertThat(unfused.closed()).isEmpty();
        assertThat(unfused.fusions()).hasSize(1);
        compare(node, unfused.fusions().get(0));
        assertThat(unfused.fusions().get(0).nodes()).noneMatch(each -> each.equals(node.node()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("plain")
    void operatorsOfOnePieceAreWrittenInStandardOperators(String name, OneNode node) throws OrtException {
        Fusion fusion = Unfused.plain(node.node(), node.opset(), node).orElseThrow();
        compare(node, fusion);
        assertThat(fusion.nodes()).allMatch(each -> each.getDomain().isEmpty());
    }

    private static void compare(OneNode node, Fusion fusion) throws OrtException {
        Map<String, float[]> own = node.run(node.model());
        Map<String, float[]> written = node.run(node.model(fusion));
        own.forEach((output, expected) -> {
            float[] found = written.get(output);
            assertThat(found).as(output).hasSameSizeAs(expected);
            double largest = 0;
            double difference = 0;
            for (int i = 0; i < found.length; i++) {
                largest = Math.max(largest, Math.abs(expected[i]));
                difference = Math.max(difference, Math.abs(found[i] - expected[i]));
            }
            assertThat(largest).as(output + " is not all zeros").isPositive();
            assertThat(difference).as(output).isLessThanOrEqualTo(TOLERANCE * largest);
        });
    }

    private static final long B = 2;
    private static final long S = 5;
    private static final long P = 3;
    private static final long N = 4;
    private static final long H = 32;
    private static final long HALF = H / 2;
    private static final long D = N * H;

    static Stream<Arguments> fused() {
        return Stream.of(
                Arguments.of("skip, norm", skip(false).outputs("out", "", "", "sum")),
                Arguments.of(
                        "skip, norm, bias of the product",
                        OneNode.contrib("SkipLayerNormalization")
                                .floats(B, S, D)
                                .floats(B, S, D)
                                .floats(D)
                                .floats(D)
                                .floats(D)
                                .isProduct(0)
                                .attribute("epsilon", 1e-5f)
                                .outputs("out", "", "", "sum")),
                Arguments.of("skip, norm without its sum", skip(false).outputs("out")),
                Arguments.of("skip, root mean square norm", skip(true).outputs("out", "", "", "sum")),
                Arguments.of("bias, tanh gelu", bent("FastGelu")),
                Arguments.of("bias, gelu", bent("BiasGelu")),
                Arguments.of("product", product(0, 0, 1)),
                Arguments.of("product, turned and scaled", product(1, 1, 0.25f)),
                Arguments.of("gemm, relu", gemm("Relu")),
                Arguments.of("gemm, tanh", gemm("Tanh")),
                Arguments.of("embeddings", embeddings(false)),
                Arguments.of("embeddings with a mask", embeddings(true)),
                Arguments.of("attention", attention().outputs("out")),
                Arguments.of(
                        "attention, causal",
                        attention().attribute("unidirectional", 1).outputs("out")),
                Arguments.of(
                        "attention, scale", attention().attribute("scale", 0.7f).outputs("out")),
                Arguments.of(
                        "attention, lengths",
                        attention().ints(new int[] {5, 3}, B).outputs("out")),
                Arguments.of(
                        "attention, ends and starts",
                        attention().ints(new int[] {5, 4, 0, 1}, 2 * B).outputs("out")),
                Arguments.of(
                        "attention, mask",
                        attention().ints(mask((int) B, (int) S), B, S).outputs("out")),
                Arguments.of(
                        "attention, mask, causal, filter value",
                        attention()
                                .ints(mask((int) B, (int) S), B, S)
                                .attribute("unidirectional", 1)
                                .attribute("mask_filter_value", -3.5f)
                                .outputs("out")),
                Arguments.of(
                        "attention, mask of queries and keys",
                        attention().ints(mask((int) (B * S), (int) S), B, S, S).outputs("out")),
                Arguments.of(
                        "attention, past, causal",
                        attention()
                                .none(1)
                                .floats(2, B, N, P, H)
                                .attribute("unidirectional", 1)
                                .outputs("out", "present")),
                Arguments.of(
                        "attention, past, mask",
                        attention()
                                .ints(mask((int) B, (int) (S + P)), B, S + P)
                                .floats(2, B, N, P, H)
                                .attribute("unidirectional", 1)
                                .outputs("out", "present")),
                Arguments.of(
                        "attention, added bias",
                        attention().none(2).floats(1, N, S, S).outputs("out")),
                Arguments.of("attention, widths of their own", ownWidths()),
                Arguments.of("quantised attention", quantised()),
                Arguments.of("multi-head", multiHead().outputs("out")),
                Arguments.of(
                        "multi-head, bias, causal",
                        multiHead().floats(3 * D).attribute("unidirectional", 1).outputs("out")),
                Arguments.of(
                        "multi-head, mask, scale",
                        multiHead()
                                .none(1)
                                .ints(mask((int) B, (int) S), B, S)
                                .attribute("scale", 0.3f)
                                .outputs("out")),
                Arguments.of(
                        "multi-head, lengths",
                        multiHead().none(1).ints(new int[] {4, 5}, B).outputs("out")),
                Arguments.of(
                        "multi-head, past, bias of scores",
                        multiHead()
                                .none(2)
                                .floats(B, N, S, S + P)
                                .floats(B, N, P, H)
                                .floats(B, N, P, H)
                                .outputs("out", "k", "v")),
                Arguments.of("multi-head, other keys", cross()),
                Arguments.of("grouped", grouped(S, 0, S, 5, 5).outputs("out", "k", "v")),
                Arguments.of("grouped, past", grouped(S, P, S + P, 8).outputs("out", "k", "v")),
                Arguments.of(
                        "grouped, pasts of their own", grouped(1, 7, 7, 5, 7).outputs("out", "k", "v")),
                Arguments.of("grouped, long past buffer", grouped(1, 9, 6, 6, 4).outputs("out", "k", "v")),
                Arguments.of(
                        "grouped, rotary",
                        rotary(grouped(S, P, S + P, 8), 20, HALF).outputs("out", "k", "v")),
                Arguments.of(
                        "grouped, rotary in pairs, in part",
                        rotary(grouped(S, P, S + P, 8), 20, HALF / 2)
                                .attribute("rotary_interleaved", 1)
                                .outputs("out", "k", "v")),
                Arguments.of(
                        "grouped, rotary, one token, pasts of their own",
                        rotary(grouped(1, 7, 7, 5, 7), 20, HALF).outputs("out", "k", "v")),
                Arguments.of(
                        "grouped, cap, scale",
                        grouped(S, P, S + P, 8)
                                .attribute("softcap", 2f)
                                .attribute("scale", 0.9f)
                                .outputs("out", "k", "v")),
                Arguments.of(
                        "grouped, window",
                        grouped(S, P, S + P, 8)
                                .attribute("local_window_size", 3)
                                .outputs("out", "k", "v")),
                Arguments.of("grouped, packed", rotary(packed(), 20, HALF).outputs("out", "k", "v")),
                Arguments.of("grouped, positions, bias", positioned()),
                Arguments.of("standard attention", standard(23, N).outputs("out")),
                Arguments.of(
                        "standard attention, causal",
                        standard(23, N).attribute("is_causal", 1).outputs("out")),
                Arguments.of(
                        "standard attention, grouped, cap, bias",
                        standard(23, 2)
                                .floats(1, 1, S, S)
                                .attribute("softcap", 1.5f)
                                .outputs("out")),
                Arguments.of(
                        "standard attention, past",
                        standard(23, 2)
                                .none(1)
                                .floats(B, 2, P, H)
                                .floats(B, 2, P, H)
                                .outputs("out", "k", "v")),
                Arguments.of(
                        "standard attention, chosen keys",
                        standard(23, N)
                                .input(Tensor.of(chosen(), S, S))
                                .attribute("scale", 0.5f)
                                .outputs("out")),
                Arguments.of(
                        "standard attention, no heads of its own",
                        new OneNode("", "Attention", 23)
                                .floats(B, S, D)
                                .floats(B, S, 2 * H)
                                .floats(B, S, 2 * H)
                                .attribute("q_num_heads", N)
                                .attribute("kv_num_heads", 2)
                                .attribute("is_causal", 1)
                                .outputs("out")));
    }

    private static OneNode skip(boolean simplified) {
        OneNode node = OneNode.contrib(simplified ? "SkipSimplifiedLayerNormalization" : "SkipLayerNormalization")
                .floats(B, S, D)
                .floats(B, S, D)
                .floats(D)
                .attribute("epsilon", 1e-5f);
        return simplified ? node : node.floats(D);
    }

    private static OneNode bent(String operator) {
        return OneNode.contrib(operator).floats(B, S, D).floats(D).outputs("out");
    }

    private static OneNode product(long turnA, long turnB, float alpha) {
        return OneNode.contrib("FusedMatMul")
                .floats(B, turnA == 1 ? H : S, turnA == 1 ? S : H)
                .floats(B, turnB == 1 ? D : H, turnB == 1 ? H : D)
                .attribute("transA", turnA)
                .attribute("transB", turnB)
                .attribute("alpha", alpha)
                .outputs("out");
    }

    private static OneNode gemm(String activation) {
        return OneNode.contrib("FusedGemm")
                .floats(S, H)
                .floats(D, H)
                .floats(D)
                .attribute("transB", 1)
                .text("activation", activation)
                .outputs("out");
    }

    private static OneNode embeddings(boolean masked) {
        OneNode node = OneNode.contrib("EmbedLayerNormalization")
                .ints(new int[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 0}, B, S)
                .ints(new int[] {0, 0, 1, 1, 1, 0, 1, 0, 1, 0}, B, S)
                .floats(10, D)
                .floats(8, D)
                .floats(2, D)
                .floats(D)
                .floats(D)
                .attribute("epsilon", 1e-5f);
        return masked
                ? node.ints(new int[] {1, 1, 1, 1, 1, 1, 1, 1, 0, 0}, B, S).outputs("out", "mask")
                : node.outputs("out", "", "sum");
    }

    private static int[] mask(int rows, int keys) {
        int[] mask = new int[rows * keys];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = i % keys == 0 || (i * 7 % 5) > 1 ? 1 : 0;
        }
        return mask;
    }

    private static boolean[] chosen() {
        boolean[] chosen = new boolean[(int) (S * S)];
        for (int i = 0; i < chosen.length; i++) {
            chosen[i] = i % S == 0 || i * 7 % 5 > 1;
        }
        return chosen;
    }

    private static OneNode attention() {
        return OneNode.contrib("Attention")
                .floats(B, S, D)
                .floats(D, 3 * D)
                .floats(3 * D)
                .attribute("num_heads", N);
    }

    private static OneNode ownWidths() {
        return OneNode.contrib("Attention")
                .floats(B, S, D)
                .floats(D, 12 + 12 + 8)
                .floats(12 + 12 + 8)
                .attribute("num_heads", N)
                .attribute("qkv_hidden_sizes", List.of(12L, 12L, 8L))
                .outputs("out");
    }

    private static OneNode quantised() {
        byte[] x = new byte[(int) (B * S * D)];
        byte[] weights = new byte[(int) (D * 3 * D)];
        new Random(3).nextBytes(x);
        new Random(4).nextBytes(weights);
        return OneNode.contrib("QAttention")
                .input(unsigned(x, B, S, D))
                .input(unsigned(weights, D, 3 * D))
                .floats(3 * D)
                .input(Tensor.of(new float[] {0.01f}))
                .input(Tensor.of(new float[] {0.02f}))
                .ints(mask((int) B, (int) S), B, S)
                .input(unsigned(new byte[] {(byte) 120}))
                .input(unsigned(new byte[] {(byte) 130}))
                .attribute("num_heads", N)
                .outputs("out");
    }

    private static Tensor unsigned(byte[] values, long... shape) {
        return Tensor.wrap(DType.UINT8, shape, List.of(), ByteBuffer.wrap(values));
    }

    private static OneNode multiHead() {
        return OneNode.contrib("MultiHeadAttention")
                .floats(B, S, D)
                .floats(B, S, D)
                .floats(B, S, D)
                .attribute("num_heads", N);
    }

    private static OneNode cross() {
        return OneNode.contrib("MultiHeadAttention")
                .floats(B, S, D)
                .floats(B, N, 7, H)
                .floats(B, N, 7, H)
                .attribute("num_heads", N)
                .outputs("out");
    }

    private static OneNode grouped(long length, long past, long total, int... lengths) {
        int[] last = new int[lengths.length];
        for (int i = 0; i < last.length; i++) {
            last[i] = lengths[i] - 1;
        }
        OneNode node = OneNode.contrib("GroupQueryAttention")
                .floats(last.length, length, D)
                .floats(last.length, length, 2 * H)
                .floats(last.length, length, 2 * H);
        (past == 0 ? node.none(2) : node.floats(last.length, 2, past, H).floats(last.length, 2, past, H))
                .ints(last, last.length)
                .ints(new int[] {(int) total}, 1);
        return node.attribute("num_heads", N).attribute("kv_num_heads", 2);
    }

    private static OneNode packed() {
        return OneNode.contrib("GroupQueryAttention")
                .floats(1, S, D + 4 * H)
                .none(2)
                .floats(1, 2, P, H)
                .floats(1, 2, P, H)
                .ints(new int[] {7}, 1)
                .ints(new int[] {8}, 1)
                .attribute("num_heads", N)
                .attribute("kv_num_heads", 2);
    }

    private static OneNode rotary(OneNode node, long rows, long half) {
        return node.floats(rows, half).floats(rows, half).attribute("do_rotary", 1);
    }

    private static OneNode positioned() {
        return rotary(grouped(S, P, S + P, 8), 20, HALF)
                .input(Tensor.of(new long[] {4, 5, 6, 9, 8}, 1, S))
                .floats(1, 1, S, S + P)
                .outputs("out", "k", "v");
    }

    private static OneNode standard(int opset, long kvHeads) {
        return new OneNode("", "Attention", opset)
                .floats(B, N, S, H)
                .floats(B, kvHeads, S, H)
                .floats(B, kvHeads, S, H);
    }

    static Stream<Arguments> plain() {
        return Stream.of(
                Arguments.of(
                        "quick gelu",
                        OneNode.contrib("QuickGelu").floats(B, S, D).outputs("out")),
                Arguments.of(
                        "tanh gelu", OneNode.contrib("FastGelu").floats(B, S, D).outputs("out")),
                Arguments.of("gelu", OneNode.contrib("Gelu").floats(B, S, D).outputs("out")),
                Arguments.of(
                        "standard tanh gelu",
                        new OneNode("", "Gelu", 20)
                                .floats(B, S, D)
                                .text("approximate", "tanh")
                                .outputs("out")),
                Arguments.of("norm", norm("LayerNormalization", 17, true)),
                Arguments.of("norm without a bias", norm("LayerNormalization", 17, false)),
                Arguments.of("root mean square norm", norm("SimplifiedLayerNormalization", 17, false)),
                Arguments.of("standard root mean square norm", norm("RMSNormalization", 23, false)),
                Arguments.of("rotary", embedding(0, HALF / 2)),
                Arguments.of("rotary in pairs", embedding(1, HALF / 2)),
                Arguments.of("rotary with heads of its own", fourAxes()),
                Arguments.of(
                        "rotary from a first position",
                        OneNode.contrib("RotaryEmbedding")
                                .floats(B, S, D)
                                .input(Tensor.of(new long[] {4}, 1))
                                .floats(20, HALF)
                                .floats(20, HALF)
                                .outputs("out")),
                Arguments.of(
                        "standard rotary",
                        new OneNode("", "RotaryEmbedding", 23)
                                .floats(B, N, S, H)
                                .floats(20, HALF)
                                .floats(20, HALF)
                                .input(Tensor.of(new long[] {4, 5, 6, 7, 8, 1, 2, 3, 9, 10}, B, S))
                                .outputs("out")));
    }

    private static OneNode norm(String operator, int opset, boolean biased) {
        OneNode node = new OneNode("", operator, opset).floats(B, S, D).floats(D);
        return (biased ? node.floats(D) : node)
                .attribute("axis", -1)
                .attribute("epsilon", 1e-5f)
                .outputs("out");
    }

    private static OneNode embedding(long interleaved, long half) {
        return OneNode.contrib("RotaryEmbedding")
                .floats(B, S, D)
                .input(Tensor.of(new long[] {4, 5, 6, 7, 8, 1, 2, 3, 9, 10}, B, S))
                .floats(20, half)
                .floats(20, half)
                .attribute("num_heads", N)
                .attribute("rotary_embedding_dim", 2 * half)
                .attribute("interleaved", interleaved)
                .outputs("out");
    }

    private static OneNode fourAxes() {
        return OneNode.contrib("RotaryEmbedding")
                .floats(B, N, S, H)
                .input(Tensor.of(new long[] {4, 5, 6, 7, 8, 1, 2, 3, 9, 10}, B, S))
                .floats(20, HALF)
                .floats(20, HALF)
                .outputs("out");
    }

    @Test
    void aPaddedPromptIsRightWhereThereIsNoPadding() throws OrtException {
        OneNode node = rotary(grouped(S, 0, S, 5, 3), 20, HALF).outputs("out", "k", "v");
        Fusion fusion = Unfused.of(node.model(), node, Map.of()).fusions().get(0);
        float[] expected = node.run(node.model()).get("out");
        float[] found = node.run(node.model(fusion)).get("out");
        int valid = (int) ((S + 3) * D); // row 0, and three positions of row 1
        assertThat(Arrays.copyOf(found, valid)).containsExactly(Arrays.copyOf(expected, valid), within(1e-4f));
    }

    @Test
    void aFormThatIsNotKnownStaysClosedWithItsReason() {
        OneNode node = grouped(S, 0, S, 5, 5).attribute("smooth_softmax", 1).outputs("out", "k", "v");
        Unfused unfused = Unfused.of(node.model(), node, Map.of());
        assertThat(unfused.fusions()).isEmpty();
        assertThat(unfused.closed()).containsEntry("node", "its softmax has a sink");
        assertThat(unfused.model()).isEqualTo(node.model());
    }

    @Test
    void aBiasThatMayBelongToEitherInputStaysClosed() {
        OneNode node = skip(false).floats(D).outputs("out");
        assertThat(Unfused.of(node.model(), node, Map.of()).closed())
                .containsEntry("node", "it is not clear which of its two inputs its bias belongs to");
    }
}
