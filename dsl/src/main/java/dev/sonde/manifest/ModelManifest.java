package dev.sonde.manifest;

import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What one model offers: inputs, modules and sites, by name and with named axes; no weights.
 *
 * <p>Immutable. {@link ManifestFile} reads and writes its JSON form.
 */
public final class ModelManifest {
    /**
     * How much of the file found a place in the module tree.
     *
     * @param nodes number of nodes in the file
     * @param placed how many of them belong to a module
     * @param notes what the reader of the file wants users to know, one sentence each
     */
    public record Placement(int nodes, int placed, List<String> notes) {
        /** Copies its list. */
        public Placement {
            notes = List.copyOf(notes);
        }
    }

    /** A port with the element of a tuple and the call behind it, in either order. */
    private static final Pattern PORT = Pattern.compile("(\\w+)(?=.)(?:\\((\\d+)\\))?(?:\\[(\\d+)])?(?:\\((\\d+)\\))?");

    private static final int MOST_FOUND = 10_000;

    private final String name;
    private final String sha256;
    private final String producer;
    private final List<ModelInput> inputs;
    private final Map<String, ModuleInfo> modules;
    private final Map<String, SiteInfo> sites;
    private final Map<String, String> aliases;
    private final Map<String, Absence> absences;
    private final Placement placement;
    private final Map<String, SiteInfo> found = new ConcurrentHashMap<>(); // names that users use again and again

    /**
     * @param name what people call the model
     * @param sha256 of the file it was read from, in hex
     * @param producer who wrote that file, such as {@code pytorch 2.15.0}
     * @param inputs in the file's order
     * @param modules the tree, parents before children
     * @param sites all sites, the most useful first; raw values last, in the order in which they are computed
     * @param aliases other paths of modules, such as {@code layers.3} for {@code transformer.h.3}
     * @param absences sites that users of this family may look for in vain, with the reasons
     * @param placement how much of the file found a place
     */
    public ModelManifest(
            String name,
            String sha256,
            String producer,
            List<ModelInput> inputs,
            List<ModuleInfo> modules,
            Collection<SiteInfo> sites,
            Map<String, String> aliases,
            List<Absence> absences,
            Placement placement) {
        this.name = name;
        this.sha256 = sha256;
        this.producer = producer;
        this.inputs = List.copyOf(inputs);
        this.modules = new LinkedHashMap<>();
        modules.forEach(module -> this.modules.put(module.path(), module));
        this.sites = new LinkedHashMap<>();
        sites.forEach(site -> this.sites.put(site.name(), site));
        this.aliases = new LinkedHashMap<>(aliases);
        this.absences = new LinkedHashMap<>();
        absences.forEach(absence -> this.absences.put(absence.site(), absence));
        this.placement = placement;
    }

    /** Returns what people call the model. */
    public String name() {
        return name;
    }

    /** Returns the hash of the file that this describes; a graph names it, so that it never runs on another model unseen. */
    public String sha256() {
        return sha256;
    }

    /** Returns who wrote the file. */
    public String producer() {
        return producer;
    }

    /** Returns the inputs in the file's order. */
    public List<ModelInput> inputs() {
        return inputs;
    }

    /** Returns the module tree, parents before children. */
    public List<ModuleInfo> modules() {
        return List.copyOf(modules.values());
    }

    /** Returns all sites, the most useful first. */
    public List<SiteInfo> sites() {
        return List.copyOf(sites.values());
    }

    /** Returns other names of module paths. */
    public Map<String, String> aliases() {
        return Map.copyOf(aliases);
    }

    /** Returns sites that users may look for in vain. */
    public List<Absence> absences() {
        return List.copyOf(absences.values());
    }

    /** Returns how much of the file found a place in the tree. */
    public Placement placement() {
        return placement;
    }

    /** Returns this manifest under another name, such as the one a service gives the model. */
    public ModelManifest named(String newName) {
        return new ModelManifest(
                newName, sha256, producer, inputs, modules(), sites.values(), aliases, absences(), placement);
    }

    /** Returns this manifest without the sites {@code value:NAME}, which are most of it and have no other name. */
    public ModelManifest withoutRawValues() {
        return new ModelManifest(
                name,
                sha256,
                producer,
                inputs,
                modules(),
                sites.values().stream()
                        .filter(site -> !site.name().startsWith("value:"))
                        .toList(),
                aliases,
                absences(),
                placement);
    }

    /** Returns the input with that role, if there is one. */
    public Optional<ModelInput> input(ModelInput.Role role) {
        return inputs.stream().filter(input -> input.role() == role).findFirst();
    }

