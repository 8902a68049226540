package dev.sonde.methods;

import dev.sonde.Run;
import dev.sonde.Site;
import dev.sonde.graph.ValueType;
import dev.sonde.kind.Any;
import dev.sonde.manifest.ModelManifest;
import java.util.List;
import java.util.stream.IntStream;

/** The standard names by layer, as methods go through them. */
final class StandardSites {
    private StandardSites() {}

    static Site<Any> of(int layer, String name) {
        return Site.of("layers." + layer + "#" + name);
    }

    static Site<Any> last(Run run, String name) {
        return of(run.manifest().layers() - 1, name);
    }

    static List<Integer> layers(ModelManifest manifest) {
        return IntStream.range(0, manifest.layers()).boxed().toList();
    }

    /** Returns the indices of the heads of layer 0; all layers of a model have as many. */
    static List<Integer> heads(Run run, String name) {
        ValueType type = run.get(of(0, name)).type();
        long heads = type.dims().get(type.axis("head")).size();
        return IntStream.range(0, (int) heads).boxed().toList();
    }
}
