package dev.sonde.remote.server;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.sonde.remote.protocol.JobState;
import dev.sonde.remote.protocol.JobStatus;
import dev.sonde.remote.protocol.Problem;
import java.lang.System.Logger.Level;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** All jobs: those that wait, by model, those under way and those that are done. Every change is journalled first. */
final class Jobs {
    /** How often a job is started at most, when its worker dies under it. */
    static final int ATTEMPTS = 2;

    private static final System.Logger LOG = System.getLogger(Jobs.class.getName());

    /** What makes two submissions the same. */
    private record Idempotency(String owner, String key) {}

    private final SecureRandom random = new SecureRandom();
    private final Journal journal;
    private final int queueLength;
    private final int keptJobs;

    @GuardedBy("this")
    private final Map<String, Job> jobs = new LinkedHashMap<>();

    @GuardedBy("this")
    private final Map<String, Deque<Job>> queues = new HashMap<>();

    @GuardedBy("this")
    private final Map<Idempotency, Job> known = new HashMap<>();

    @GuardedBy("this")
    private final Deque<Job> finishedJobs = new ArrayDeque<>();

    @GuardedBy("this")
    private long sequence;

    @GuardedBy("this")
    private int running;

    @GuardedBy("this")
    private boolean closing;

    Jobs(Path data, int queueLength, int keptJobs) {
        this.journal = new Journal(data);
        this.queueLength = queueLength;
        this.keptJobs = keptJobs;
        restore(journal.load());
    }

    private synchronized void restore(List<JobRecord> records) {
        for (JobRecord record : records) {
            JobRecord now = record;
            if (record.state() == JobState.RUNNING) {
                now = record.attempts() < ATTEMPTS
                        ? record.with(JobState.QUEUED, record.attempts(), null)
                        : record.with(JobState.ERROR, record.attempts(), died(record.attempts()));
                journal.record(now);
            }
            sequence = Math.max(sequence, now.sequence());
            Job job = new Job(now);
            add(job);
            if (now.state() == JobState.QUEUED) {
                queue(now.model()).addLast(job);
            } else {
                finishedJobs.addLast(job);
            }
        }
        forget();
    }

    private static Problem died(int attempts) {
        return new Problem(
                "worker-died", "The worker died under this job " + attempts + " times; it is not started again");
    }

    /**
     * Takes a job in; once this returns, a crash does not lose it.
     *
     * @throws Refusal {@code queue-full} naming the limit; {@code idempotency-conflict} if the key came with another graph
     */
    Job submit(String model, String owner, @Nullable String idempotencyKey, byte[] graph) {
        String hash = Sha256.hex(graph);
        @Nullable Job same = same(model, owner, idempotencyKey, hash);
        if (same != null) {
            return same;
        }
        byte[] bits = new byte[16];
        random.nextBytes(bits);
        String id = HexFormat.of().formatHex(bits);
        // The large write is outside of the lock.
        journal.graph(id, graph);
        try {
            Job job = enqueue(id, model, owner, idempotencyKey, hash);
            if (!job.record().id().equals(id)) {
                journal.delete(id);
            }
            return job;
        } catch (RuntimeException e) {
            journal.delete(id);
            throw e;
        }
    }

    private synchronized Job enqueue(
            String id, String model, String owner, @Nullable String idempotencyKey, String hash) {
        @Nullable Job same = same(model, owner, idempotencyKey, hash);
        if (same != null) {
            return same;
        }
        if (closing) {
            throw new Refusal(503, "server-closing", "The service is shutting down");
        }
        if (queue(model).size() >= queueLength) {
            throw new Refusal(
                    429,
                    "queue-full",
                    "Model '" + model + "' has " + queueLength
                            + " jobs waiting, the limit 'queue length' of this service; try again later");
        }
        Job job = new Job(new JobRecord(++sequence, id, model, owner, idempotencyKey, hash, JobState.QUEUED, 0, null));
        journal.record(job.record());
        add(job);
        queue(model).addLast(job);
        notifyAll();
        return job;
    }

    private synchronized @Nullable Job same(String model, String owner, @Nullable String key, String hash) {
        if (key == null) {
            return null;
        }
        @Nullable Job job = known.get(new Idempotency(owner, key));
        if (job != null
                && !(job.record().graphSha256().equals(hash)
                        && job.record().model().equals(model))) {
            throw new Refusal(
                    409,
                    "idempotency-conflict",
                    "The idempotency key was used before for another graph or model; use a new key for a new job");
        }
        return job;
    }