    /** Returns the number of layers: one more than the largest N in sites {@code layers.N#...}. */
    public int layers() {
        int count = 0;
        while (sites.containsKey("layers." + count + "#resid_post")) {
            count++;
        }
        return count;
    }

    /**
     * Returns the site that {@code wanted} names: its canonical name, a module path alone (its output), an alias,
     * TransformerLens' name ({@code blocks.3.hook_resid_post}) or pyvene's ({@code layers.3#block_output}).
     */
    public Optional<SiteInfo> find(String wanted) {
        @Nullable SiteInfo known = found.get(wanted);
        if (known != null) {
            return Optional.of(known);
        }
        Optional<SiteInfo> site = search(wanted);
        site.filter(unused -> found.size() < MOST_FOUND).ifPresent(each -> found.put(wanted, each));
        return site;
    }

    private Optional<SiteInfo> search(String wanted) {
        for (String candidate : candidates(wanted)) {
            @Nullable SiteInfo site = sites.get(candidate);
            if (site != null) {
                return Optional.of(site);
            }
        }
        return Optional.empty();
    }

    /**
     * Returns the site that {@code wanted} names.
     *
     * @throws SondeException {@code absent-site} if the model has it but this file does not, with the reason; {@code
     *     unknown-site} with the nearest names if there is no such site
     */
    public SiteInfo site(String wanted) {
        Optional<SiteInfo> found = find(wanted);
        if (found.isPresent()) {
            return found.get();
        }
        for (String candidate : candidates(wanted)) {
            @Nullable Absence absence = absences.get(candidate);
            if (absence != null) {
                throw new SondeException(
                        "absent-site",
                        "Site '" + wanted + "' does not exist in this file of '" + name + "': " + absence.reason());
            }
        }
        throw new SondeException(
                "unknown-site",
                "No site '" + wanted + "' in model '" + name + "'."
                        + NearestNames.didYouMean(wanted, wanted.contains("#") ? sites.keySet() : all()));
    }

    /** Returns all names that mean a site: a module's path is its output. */
    private Set<String> all() {
        Set<String> all = new LinkedHashSet<>(modules.keySet());
        all.addAll(sites.keySet());
        return all;
    }

    /**
     * Returns the module at {@code path} or under that alias.
     *
     * @throws SondeException {@code unknown-module} with the nearest names if there is none
     */
    public ModuleInfo module(String path) {
        @Nullable ModuleInfo module = modules.get(path);
        if (module == null) {
            module = modules.get(throughAlias(path));
        }
        if (module == null) {
            throw new SondeException(
                    "unknown-module",
                    "No module '" + path + "' in model '" + name + "'."
                            + NearestNames.didYouMean(path, modules.keySet()));
        }
        return module;
    }

    private Set<String> candidates(String wanted) {
        Set<String> names = new LinkedHashSet<>();
        names.add(wanted);
        OtherNames.of(wanted).ifPresent(names::add);
        if (wanted.startsWith("value:")) {
            return names;
        }
        int hash = wanted.lastIndexOf('#');
        String path = hash < 0 ? wanted : wanted.substring(0, hash);
        String port = hash < 0 ? "output" : wanted.substring(hash + 1);
        for (String each : List.of(path, throughAlias(path))) {
            names.add(each + "#" + port);
            spellings(port).forEach(spelling -> names.add(each + "#" + spelling));
        }
        return names;
    }

    /** The only element and the first call need not be said. */
    private static List<String> spellings(String port) {
        Matcher parts = PORT.matcher(port);
        if (!parts.matches()) {
            return List.of();
        }
        String element = parts.group(3) == null ? "" : "[" + parts.group(3) + "]";
        @Nullable String number = parts.group(2) == null ? parts.group(4) : parts.group(2);
        String call = number == null ? "" : "(" + number + ")";
        List<String> spellings = new ArrayList<>();
        for (String each : element.equals("[0]") ? List.of(element, "") : List.of(element)) {
            spellings.add(parts.group(1) + each + call);
            if (call.equals("(0)")) {
                spellings.add(parts.group(1) + each);
            }
        }
        return spellings;
    }

    private String throughAlias(String path) {
        String head = path;
        while (true) {
            @Nullable String target = aliases.get(head);
            if (target != null) {
                return target + path.substring(head.length());
            }
            int dot = head.lastIndexOf('.');
            if (dot < 0) {
                return path;
            }
            head = head.substring(0, dot);
        }
    }

    /** Returns name, hash and counts in one line. */
    @Override
    public String toString() {
        return name + " (" + modules.size() + " modules, " + sites.size() + " sites, sha256 "
                + sha256.substring(0, Math.min(12, sha256.length())) + ")";
    }
}
