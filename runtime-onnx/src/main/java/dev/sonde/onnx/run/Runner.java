package dev.sonde.onnx.run;

import dev.sonde.Tensor;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.onnx.plan.Plan;
import dev.sonde.spi.Control;
import dev.sonde.spi.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/** Runs plans on the sessions of one model. Safe for many threads. */
public final class Runner {
    private final Sessions sessions;
    private final ModelManifest manifest;
    private final Optional<Tokenizer> tokenizer;
    private final long memoryBudget;

    /**
     * Returns a runner on these sessions.
     *
     * @param memoryBudget bytes that values may take which wait for another call; what is more waits in files
     */
    public Runner(Sessions sessions, ModelManifest manifest, Optional<Tokenizer> tokenizer, long memoryBudget) {
        this.memoryBudget = memoryBudget;
        this.tokenizer = tokenizer;
        this.sessions = sessions;
        this.manifest = manifest;
    }

    /** Returns what each plan saves. */
    public List<Map<String, Tensor>> run(List<Plan> plans, Control control) {
        Ending ending = new Ending(control);
        long total = plans.stream().mapToLong(plan -> plan.programs().size()).sum();
        AtomicLong done = new AtomicLong();
        List<Map<String, Tensor>> results = new ArrayList<>();
        for (Plan plan : plans) {
            ending.check();
            try (Execution execution = new Execution(sessions, manifest, plan, ending, tokenizer, memoryBudget)) {
                results.add(execution.run(() -> control.progress(done.incrementAndGet(), total)));
            }
        }
        return results;
    }
}
