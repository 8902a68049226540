package dev.sonde.cli;

import dev.sonde.manifest.Absence;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.ModuleInfo;
import dev.sonde.manifest.SiteInfo;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Prints what a model offers: inputs, the module tree with its sites, standard sites, absences, placement. */
final class ManifestPrinter {
    private static final int SITE_WIDTH = 40;

    private final ModelManifest manifest;
    private final boolean values;
    private final PrintWriter out;

    /**
     * @param manifest what to print
     * @param values whether raw ONNX values are listed too
     * @param out takes the text
     */
    ManifestPrinter(ModelManifest manifest, boolean values, PrintWriter out) {
        this.manifest = manifest;
        this.values = values;
        this.out = out;
    }

    void print() {
        out.println(manifest + ", written by " + manifest.producer());
        out.println("inputs");
        manifest.inputs()
                .forEach(input -> out.println("  " + input.name() + " " + input.dtype() + input.axes() + " "
                        + input.role().name().toLowerCase(Locale.ROOT)));
        Set<String> shown = new HashSet<>();
        modules(shown);
        others(shown);
        absences();
        placement();
        out.flush();
    }

    private void modules(Set<String> shown) {
        Map<String, SiteInfo> sites = new LinkedHashMap<>();
        manifest.sites().forEach(site -> sites.put(site.name(), site));
        out.println("modules");
        for (ModuleInfo module : manifest.modules()) {
            String indent = "  ".repeat(1 + depth(module.path()));
            String type = module.type().isEmpty() ? "" : ": " + module.type();
            String calls = module.calls() > 1 ? ", " + module.calls() + " calls" : "";
            out.println(indent + (module.path().isEmpty() ? "(model)" : module.path()) + type + calls);
            for (String name : module.sites()) {
                SiteInfo site = sites.get(name);
                if (site != null && shown.add(name)) {
                    out.println(indent + "  " + line("#" + site.port(), site));
                }
            }
        }
    }

    private static int depth(String path) {
        return path.isEmpty() ? 0 : 1 + (int) path.chars().filter(c -> c == '.').count();
    }

    private static String line(String name, SiteInfo site) {
        String kind = site.kind().equals("Any") ? "" : "  " + site.kind();
        String readOnly = site.editable() ? "" : "  read only";
        return String.format(Locale.ROOT, "%-" + SITE_WIDTH + "s %s%s%s", name, site.shape(), kind, readOnly);
    }

    private void others(Set<String> shown) {
        List<SiteInfo> rest = new ArrayList<>();
        int raw = 0;
        for (SiteInfo site : manifest.sites()) {
            if (site.name().startsWith("value:")) {
                raw++;
                if (!values) {
                    continue;
                }
            }
            if (!shown.contains(site.name())) {
                rest.add(site);
            }
        }
        out.println("sites by standard name");
        rest.forEach(site -> out.println("  " + line(site.name(), site)));
        if (raw > 0 && !values) {
            out.println("  and " + raw + " raw ONNX values, value:NAME (--values lists them)");
        }
    }

    private void absences() {
        if (!manifest.absences().isEmpty()) {
            out.println("absent");
            for (Absence absence : manifest.absences()) {
                out.println("  " + absence.site() + ": " + absence.reason());
            }
        }
    }

    private void placement() {
        ModelManifest.Placement placement = manifest.placement();
        double percent = placement.nodes() == 0 ? 100 : 100.0 * placement.placed() / placement.nodes();
        out.println(String.format(
                Locale.ROOT,
                "placed %d of %d nodes (%.1f %%), %d without a module",
                placement.placed(),
                placement.nodes(),
                percent,
                placement.nodes() - placement.placed()));
        placement.notes().forEach(note -> out.println("  " + note));
    }
}
