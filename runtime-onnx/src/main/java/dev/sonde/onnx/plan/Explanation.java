package dev.sonde.onnx.plan;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.RunInput;
import dev.sonde.graph.ShapeRules;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Says what a plan does with an experiment, for people who want to know why it takes as long as it does. */
final class Explanation {
    private static final Set<String> PRODUCTS = Set.of("MatMul", "Gemm");

    private final Target target;
    private final Plan plan;
    private final InterventionGraph graph;
    private final ShapeRules rules;
    private final List<String> lines = new ArrayList<>();

    private Explanation(Target target, Plan plan) {
        this.target = target;
        this.plan = plan;
        this.graph = plan.lowered();
        this.rules = new ShapeRules(target.wiring().manifest());
    }

    static String of(Target target, Plan plan) {
        return new Explanation(target, plan).explain();
    }

    private String explain() {
        line(
                "experiment: %s, %,d tokens; %s saved, %,d bytes",
                count(graph.runs().size(), "run"),
                plan.cost().tokens(),
                count(graph.saves().size(), "value"),
                plan.cost().resultBytes());
        runs();
        for (int i = 0; i < plan.programs().size(); i++) {
            call(i + 1, plan.programs().get(i));
        }
        plan.notes().forEach(note -> line("reuse: %s", note));
        Set<Splice> structures = new HashSet<>();
        plan.programs().forEach(program -> structures.add(program.splice()));
        line("sessions: %d for %s", structures.size(), count(plan.programs().size(), "call"));
        double all = plan.programs().stream().mapToDouble(this::operations).sum();
        line("work: about %,.2f GFLOP in products of whole runs with weights", all / 1e9);
        return String.join("\n", lines) + "\n";
    }

    private void runs() {
        Dependencies dependencies = plan.dependencies();
        List<Integer> equal = new ArrayList<>();
        List<Integer> unneeded = new ArrayList<>();
        for (int run = 0; run < graph.runs().size(); run++) {
            if (dependencies.computed(run) != run) {
                equal.add(run);
            } else if (!dependencies.runs().get(run)) {
                unneeded.add(run);
            }
        }
        if (!equal.isEmpty()) {
            line("merged: %s equal to an earlier one and not computed again", are(equal.size(), "run"));
        }
        if (!unneeded.isEmpty()) {
            line("dropped: %s not needed for what is saved", are(unneeded.size(), "run"));
        }
        int values = graph.nodes().size() - dependencies.needed().cardinality();
        if (values > 0) {
            line("dropped: %s not needed for what is saved", are(values, "value"));
        }
    }

    private void call(int number, Program program) {
        int own = program.splice().nodes().size();
        if (program.input().isEmpty()) {
            line("call %d: values of several runs, without the model; %s", number, count(own, "operator"));
            return;
        }
        RunInput input = program.input().get();
        Map<String, Long> sizes = rules.sizes(input);
        long rows = sizes.getOrDefault("batch", 1L);
        int all = target.graph().size();
        int kept = modelNodes(program).size();
        String what = runs(program.runs()) + " as " + count(rows, "row")
                + (sizes.containsKey("position") ? " of " + count(sizes.get("position"), "position") : "");
        if (kept == 0) { // copies of the model's operators are operators of the experiment
            line("call %d: %s, only from where they leave another run: see reuse", number, what);
            line("  runs %s, copied from the model where runs differ and of the experiment", count(own, "operator"));
        } else {
            line(
                    "call %d: %s; %,.2f GFLOP, about %,d MB of values inside",
                    number, what, operations(program) / 1e9, (rows * target.bytesOfRow(sizes)) >> 20);
            line(
                    "  runs %,d of the model's %,d operators%s, and %,d of the experiment",
                    kept, all, pruned(all - kept), own);
            cut(program);
        }
        if (!program.splice().redirects().isEmpty()) {
            long edited = program.splice().redirects().keySet().stream()
                    .map(Splice.Use::value)
                    .distinct()
                    .count();
            line("  edits %s of the model where they stand", count(edited, "value"));
        }
        int segments = plan.segments(program).size();
        if (segments > 1) {
            line("  in %s: the weights are more than may be open at one time", count(segments, "segment"));
        }
        program.notes().stream().filter(note -> !plan.notes().contains(note)).forEach(note -> line("  %s", note));
        line("  gives %s", count(program.splice().outputs().size(), "value"));
        if (input instanceof RunInput.Generation generation && generation.rows() > 1) {
            boolean leave = program.turn().flatMap(Turn::leaving).isPresent();
            line(
                    leave
                            ? "  rows that have ended leave the batch of the later steps"
                            : "  rows that have ended are computed along: a later step may use values of several rows together");
        }
    }

    private static String pruned(int left) {
        return left > 0 ? " (the others are pruned: nothing that is saved needs them)" : "";
    }

    /** Products of the experiment's own with the file's matrices: only what is looked at is computed. */
    private void cut(Program program) {
        long moved = program.splice().nodes().stream()
                .filter(node -> weights(node) > 0)
                .count();
        if (moved > 0) {
            line(
                    "  cut: %s with weights only at the positions and columns that are looked at",
                    count(moved, "product"));
        }
    }

    private List<NodeProto> modelNodes(Program program) {
        Set<String> own = new HashSet<>();
        program.splice().nodes().forEach(node -> own.addAll(node.getOutputList()));
        return program.assembly().nodes().stream()
                .filter(node -> node.getOutputCount() > 0 && !own.contains(node.getOutput(0)))
                .toList();
    }

    /** Returns an estimate of the operations in products of the model's values with weights. */
    private double operations(Program program) {
        if (program.input().isEmpty()) {
            return 0;
        }
        Map<String, Long> sizes = rules.sizes(program.input().get());
        double tokens = sizes.getOrDefault("batch", 1L) * (double) sizes.getOrDefault("position", 1L);
        return modelNodes(program).stream().mapToDouble(this::weights).sum() * 2 * tokens;
    }

    /** Returns the number of weights that a product multiplies each row with. */
    private double weights(NodeProto node) {
        if (!PRODUCTS.contains(node.getOpType()) || node.getInputCount() < 2) {
            return 0;
        }
        List<Long> shape = target.graph().matrix(node.getInput(1));
        return shape.isEmpty() ? 0 : shape.get(0) * (double) shape.get(1);
    }

    private static String runs(List<Integer> runs) {
        int first = runs.get(0);
        int last = runs.get(runs.size() - 1);
        boolean together = last - first == runs.size() - 1;
        return runs.size() == 1
                ? "run " + first
                : count(runs.size(), "run") + (together ? " (" + first + " to " + last + ")" : "");
    }

    private static String count(long number, String what) {
        return String.format(Locale.ROOT, "%,d %s%s", number, what, number == 1 ? "" : "s");
    }

    private static String are(long number, String what) {
        return count(number, what) + (number == 1 ? " is" : " are");
    }

    private void line(String format, Object... values) {
        lines.add(String.format(Locale.ROOT, format, values));
    }
}
