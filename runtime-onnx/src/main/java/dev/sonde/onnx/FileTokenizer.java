package dev.sonde.onnx;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.sonde.SondeException;
import dev.sonde.chat.ChatTemplate;
import dev.sonde.spi.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/** The tokenizer in the file {@code tokenizer.json} beside a model, as it is: nothing is cut, nothing is padded. */
final class FileTokenizer implements Tokenizer, AutoCloseable {
    private static final Map<String, String> AS_IT_IS = Map.of("truncation", "false", "padding", "false");

    private final HuggingFaceTokenizer tokenizer;
    private final TextSettings settings;

    private FileTokenizer(HuggingFaceTokenizer tokenizer, Path folder) {
        this.tokenizer = tokenizer;
        this.settings = TextSettings.read(
                folder, text -> tokenizer.encode(text, false, false).getIds());
    }

    /** Returns the tokenizer of a model, if there is one beside it or in the folder above, as in {@code onnx/model.onnx}. */
    static Optional<FileTokenizer> beside(Path model) {
        Path folder = model.getParent();
        if (folder == null) {
            return Optional.empty();
        }
        Path above = folder.endsWith("onnx") && folder.getParent() != null ? folder.getParent() : folder;
        for (Path place : List.of(folder, above)) {
            for (String name : List.of("tokenizer.json", "tokenizer.json.gz")) {
                if (Files.isRegularFile(place.resolve(name))) {
                    return Optional.of(open(place, name));
                }
            }
        }
        return Optional.empty();
    }

    private static FileTokenizer open(Path folder, String name) {
        Path file = folder.resolve(name);
        try (InputStream raw = Files.newInputStream(file);
                InputStream json = file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
            return new FileTokenizer(HuggingFaceTokenizer.newInstance(json, AS_IT_IS), folder);
        } catch (SondeException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw new SondeException(
                    "bad-tokenizer", "The tokenizer '" + file + "' cannot be read: " + e.getMessage(), e);
        }
    }

    @Override
    public long[] encode(String text) {
        return tokenizer.encode(text, true, false).getIds();
    }

    @Override
    public long[] encodePlain(String text) {
        return tokenizer.encode(text, false, false).getIds();
    }

    @Override
    public String decode(long... ids) {
        return tokenizer.decode(ids, false);
    }

    @Override
    public List<Long> endTokens() {
        return settings.endTokens();
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return settings.chatTemplate();
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
