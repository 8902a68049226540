package dev.sonde.onnx.run;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.SondeException;
import dev.sonde.onnx.plan.Program;
import dev.sonde.onnx.plan.Splice;
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
    private final RuntimeEnvironment environment;
    private final SessionSettings settings;
    private final ModelProto skeleton;
    private final int most;
    private final long mostBytes;
    private final Map<Splice, Kept> kept = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;
    private long created;

    /** A session and how many runs use it. */
    static final class Kept {
        private final OrtSession session;
        private final long bytes;
        private int users;
        private boolean evicted;

        Kept(OrtSession session, long bytes) {
            this.session = session;
            this.bytes = bytes;
        }

        OrtSession session() {
            return session;
        }
    }

    /**
     * @param environment where sessions are made
     * @param settings how
     * @param skeleton the model without weights
     * @param most number of sessions to keep
     * @param mostBytes size of all kept models in bytes, weights aside
     */
    public Sessions(
            RuntimeEnvironment environment, SessionSettings settings, ModelProto skeleton, int most, long mostBytes) {
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
        Kept found = kept.get(program.splice());
        if (found == null) {
            found = create(program);
            kept.put(program.splice(), found);
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

    private Kept create(Program program) {
        byte[] model = SplicedModel.build(program, skeleton).toByteArray();
        try (OrtSession.SessionOptions options = settings.options(environment)) {
            return new Kept(environment.ort().createSession(model, options), model.length);
        } catch (OrtException e) {
            throw new SondeException(
                    "engine",
                    "ONNX Runtime does not take the model with the experiment in it" + " (" + program.label() + "): "
                            + e.getMessage(),
                    e);
        }
    }

    private void shrink() {
        Iterator<Kept> oldest = kept.values().iterator();
        while ((kept.size() > most || bytes > mostBytes) && kept.size() > 1 && oldest.hasNext()) {
            Kept next = oldest.next();
            oldest.remove();
            evict(next);
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
            session.session.close();
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
