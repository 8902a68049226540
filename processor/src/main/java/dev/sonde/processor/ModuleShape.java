package dev.sonde.processor;

import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.ModuleInfo;
import dev.sonde.manifest.SiteInfo;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A module's children and ports; the members of a list of blocks are one shape with all that any of them has. */
final class ModuleShape {
    private final Map<String, ModuleShape> children = new LinkedHashMap<>();
    private final Map<String, Port> ports = new LinkedHashMap<>();
    private @Nullable ModuleShape item;
    private int items;

    /**
     * A port.
     *
     * @param kind simple name of its kind, {@code Any} if the members of a list differ
     * @param shape type and axes, of the first member that has it
     */
    record Port(String kind, String shape) {
        static Port of(SiteInfo site) {
            return new Port(site.kind(), site.shape());
        }

        Port or(Port other) {
            return new Port(kind.equals(other.kind) ? kind : "Any", shape);
        }
    }

    /** Returns the tree of a model's modules. */
    static ModuleShape of(ModelManifest manifest) {
        ModuleShape root = new ModuleShape();
        for (ModuleInfo module : manifest.modules()) {
            ModuleShape shape = root;
            for (String segment :
                    module.path().isEmpty() ? new String[0] : module.path().split("\\.", -1)) {
                shape = shape.down(segment);
            }
            for (String name : module.sites()) {
                SiteInfo site = manifest.site(name);
                shape.ports.merge(site.port(), Port.of(site), Port::or);
            }
        }
        return root;
    }

    private ModuleShape down(String segment) {
        if (!segment.matches("\\d{1,6}")) {
            return children.computeIfAbsent(segment, unused -> new ModuleShape());
        }
        items = Math.max(items, Integer.parseInt(segment) + 1);
        ModuleShape known = item;
        if (known == null) {
            known = new ModuleShape();
            item = known;
        }
        return known;
    }

    Map<String, ModuleShape> children() {
        return children;
    }

    Map<String, Port> ports() {
        return ports;
    }

    /** Returns what the members of this list are, or null if it is none. */
    @Nullable
    ModuleShape item() {
        return item;
    }

    int items() {
        return items;
    }

    /** Returns whether it is nothing but a list. */
    boolean isOnlyList() {
        return item != null && children.isEmpty() && ports.isEmpty();
    }
}
