package dev.sonde.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sonde.manifest.AxisInfo;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.testmodels.TestModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The tables of {@code docs/sites.md} are what models offer. */
class SitesPageTest {
    private static final Pattern LINE = Pattern.compile("(?m)^\\| `(\\w+)` \\| ([a-z_0-9, ]+) \\|");

    private static final Set<String> GATED = Set.of("W_gate");

    private static Map<String, List<String>> table() throws IOException {
        Map<String, List<String>> table = new TreeMap<>();
        Matcher lines = LINE.matcher(Files.readString(Path.of("../docs/sites.md")));
        while (lines.find()) {
            table.put(lines.group(1), List.of(lines.group(2).split(", ")));
        }
        return table;
    }

    /** A model with learned positions and a plain MLP, and one with rotary positions, grouped heads and a gated MLP. */
    @ParameterizedTest
    @ValueSource(strings = {"gpt2/dynamo.onnx", "llama/dynamo.onnx", "llama/torchscript_sdpa.onnx"})
    void theNamesAndAxesOfTheTablesAreThoseOfModels(String file) throws IOException {
        Map<String, List<String>> table = table();
        Set<String> missing = new HashSet<>(table.keySet());
        try (OnnxModel model = OnnxModel.open(TestModels.conformance().resolve(file))) {
            for (SiteInfo site : model.manifest().sites()) {
                String name = site.name().startsWith("layers.1#") ? site.port() : site.name();
                List<String> axes = table.get(name);
                if (axes != null) {
                    missing.remove(name);
                    assertThat(fits(site.axes(), axes))
                            .as("%s is not %s", site, axes)
                            .isTrue();
                }
            }
            model.manifest()
                    .absences()
                    .forEach(each -> missing.remove(each.site().replace("layers.1#", "")));
        }
        missing.removeAll(file.startsWith("gpt2") ? GATED : Set.of("pos_embed"));
        assertThat(missing).isEmpty();
    }

    private static boolean fits(List<AxisInfo> axes, List<String> expected) {
        boolean fits = axes.size() == expected.size();
        for (int i = 0; fits && i < axes.size(); i++) {
            List<String> names = new ArrayList<>(List.of(expected.get(i).split(" or ")));
            fits = names.contains(axes.get(i).name())
                    || (axes.get(i).name().isEmpty()
                            && names.contains(axes.get(i).size().toString()));
        }
        return fits;
    }
}
