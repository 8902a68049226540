package dev.sonde.onnx.run;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OrtException;
import dev.sonde.SondeException;
import dev.sonde.onnx.plan.Program;
import dev.sonde.onnx.plan.Segment;
import dev.sonde.onnx.plan.Segmentation;
import dev.sonde.onnx.plan.Splice;
import dev.sonde.onnx.plan.TurnedProducts;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The sessions of one model, by structure; the least recently used are closed when there are too many. A session in use stays
 * open until it is given back. Safe for many threads.
 */
public final class Sessions implements AutoCloseable {
    private static final int LONG = 16;
    private static final int MOST_PREPACKED = 2;

    private final RuntimeEnvironment environment;
    private final SessionSettings settings;
    private final ModelProto skeleton;
    private final Segmentation segmentation;
    private final TurnedProducts products;
    private final int most;
    private final long mostBytes;
    private final Map<Structure, Kept> kept = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;
    private long created;

    /** What makes a session another one; equal plans find equal ones, whatever ran before. */
    private record Structure(Splice splice, boolean prepacked) {}

    /** A session and how many runs use it. */
    static final class Kept {
        private final Body body;
        private final long bytes;
        private final boolean prepacked;
        private int users;
        private boolean evicted;

        Kept(Body body, long bytes, boolean prepacked) {
            this.prepacked = prepacked;
            this.body = body;
            this.bytes = bytes;
        }

        Body body() {
            return body;
        }
    }

    /**
     * @param environment where sessions are made
     * @param settings how
     * @param skeleton the model without weights
     * @param segmentation what is cut
     * @param products how products with large matrices are written
     * @param most number of sessions to keep
     * @param mostBytes size of all kept models in bytes, weights aside
     */
    public Sessions(
            RuntimeEnvironment environment,
            SessionSettings settings,
            ModelProto skeleton,
            Segmentation segmentation,
            TurnedProducts products,
            int most,
            long mostBytes) {
        this.segmentation = segmentation;
        this.products = products;
        this.environment = environment;
        this.settings = settings;
        this.skeleton = skeleton;
        this.most = most;
        this.mostBytes = mostBytes;
    }

    RuntimeEnvironment environment() {
        return environment;
    }

    /** Returns how many sessions were made so far. */
    public synchronized long created() {
        return created;
    }

    /** Returns the session of a program's structure, which must be given back. */
    synchronized Kept borrow(Program program) {
        boolean prepacked = settings.prepack() || (settings.prepackLoops() && isLong(program));
        Structure structure = new Structure(program.splice(), prepacked);
        Kept found = kept.get(structure);
        if (found == null) {
            found = create(program, prepacked);
            kept.put(structure, found);
            bytes += found.bytes;
            created++;
        }
        found.users++;
        shrink();
        return found;
    }

    synchronized void giveBack(Kept session) {
        session.users--;
        if (session.evicted && session.users == 0) {
            close(session);
        }
    }

    /**
     * Calls of one session that come one after the other make up for the time that prepacking takes, but for single rows, which
     * turned matrices are as good for.
     */
    private boolean isLong(Program program) {
        return program.turn()
                        .filter(turn -> !turn.cache().isEmpty() && turn.most() >= LONG)
                        .isPresent()
                && !(products.turnsAny()
                        && program.input().filter(input -> input.rows() == 1).isPresent());
    }

    /** Returns whether a program runs in segments. */
    boolean isCut(Program program) {
        return segmentation.of(program).size() > 1;
    }

    private Kept create(Program program, boolean prepacked) {
        List<Segment> segments = segmentation.of(program);
        if (segments.size() > 1) {
            boolean packed = settings.prepack();
            return new Kept(
                    new InSegments(environment, settings, skeleton, products, program, segments, packed), 0, prepacked);
        }
        byte[] model = SplicedModel.build(program, skeleton, prepacked ? products.plain() : products, settings.level())
                .toByteArray();
        try {
            return new Kept(new Body.Whole(settings.open(environment, model, prepacked)), model.length, prepacked);
        } catch (OrtException e) {
            throw new SondeException(
                    "engine",
                    "ONNX Runtime does not take the model with the experiment in it" + " (" + program.label() + "): "
                            + e.getMessage(),
                    e);
        }
    }

    private void shrink() {
        dropPrepacked();
        Iterator<Kept> oldest = kept.values().iterator();
        while ((kept.size() > most || bytes > mostBytes) && kept.size() > 1 && oldest.hasNext()) {
            Kept next = oldest.next();
            oldest.remove();
            evict(next);
        }
    }

    /** Each session for long generations has weights of its own: few are kept. */
    private void dropPrepacked() {
        long count = kept.values().stream().filter(each -> each.prepacked).count();
        Iterator<Kept> oldest = kept.values().iterator();
        while (!settings.prepack() && count > MOST_PREPACKED && oldest.hasNext()) {
            Kept next = oldest.next();
            if (next.prepacked) {
                oldest.remove();
                evict(next);
                count--;
            }
        }
    }

    private void evict(Kept session) {
        bytes -= session.bytes;
        session.evicted = true;
        if (session.users == 0) {
            close(session);
        }
    }

    private static void close(Kept session) {
        try {
            session.body.close();
        } catch (OrtException e) {
            throw new SondeException("engine", "A session cannot be closed: " + e.getMessage(), e);
        }
    }

    @Override
    public synchronized void close() {
        List<Kept> all = new ArrayList<>(kept.values());
        kept.clear();
        all.forEach(this::evict);
    }
}
