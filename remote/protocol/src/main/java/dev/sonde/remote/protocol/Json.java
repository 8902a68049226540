package dev.sonde.remote.protocol;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.reflect.TypeToken;
import dev.sonde.SondeException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The JSON form of this package's records. */
public final class Json {
    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    private Json() {}

    /** Returns {@code message} as JSON. */
    public static String write(Object message) {
        return GSON.toJson(message);
    }

    /**
     * Reads what {@link #write} wrote; keys that the type does not know are passed over.
     *
     * @throws SondeException {@code bad-message} if {@code text} is not such a message
     */
    public static <T> T read(String text, Class<T> type) {
        return read(text, TypeToken.get(type), type.getSimpleName());
    }

    /**
     * Reads a list of messages.
     *
     * @throws SondeException {@code bad-message} if {@code text} is not such a list
     */
    public static <T> List<T> readList(String text, Class<T> type) {
        TypeToken<?> list = TypeToken.getParameterized(List.class, type);
        List<?> read = (List<?>) read(text, list, "list of " + type.getSimpleName());
        return read.stream().map(type::cast).toList();
    }

    private static <T> T read(String text, TypeToken<T> type, String what) {
        @Nullable T message;
        try {
            message = GSON.fromJson(text, type);
        } catch (RuntimeException e) {
            // Gson wraps what a record's constructor throws in a bare RuntimeException.
            throw new SondeException("bad-message", "Expected JSON of a " + what + " but found: " + reason(e), e);
        }
        if (message == null) {
            throw new SondeException("bad-message", "Expected JSON of a " + what + " but found nothing");
        }
        return message;
    }

    private static String reason(RuntimeException e) {
        Throwable cause = e.getCause();
        return String.valueOf(cause instanceof NullPointerException ? cause.getMessage() : e.getMessage());
    }
}
