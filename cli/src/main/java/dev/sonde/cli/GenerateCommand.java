package dev.sonde.cli;

import dev.sonde.Generated;
import dev.sonde.Generation;
import dev.sonde.GenerationOptions;
import dev.sonde.Input;
import dev.sonde.Model;
import dev.sonde.Safetensors;
import dev.sonde.Site;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.chat.ChatMessage;
import dev.sonde.graph.RunInput;
import dev.sonde.kind.Any;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Generates text, steered by a vector if wanted, and prints it as it comes. */
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        description = "Generates text from a prompt, and prints it as it comes.")
final class GenerateCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Parameters(paramLabel = "PROMPT", description = "What the text begins with.")
    private @Nullable String prompt;

    @Option(names = "--model", paramLabel = "MODEL", required = true, description = "ONNX file, or folder with one.")
    private @Nullable Path model;

    @Option(names = "--chat", description = "Take the prompt as a message to the model, by its chat template.")
    private boolean chat;

    @Option(names = "--system", paramLabel = "TEXT", description = "With --chat: instructions before the message.")
    private @Nullable String system;

    @Option(names = "--max-tokens", paramLabel = "N", defaultValue = "64", description = "Most new tokens (64).")
    private int most;

    @Option(names = "--temperature", paramLabel = "T", defaultValue = "0", description = "0: the likeliest token.")
    private double temperature;

    @Option(names = "--top-k", paramLabel = "K", defaultValue = "0", description = "Draw from the K likeliest tokens.")
    private int topK;

    @Option(names = "--top-p", paramLabel = "P", defaultValue = "1", description = "Draw from the likeliest with P.")
    private double topP;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Seed of the draws.")
    private long seed;

    @Option(names = "--stop", paramLabel = "TEXT", description = "End once this text came.")
    private List<String> stops = List.of();

    @Option(names = "--steer", paramLabel = "FILE", description = "Safetensors file with a vector to add at --site.")
    private @Nullable Path steer;

    @Option(names = "--tensor", paramLabel = "NAME", description = "Which tensor of that file, if it has several.")
    private @Nullable String tensor;

    @Option(names = "--site", paramLabel = "SITE", description = "Where to add it, such as layers.12#resid_post.")
    private @Nullable String site;

    @Option(names = "--scale", paramLabel = "X", defaultValue = "1", description = "What it is multiplied by (1).")
    private double scale;

    @Override
    public Integer call() {
        CommandLine line = Objects.requireNonNull(spec).commandLine();
        if ((steer == null) != (site == null)) {
            throw new ParameterException(line, "--steer and --site go together");
        }
        PrintWriter out = line.getOut();
        try (Model opened = LocalModel.open(Objects.requireNonNull(model))) {
            Consumer<String> told = text -> {
                out.print(text);
                out.flush();
            };
            Generated generated = opened.generate(input(opened), options(), body(), told);
            out.println();
            Generated.Row row = generated.rows().get(0);
            line.getErr().println(row.ids().size() + " tokens, ended by " + row.reason());
        }
        return 0;
    }

    private RunInput input(Model opened) {
        String text = Objects.requireNonNull(prompt);
        if (!chat) {
            return Input.ids(opened.encode(text));
        }
        ChatMessage message = ChatMessage.user(text);
        return system == null ? opened.chat(message) : opened.chat(ChatMessage.system(system), message);
    }

    private GenerationOptions options() {
        return GenerationOptions.builder()
                .maxNewTokens(most)
                .temperature(temperature)
                .topK(topK)
                .topP(topP)
                .seed(seed)
                .stopStrings(stops.toArray(String[]::new))
                .build();
    }

    private Consumer<Generation> body() {
        if (steer == null || site == null) {
            return g -> {};
        }
        Tensor vector = vector(steer);
        Site<Any> place = Site.of(site);
        return g -> g.every(t -> t.update(place, v -> v.plus(t.constant(vector).times(scale))));
    }

    private Tensor vector(Path file) {
        Safetensors all = Safetensors.read(ByteBuffer.wrap(Disk.read(file)), file.toString());
        String name = tensor == null && all.tensors().size() == 1
                ? all.tensors().keySet().iterator().next()
                : tensor;
        Tensor found = name == null ? null : all.tensors().get(name);
        if (found == null) {
            throw new SondeException(
                    "bad-safetensors",
                    "'" + file + "' has the tensors " + all.tensors().keySet()
                            + ": expected one, or --tensor with one of" + " them");
        }
        return found;
    }
}
