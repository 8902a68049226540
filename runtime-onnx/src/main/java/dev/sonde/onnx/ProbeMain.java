package dev.sonde.onnx;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.sonde.SondeException;
import dev.sonde.onnx.file.OnnxFile;
import dev.sonde.onnx.run.RuntimeEnvironment;
import dev.sonde.onnx.structure.Structure;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The other side of {@link ProbeProcess}: opens the files that it is asked to. It ends when its input does. */
final class ProbeMain {
    static final String READY = "sonde-probe/1";
    private static final int LONGEST = 10_000;

    private ProbeMain() {}

    public static void main(String[] args) throws IOException {
        DataInputStream in = new DataInputStream(new FileInputStream(FileDescriptor.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)));
        System.setOut(System.err);
        try {
            out.writeUTF(READY);
            out.flush();
            RuntimeEnvironment.get(0).warmUp(); // while the file is being read elsewhere
            while (true) {
                answer(Path.of(in.readUTF()), in.readUTF(), Path.of(in.readUTF()), out);
            }
        } catch (EOFException done) {
            // whoever asked is satisfied or gone
        } finally {
            ProbeFolder.deleteOwn();
            Runtime.getRuntime().halt(0);
        }
    }

    private static void answer(Path file, String sha256, Path cache, DataOutputStream out) throws IOException {
        String code = "";
        String problem = "";
        try {
            run(OnnxFile.kept(file, sha256, cache));
        } catch (SondeException e) {
            code = e.code();
            problem = e.problem();
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            code = "unrunnable-model";
            problem = "Cannot open '" + file + "': " + e;
        }
        out.writeUTF(code);
        out.writeUTF(problem.length() <= LONGEST ? problem : problem.substring(0, LONGEST) + "...");
        out.flush();
    }

    private static void run(OnnxFile file) throws IOException {
        RuntimeEnvironment environment = RuntimeEnvironment.get(0);
        Thread rewriting = new Thread(() -> rewrite(file, environment));
        rewriting.start();
        Structure.probe(file, environment.ort());
        join(rewriting);
        Files.write(FirstOpening.mark(file), new byte[0]);
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** ONNX Runtime's rewriting is code too that a bad graph may upset; what it refuses is told when it is asked for. */
    private static void rewrite(OnnxFile file, RuntimeEnvironment environment) {
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.BASIC_OPT);
            options.addConfigEntry(
                    "session.model_external_initializers_file_folder_path",
                    file.weightsFolder().toString());
            options.addConfigEntry("session.disable_prepacking", "1");
            environment
                    .ort()
                    .createSession(withoutShapes(file.skeleton()), options)
                    .close();
        } catch (OrtException refused) {
            // not a crash
        }
    }

    /** Inferring shapes takes most of a session's creation, and sessions are made without. */
    private static byte[] withoutShapes(ModelProto skeleton) {
        ModelProto.Builder model = skeleton.toBuilder();
        model.getGraphBuilder()
                .getInputBuilderList()
                .forEach(input -> input.getTypeBuilder().getTensorTypeBuilder().clearShape());
        model.getGraphBuilder().clearValueInfo().getOutputBuilderList().forEach(ValueInfoProto.Builder::clearType);
        return model.build().toByteArray();
    }
}
