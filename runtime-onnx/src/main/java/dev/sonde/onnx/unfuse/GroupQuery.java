package dev.sonde.onnx.unfuse;

import dev.sonde.DType;
import java.util.List;

/**
 * com.microsoft.GroupQueryAttention: causal, with a past for each row, fewer key heads than query heads, and rotary embeddings,
 * a cap and a window if wanted.
 */
final class GroupQuery implements Decomposition {
    @Override
    public void write(Parts parts) {
        for (int place = 11; place < 16; place++) {
            parts.refuseInputs(place);
        }
        parts.refuseOutputs(3);
        Parts.require(parts.number("smooth_softmax", 0) != 1, "its softmax has a sink");
        Parts.require(parts.number("sliding_window_cache", 0) == 0, "its cache is a window that moves");
        for (String type : List.of("k_quant_type", "v_quant_type")) {
            Parts.require(parts.text(type, "NONE").equals("NONE"), "its cache is quantised");
        }
        new Writer(parts).write();
    }

    /** The sizes of one operator, and the writing of its parts. */
    private static final class Writer {
        private final Parts parts;
        private final Heads heads;
        private final DType dtype;
        private final long count;
        private final long kvCount;
        private final long width;
        private final String queries;
        private final String past;
        private final String positions;

        Writer(Parts parts) {
            this.parts = parts;
            this.dtype = parts.dtype(0);
            this.heads = new Heads(parts, dtype);
            this.count = parts.number("num_heads", 1);
            this.kvCount = parts.number("kv_num_heads", 1);
            this.width = parts.size(0, 2) / (parts.has(1) ? count : count + 2 * kvCount);
            this.queries = parts.sizeOf("queries", parts.input(0), 1);
            this.past = pastLengths();
            this.positions = parts.add(
                    "positions",
                    "Add",
                    List.of(
                            parts.unsqueeze("past.axis", past, 1),
                            parts.unsqueeze("query.axis", parts.range("query", queries), 0)));
        }

        void write() {
            List<String> qkv = inputs();
            String q = heads.divide("q", qkv.get(0), count, width);
            String k = heads.divide("k", qkv.get(1), kvCount, width);
            String v = heads.divide("v", qkv.get(2), kvCount, width);
            if (parts.number("do_rotary", 0) == 1) {
                Rotation rotation =
                        new Rotation(parts, parts.number("rotary_interleaved", 0) == 1, 2 * parts.size(7, 1), width);
                String at = parts.has(9) ? parts.input(9) : positions;
                String cos = rotation.rows("cos", parts.input(7), at);
                String sin = rotation.rows("sin", parts.input(8), at);
                q = rotation.rotate("q", q, cos, sin, "");
                k = rotation.rotate("k", k, cos, sin, "");
            }
            if (parts.has(3)) {
                Cache cache = new Cache(parts, past, queries, kvCount, width, dtype);
                k = cache.append("k", parts.input(3), k);
                v = cache.append("v", parts.input(4), v);
            }
            MultiHead.present(parts, 1, "k.present", k);
            MultiHead.present(parts, 2, "v.present", v);
            heads.mix(heads.pattern(scores(q, k)), repeated("v", v), parts.output(0));
        }

        private String scores(String q, String k) {
            float given = parts.real("scale", 0);
            String x = heads.scores(q, repeated("k", k), given == 0 ? 1 / Math.sqrt((double) width) : given);
            x = heads.capped(x, parts.real("softcap", 0));
            x = parts.has(10) ? parts.add("biased", "Add", List.of(x, parts.input(10))) : x;
            return heads.only("masked", x, allowed(parts.sizeOf("keys", k, 2)));
        }

        private String repeated(String label, String value) {
            return heads.repeat(label, value, count / kvCount, count, width);
        }

        private List<String> inputs() {
            return parts.has(1)
                    ? List.of(parts.input(0), parts.input(1), parts.input(2))
                    : parts.split(
                            "packed", parts.input(0), 2, List.of(count * width, kvCount * width, kvCount * width));
        }

        /** How many keys each row had before: its length without the new tokens; a padded prompt had none. */
        private String pastLengths() {
            String last = parts.reshape("last.flat", parts.cast("last", parts.input(5), DType.INT64), -1);
            String before = parts.add("before", "Sub", List.of(last, queries));
            String count = parts.add("before.all", "Add", List.of(before, parts.ints(1)));
            String none = parts.add("none.before", "Less", List.of(count, parts.ints(0)));
            return parts.add("past", "Where", List.of(none, parts.ints(0), count));
        }

        private String allowed(String keys) {
            String at = parts.unsqueeze("query.axes", positions, 1, 3);
            String causal = heads.notAfter(at, keys);
            long window = parts.number("local_window_size", -1);
            if (window <= 0) {
                return causal;
            }
            String index = parts.unsqueeze("window.key.axes", parts.range("window.key", keys), 0, 1, 2);
            String first = parts.add("window.first", "Sub", List.of(at, parts.ints(window)));
            String near = parts.add("near", "Greater", List.of(index, first));
            return parts.add("allowed", "And", List.of(causal, near));
        }
    }
}
