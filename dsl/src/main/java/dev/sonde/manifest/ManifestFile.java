package dev.sonde.manifest;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.sonde.DType;
import dev.sonde.SondeException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The JSON form of a {@link ModelManifest}, {@code sonde-manifest/1}. */
public final class ManifestFile {
    private static final String FORMAT = "sonde-manifest/1";
    private static final Gson GSON =
            new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create();

    private ManifestFile() {}

    /** Returns the manifest as JSON, one entry a line, the same text for equal manifests. */
    public static String write(ModelManifest manifest) {
        JsonObject json = new JsonObject();
        json.addProperty("format", FORMAT);
        json.addProperty("name", manifest.name());
        json.addProperty("sha256", manifest.sha256());
        json.addProperty("producer", manifest.producer());
        JsonArray inputs = new JsonArray();
        for (ModelInput input : manifest.inputs()) {
            JsonObject entry = new JsonObject();
            entry.addProperty("name", input.name());
            entry.addProperty("role", input.role().name());
            entry.addProperty("dtype", input.dtype().toString());
            entry.add("axes", axes(input.axes()));
            inputs.add(entry);
        }
        json.add("inputs", inputs);
        JsonArray modules = new JsonArray();
        for (ModuleInfo module : manifest.modules()) {
            JsonObject entry = new JsonObject();
            entry.addProperty("path", module.path());
            entry.addProperty("type", module.type());
            entry.addProperty("calls", module.calls());
            entry.add("sites", texts(module.sites()));
            entry.add("call", axes(module.callInputs()));
            modules.add(entry);
        }
        json.add("modules", modules);
        JsonArray sites = new JsonArray();
        for (SiteInfo site : manifest.sites()) {
            JsonObject entry = new JsonObject();
            entry.addProperty("name", site.name());
            entry.addProperty("kind", site.kind());
            entry.addProperty("dtype", site.dtype().toString());
            entry.add("axes", axes(site.axes()));
            entry.addProperty("point", site.point());
            entry.addProperty("editable", site.editable());
            sites.add(entry);
        }
        json.add("sites", sites);
        JsonObject aliases = new JsonObject();
        manifest.aliases().entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(alias -> aliases.addProperty(alias.getKey(), alias.getValue()));
        json.add("aliases", aliases);
        JsonObject absences = new JsonObject();
        manifest.absences().forEach(absence -> absences.addProperty(absence.site(), absence.reason()));
        json.add("absences", absences);
        JsonObject placement = new JsonObject();
        placement.addProperty("nodes", manifest.placement().nodes());
        placement.addProperty("placed", manifest.placement().placed());
        placement.add("notes", texts(manifest.placement().notes()));
        json.add("placement", placement);
        return GSON.toJson(json) + "\n";
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @param where what to call the text in errors, such as a file name
     * @throws SondeException {@code bad-manifest} if the text is no manifest, or one of a newer format
     */
    public static ModelManifest read(String text, String where) {
        try {
            JsonObject json = JsonParser.parseString(text).getAsJsonObject();
            JsonElement format = json.get("format");
            if (format == null || !format.getAsString().equals(FORMAT)) {
                throw new SondeException(
                        "bad-manifest",
                        "'" + where + "' is not a model manifest: expected format '" + FORMAT + "' but was " + format);
            }
            List<ModelInput> inputs = new ArrayList<>();
            for (JsonElement each : json.getAsJsonArray("inputs")) {
                JsonObject entry = each.getAsJsonObject();
                inputs.add(new ModelInput(
                        text(entry, "name"),
                        ModelInput.Role.valueOf(text(entry, "role")),
                        DType.parse(text(entry, "dtype")),
                        axes(entry.getAsJsonArray("axes"))));
            }
            List<ModuleInfo> modules = new ArrayList<>();
            for (JsonElement each : json.getAsJsonArray("modules")) {
                JsonObject entry = each.getAsJsonObject();
                modules.add(new ModuleInfo(
                        text(entry, "path"),
                        text(entry, "type"),
                        entry.get("calls").getAsInt(),
                        texts(entry.getAsJsonArray("sites")),
                        axes(entry.getAsJsonArray("call"))));
            }
            List<SiteInfo> sites = new ArrayList<>();
            for (JsonElement each : json.getAsJsonArray("sites")) {
                JsonObject entry = each.getAsJsonObject();
                sites.add(new SiteInfo(
                        text(entry, "name"),
                        text(entry, "kind"),
                        DType.parse(text(entry, "dtype")),
                        axes(entry.getAsJsonArray("axes")),
                        text(entry, "point"),
                        entry.get("editable").getAsBoolean()));
            }
            Map<String, String> aliases = new LinkedHashMap<>();
            json.getAsJsonObject("aliases")
                    .entrySet()
                    .forEach(e -> aliases.put(e.getKey(), e.getValue().getAsString()));
            List<Absence> absences = new ArrayList<>();
            json.getAsJsonObject("absences")
                    .entrySet()
                    .forEach(e ->
                            absences.add(new Absence(e.getKey(), e.getValue().getAsString())));
            JsonObject placement = json.getAsJsonObject("placement");
            return new ModelManifest(
                    text(json, "name"),
                    text(json, "sha256"),
                    text(json, "producer"),
                    inputs,
                    modules,
                    sites,
                    aliases,
                    absences,
                    new ModelManifest.Placement(
                            placement.get("nodes").getAsInt(),
                            placement.get("placed").getAsInt(),
                            texts(placement.getAsJsonArray("notes"))));
        } catch (JsonParseException
                | IllegalStateException
                | IllegalArgumentException
                | NullPointerException
                | ClassCastException
                | UnsupportedOperationException e) {
            throw new SondeException("bad-manifest", "'" + where + "' is not a model manifest: " + e.getMessage(), e);
        }
    }

    private static String text(JsonObject entry, String key) {
        return entry.get(key).getAsString();
    }

    private static JsonArray texts(List<String> texts) {
        JsonArray array = new JsonArray();
        texts.forEach(array::add);
        return array;
    }

    private static List<String> texts(JsonArray array) {
        List<String> texts = new ArrayList<>();
        array.forEach(each -> texts.add(each.getAsString()));
        return texts;
    }

    private static JsonArray axes(List<AxisInfo> axes) {
        JsonArray array = new JsonArray();
        axes.forEach(axis -> array.add(new JsonPrimitive(axis.name() + "=" + axis.size())));
        return array;
    }

    private static List<AxisInfo> axes(JsonArray array) {
        List<AxisInfo> axes = new ArrayList<>();
        for (JsonElement each : array) {
            String text = each.getAsString();
            int equals = text.indexOf('=');
            axes.add(new AxisInfo(text.substring(0, Math.max(0, equals)), Size.parse(text.substring(equals + 1))));
        }
        return axes;
    }
}