    /**
     * Returns the job of that id.
     *
     * @throws Refusal {@code unknown-job} if there is none, or it is someone else's
     */
    synchronized Job find(String id, String owner) {
        @Nullable Job job = jobs.get(id);
        if (job == null || !job.record().owner().equals(owner)) {
            throw new Refusal(
                    404,
                    "unknown-job",
                    "This service has no job of that id for you; finished jobs are kept until there are " + keptJobs
                            + " newer ones");
        }
        return job;
    }

    synchronized JobStatus status(Job job) {
        JobRecord record = job.record();
        int position = 0;
        if (record.state() == JobState.QUEUED) {
            for (Job other : queue(record.model())) {
                if (other == job) {
                    break;
                }
                position++;
            }
        }
        return new JobStatus(
                record.id(),
                record.model(),
                record.state(),
                position,
                job.done(),
                job.total(),
                record.attempts(),
                record.error());
    }

    /** Ends a job that waits; asks one that runs to end; leaves one that is done. */
    synchronized void cancel(Job job) {
        job.requestCancel();
        if (queue(job.record().model()).remove(job)) {
            finish(job, JobState.CANCELLED, null);
        }
        notifyAll();
    }

    /** Waits for the next job of that model and marks it as running; null when the server closes. */
    synchronized @Nullable Job take(String model) throws InterruptedException {
        while (!closing) {
            @Nullable Job job = queue(model).pollFirst();
            if (job != null) {
                journalled(job, job.record().with(JobState.RUNNING, job.record().attempts() + 1, null));
                running++;
                return job;
            }
            wait();
        }
        return null;
    }

    synchronized void progress(Job job, long done, long total) {
        job.progress(done, total);
        notifyAll();
    }

    /** Ends a job that {@link #take} returned. */
    synchronized void finished(Job job, JobState state, @Nullable Problem error) {
        running--;
        finish(job, state, error);
    }

    /** Gives back a job that {@link #take} returned because its worker died: it runs next, or was tried often enough. */
    synchronized void died(Job job) {
        running--;
        int attempts = job.record().attempts();
        if (attempts >= ATTEMPTS) {
            finish(job, JobState.ERROR, died(attempts));
        } else {
            journalled(job, job.record().with(JobState.QUEUED, attempts, null));
            queue(job.record().model()).addFirst(job);
        }
    }

    /** Gives back a job that {@link #take} returned because the server closes; the attempt does not count. */
    synchronized void interrupted(Job job) {
        running--;
        journalled(job, job.record().with(JobState.QUEUED, job.record().attempts() - 1, null));
        queue(job.record().model()).addFirst(job);
    }

    /** Waits until the status is no longer {@code last}, at most that long, and returns what it is. */
    synchronized JobStatus awaitChange(Job job, JobStatus last, long millis) throws InterruptedException {
        long end = System.nanoTime() + millis * 1_000_000;
        JobStatus now = status(job);
        while (now.equals(last) && !closing) {
            long left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                break;
            }
            wait(left);
            now = status(job);
        }
        return now;
    }

    synchronized int queued() {
        return queues.values().stream().mapToInt(Deque::size).sum();
    }

    synchronized int running() {
        return running;
    }

    synchronized boolean closing() {
        return closing;
    }

    synchronized void close() {
        closing = true;
        notifyAll();
    }

    Journal journal() {
        return journal;
    }

    @GuardedBy("this")
    private void add(Job job) {
        jobs.put(job.record().id(), job);
        @Nullable String key = job.record().idempotencyKey();
        if (key != null) {
            known.put(new Idempotency(job.record().owner(), key), job);
        }
    }

    @GuardedBy("this")
    private Deque<Job> queue(String model) {
        return queues.computeIfAbsent(model, name -> new ArrayDeque<>());
    }

    @GuardedBy("this")
    private void finish(Job job, JobState state, @Nullable Problem error) {
        journalled(job, job.record().with(state, job.record().attempts(), error));
        finishedJobs.addLast(job);
        job.finished().complete(null);
        forget();
        notifyAll();
    }

    @GuardedBy("this")
    private void journalled(Job job, JobRecord record) {
        try {
            journal.record(record);
        } catch (RuntimeException e) {
            // The job itself goes on: a full disk must not stop the queue. After a restart it may run once more.
            LOG.log(Level.ERROR, "job " + record.id() + " cannot be journalled as " + record.state(), e);
        }
        job.record(record);
        notifyAll();
    }

    @GuardedBy("this")
    private void forget() {
        Iterator<Job> oldest = finishedJobs.iterator();
        for (int over = finishedJobs.size() - keptJobs; over > 0 && oldest.hasNext(); over--) {
            Job job = oldest.next();
            oldest.remove();
            jobs.remove(job.record().id());
            @Nullable String key = job.record().idempotencyKey();
            if (key != null) {
                known.remove(new Idempotency(job.record().owner(), key), job);
            }
            journal.delete(job.record().id());
        }
    }
}
