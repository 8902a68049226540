package dev.sonde.onnx.plan;

import dev.sonde.SondeException;
import dev.sonde.graph.Effect;
import dev.sonde.graph.InterventionGraph;
import dev.sonde.graph.Node;
import dev.sonde.manifest.ModuleInfo;
import dev.sonde.manifest.SiteInfo;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;

/** Modules that a run skips. What lies inside one is computed nowhere: it cannot be read, and an edit of it would do nothing. */
final class SkippedModules {
    private final Target target;
    private final String path;
    private final BitSet nodes = new BitSet();
    private final Set<String> outputs = new HashSet<>();

    private SkippedModules(Target target, ModuleInfo module) {
        this.target = target;
        this.path = module.path();
        for (int call = 0; call < module.calls(); call++) {
            nodes.or(target.graph().indices(target.wiring().nodes(path, call)));
        }
        module.sites().stream()
                .filter(site -> site.startsWith(path + "#output"))
                .forEach(site -> outputs.add(target.place(site).value()));
    }

    /**
     * Checks that no run needs what it skips.
     *
     * @throws SondeException {@code skipped-module} with the site
     */
    static void check(Target target, InterventionGraph graph) {
        for (Effect effect : graph.effects()) {
            if (effect instanceof Effect.Skip skip) {
                SkippedModules skipped =
                        new SkippedModules(target, target.wiring().manifest().module(skip.module()));
                graph.nodes().forEach(node -> skipped.check(node, skip.run()));
                graph.effects().forEach(other -> skipped.check(other, skip.run()));
            }
        }
    }

    private void check(Node node, int run) {
        if (node instanceof Node.Read read && read.run() == run) {
            check(read.site(), run);
        }
    }

    private void check(Effect effect, int run) {
        if (effect instanceof Effect.Write write && write.run() == run) {
            check(write.site(), run);
        }
    }

    private void check(String name, int run) {
        SiteInfo site = target.wiring().manifest().site(name);
        String value = target.place(name).value();
        boolean inside = site.path().startsWith(path + ".")
                || (nodes.get(Math.max(0, target.graph().producer(value)))
                        && target.graph().producer(value) >= 0);
        if (inside && !site.isParameter() && !outputs.contains(value)) {
            throw new SondeException(
                    "skipped-module",
                    "Site '" + name + "' lies inside module '" + path + "', which run " + run
                            + " skips: expected the module's own outputs, or sites beside it");
        }
    }
}
