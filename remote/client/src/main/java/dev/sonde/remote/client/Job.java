package dev.sonde.remote.client;

import dev.sonde.remote.protocol.JobState;
import dev.sonde.remote.protocol.JobStatus;
import dev.sonde.remote.protocol.Protocol;
import dev.sonde.remote.protocol.ResultsFile;
import dev.sonde.spi.Results;
import java.nio.ByteBuffer;
import java.time.Duration;
import okhttp3.HttpUrl;

/** A job on a service. It outlives this object and this process: {@link SondeService#job} finds it by its id. */
public final class Job {
    private final Http http;
    private final String id;

    Job(Http http, String id) {
        this.http = http;
        this.id = id;
    }

    /** Returns the id that the service gave it. */
    public String id() {
        return id;
    }

    /** Asks where the job is. */
    public JobState state() {
        return status().state();
    }

    /** Asks for all that the service says of the job. */
    public JobStatus status() {
        return http.get(http.at(Protocol.RESPONSE, id).build(), JobStatus.class);
    }

    /** Waits for the job's end, at most {@code longest}, and returns what the service says of it then. */
    public JobStatus await(Duration longest) {
        long end = System.nanoTime() + longest.toNanos();
        JobStatus status;
        long left = longest.toNanos();
        do {
            long seconds = Math.min(
                    Protocol.LONGEST_WAIT, Math.max(1, Duration.ofNanos(left).toSeconds()));
            HttpUrl url = http.at(Protocol.RESPONSE, id)
                    .addQueryParameter("wait", Long.toString(seconds))
                    .build();
            status = http.get(url, JobStatus.class);
            left = end - System.nanoTime();
        } while (!status.state().isFinal() && left > 0);
        return status;
    }

    /**
     * Fetches the result.
     *
     * @throws dev.sonde.SondeException what made the job fail; {@code cancelled}; {@code not-finished}
     */
    public Results result() {
        return ResultsFile.read(ByteBuffer.wrap(resultBytes()), "result of job " + id);
    }

    /**
     * Fetches the result as the safetensors file that it is kept as.
     *
     * @throws dev.sonde.SondeException what made the job fail; {@code cancelled}; {@code not-finished}
     */
    public byte[] resultBytes() {
        return http.get(http.at(Protocol.RESPONSE, id, "result").build());
    }

    /** Asks the service to end the job; nothing happens if it has ended. */
    public void cancel() {
        http.delete(http.at(Protocol.REQUEST, id).build());
    }
}
