package dev.sonde.remote.client;

import dev.sonde.SondeException;
import dev.sonde.remote.protocol.Json;
import dev.sonde.remote.protocol.Problem;
import dev.sonde.remote.protocol.Protocol;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/** Sends requests, repeats those that a broken connection ended, and turns every failure into one clear error. */
final class Http implements AutoCloseable {
    private static final int TRIES = 4;
    private static final long FIRST_PAUSE_MILLIS = 100;
    private static final int LARGEST_ERROR = 1 << 20;

    private final OkHttpClient client;
    private final HttpUrl base;
    private final @Nullable String apiKey;

    Http(URI uri, @Nullable String apiKey) {
        this.base = HttpUrl.get(httpUri(uri));
        this.apiKey = apiKey;
        this.client = new OkHttpClient.Builder()
                .connectTimeout(Duration.ofSeconds(10))
                .readTimeout(Duration.ofSeconds(Protocol.LONGEST_WAIT + 30L))
                .writeTimeout(Duration.ofSeconds(60))
                // A redirect would carry the key elsewhere; and this class repeats requests itself.
                .followRedirects(false)
                .followSslRedirects(false)
                .retryOnConnectionFailure(false)
                .build();
    }

    private static URI httpUri(URI uri) {
        boolean http = "http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme());
        if (!http || uri.getHost() == null) {
            throw new SondeException(
                    "bad-uri", "'" + uri + "' is not the address of a service; expected http://HOST:PORT");
        }
        return uri;
    }

    HttpUrl base() {
        return base;
    }

    /** Returns the address of those path segments below the service's own. */
    HttpUrl.Builder at(String path, String... segments) {
        HttpUrl.Builder url = base.newBuilder().addPathSegments(path.substring(1));
        for (String segment : segments) {
            url.addPathSegment(segment);
        }
        return url;
    }

    byte[] get(HttpUrl url) {
        return send(new Request.Builder().url(url).get());
    }

    byte[] delete(HttpUrl url) {
        return send(new Request.Builder().url(url).delete());
    }

    byte[] post(HttpUrl url, byte[] body, String type, Map<String, String> headers) {
        Request.Builder request = new Request.Builder().url(url).post(RequestBody.create(body, MediaType.get(type)));
        headers.forEach(request::header);
        return send(request);
    }

    <T> T get(HttpUrl url, Class<T> type) {
        return read(get(url), type);
    }

    <T> T post(HttpUrl url, Object message, Class<T> type) {
        byte[] body = Json.write(message).getBytes(StandardCharsets.UTF_8);
        return read(post(url, body, Protocol.JSON, Map.of()), type);
    }

    <T> T read(byte[] body, Class<T> type) {
        try {
            return Json.read(new String(body, StandardCharsets.UTF_8), type);
        } catch (SondeException e) {
            throw new SondeException(
                    "bad-response", where() + " answered what this client cannot read. " + e.problem(), e);
        }
    }

    String where() {
        return "The service at " + base;
    }

    /** Every request may be sent twice without harm: submissions carry an idempotency key. */
    private byte[] send(Request.Builder builder) {
        builder.header(Protocol.VERSION_HEADER, Integer.toString(Protocol.VERSION));
        if (apiKey != null) {
            builder.header("Authorization", "Bearer " + apiKey);
        }
        Request request = builder.build();
        long pause = FIRST_PAUSE_MILLIS;
        for (int tries = 1; ; tries++) {
            try (Response response = client.newCall(request).execute()) {
                return body(response);
            } catch (ConnectException | UnknownHostException | NoRouteToHostException e) {
                throw down(e);
            } catch (InterruptedIOException e) {
                // Also what a timeout is; asking again would only wait as long again.
                throw down(e);
            } catch (IOException e) {
                if (tries == TRIES) {
                    throw down(e);
                }
            }
            pause(pause);
            pause *= 3;
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SondeException("cancelled", "The thread was interrupted while it waited for a service", e);
        }
    }

    private SondeException down(IOException e) {
        return new SondeException(
                "server-down",
                "No Sonde service answers at " + base + " (" + e.getMessage()
                        + "). Is it running, and is the address right?",
                e);
    }

    private byte[] body(Response response) throws IOException {
        Protocol.check("service", response.header(Protocol.VERSION_HEADER));
        if (response.isSuccessful() && response.header(Protocol.VERSION_HEADER) != null) {
            return response.body().bytes();
        }
        byte[] start;
        try (InputStream in = response.body().byteStream()) {
            start = in.readNBytes(LARGEST_ERROR);
        }
        throw refusal(response.code(), new String(start, StandardCharsets.UTF_8));
    }

    private SondeException refusal(int status, String text) {
        try {
            return Json.read(text, Problem.class).toException();
        } catch (SondeException e) {
            return new SondeException(
                    "bad-response",
                    where() + " answered with HTTP status " + status
                            + " and not as a Sonde service does. Is the address right?",
                    e);
        }
    }

    @Override
    public void close() {
        client.dispatcher().executorService().shutdown();
        client.connectionPool().evictAll();
    }
}
