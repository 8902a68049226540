package dev.sonde.remote.server;

import dev.sonde.remote.protocol.Price;
import dev.sonde.remote.protocol.Problem;
import dev.sonde.spi.Limits;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The header of a {@link Frame}. Which parts are there depends on the kind.
 *
 * @param kind what it is
 * @param id of the question; answers carry it too
 * @param limits for {@code PREPARE} and {@code RUN}
 * @param sizes of the graphs in the payload, for {@code RUN}
 * @param deadline in milliseconds since 1970, for {@code RUN}
 * @param text to encode, decoded, or the manifest in {@code HELLO}
 * @param plain for {@code ENCODE}; in {@code HELLO} whether there is a tokenizer
 * @param ids to decode, or encoded
 * @param done in {@code PROGRESS}; in {@code RESULT} the graph's index
 * @param total in {@code PROGRESS}
 * @param price the answer to {@code PREPARE}
 * @param problem in {@code FAILED}
 */
record WorkerMessage(
        Kind kind,
        long id,
        @Nullable Limits limits,
        @Nullable List<Integer> sizes,
        @Nullable Long deadline,
        @Nullable String text,
        boolean plain,
        @Nullable List<Long> ids,
        long done,
        long total,
        @Nullable Price price,
        @Nullable Problem problem) {
    enum Kind {
        /** From the worker: the model is open. */
        HELLO,
        PREPARE,
        RUN,
        ENCODE,
        DECODE,
        /** What the model's folder says about texts; the answer's text is a {@link dev.sonde.remote.protocol.TextFacts}. */
        TEXTS,
        /** To the worker: end the work of that id. */
        CANCEL,
        PROGRESS,
        /** One graph's results, before the {@link #ANSWER}. */
        RESULT,
        /** The question is answered. */
        ANSWER,
        /** The question, or with id 0 the worker's start, failed. */
        FAILED
    }

    WorkerMessage {
        Objects.requireNonNull(kind, "kind");
    }

    static WorkerMessage hello(String manifest, boolean tokenizer) {
        return new WorkerMessage(Kind.HELLO, 0, null, null, null, manifest, tokenizer, null, 0, 0, null, null);
    }

    static WorkerMessage prepare(long id, Limits limits) {
        return new WorkerMessage(Kind.PREPARE, id, limits, null, null, null, false, null, 0, 0, null, null);
    }

    static WorkerMessage run(long id, Limits limits, List<Integer> sizes, @Nullable Long deadline) {
        return new WorkerMessage(Kind.RUN, id, limits, sizes, deadline, null, false, null, 0, 0, null, null);
    }

    static WorkerMessage encode(long id, String text, boolean plain) {
        return new WorkerMessage(Kind.ENCODE, id, null, null, null, text, plain, null, 0, 0, null, null);
    }

    static WorkerMessage decode(long id, List<Long> ids) {
        return new WorkerMessage(Kind.DECODE, id, null, null, null, null, false, ids, 0, 0, null, null);
    }

    static WorkerMessage texts(long id) {
        return new WorkerMessage(Kind.TEXTS, id, null, null, null, null, false, null, 0, 0, null, null);
    }

    static WorkerMessage cancel(long id) {
        return new WorkerMessage(Kind.CANCEL, id, null, null, null, null, false, null, 0, 0, null, null);
    }

    static WorkerMessage progress(long id, long done, long total) {
        return new WorkerMessage(Kind.PROGRESS, id, null, null, null, null, false, null, done, total, null, null);
    }

    static WorkerMessage result(long id, int index) {
        return new WorkerMessage(Kind.RESULT, id, null, null, null, null, false, null, index, 0, null, null);
    }

    static WorkerMessage answer(long id) {
        return new WorkerMessage(Kind.ANSWER, id, null, null, null, null, false, null, 0, 0, null, null);
    }

    static WorkerMessage answer(long id, Price price) {
        return new WorkerMessage(Kind.ANSWER, id, null, null, null, null, false, null, 0, 0, price, null);
    }

    static WorkerMessage answer(long id, String text) {
        return new WorkerMessage(Kind.ANSWER, id, null, null, null, text, false, null, 0, 0, null, null);
    }

    static WorkerMessage answer(long id, List<Long> ids) {
        return new WorkerMessage(Kind.ANSWER, id, null, null, null, null, false, ids, 0, 0, null, null);
    }

    static WorkerMessage failed(long id, Problem problem) {
        return new WorkerMessage(Kind.FAILED, id, null, null, null, null, false, null, 0, 0, null, problem);
    }
}
