package dev.sonde.processor;

import com.google.testing.compile.Compilation;
import com.google.testing.compile.Compiler;
import com.google.testing.compile.JavaFileObjects;
import java.util.ArrayList;
import java.util.List;
import javax.tools.JavaFileObject;

/** Source files of tests, and the compiler they are given to. */
final class Sources {
    /** The experiment of the documentation, shortened, with a parameter of every type. */
    static final String NAME_RECALL = """
            package demo;

            import dev.sonde.*;
            import java.util.List;

            /** Where does the {@code name} come from? */
            @Experiment
            final class NameRecall {
                /** What the model reads. Not more. */
                @Param String clean = "The capital of France is";

                @Param(token = true)
                String answer = "P", foil = "R";

                @Param List<String> others = List.of("one, two", "three");
                @Param int layer = 1;
                @Param long seed = 7;
                @Param double strength = 0.5;
                @Param boolean control = true;

                record Found(Saved<Tensor> recovered, Saved<Tensor> strengths) {}

                @Body
                Found body(Session s) {
                    return new Found(s.constant(clean.length() + layer).save(), s.constant(strength).save());
                }
            }
            """;

    private Sources() {}

    static JavaFileObject file(String name, String text) {
        return JavaFileObjects.forSourceString(name, text);
    }

    /** Compiles as strictly as users may. */
    static Compilation compile(List<String> options, JavaFileObject... files) {
        List<Object> all = new ArrayList<>(List.of("-Xlint:all,-processing", "-Werror", "--release", "17"));
        all.addAll(options);
        return Compiler.javac()
                .withOptions(all)
                .withProcessors(new ExperimentProcessor())
                .compile(files);
    }
}
