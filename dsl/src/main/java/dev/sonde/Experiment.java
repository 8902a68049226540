package dev.sonde;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Marks a class as an experiment: fields marked {@link Param} are its parameters, the one method marked {@link Body} is
 * what it does. For a class {@code NameRecall} javac writes {@code NameRecallExperiment} (a builder), {@code
 * NameRecallResult} (a record of tensors) and {@code NameRecallRunner} (a {@code main}).
 *
 * <pre>{@code
 * @Experiment(model = "smollm2")
 * final class NameRecall {
 *   @Param String prompt = "The capital of France is";
 *
 *   record Found(Saved<Tensor> logits) {}
 *
 *   @Body
 *   Found body(Session s) {
 *     return new Found(s.run(prompt).get(SmolLm2.logits()).save());
 *   }
 * }
 * }</pre>
 */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.TYPE)
public @interface Experiment {
    /**
     * Returns the name of the model whose sites the experiment uses by typed handles. javac reads {@code NAME.json}, as
     * {@code sonde describe} writes it, from the directory {@code -Asonde.manifests=DIR}, the source path, the class
     * path or the compiler's output, and writes the handles into the experiment's package. Empty: no handles.
     */
    String model() default "";

    /** Returns the simple name of the class of handles; empty: made from the model's name, {@code SmolLm2} for {@code smollm2}. */
    String handles() default "";
}
