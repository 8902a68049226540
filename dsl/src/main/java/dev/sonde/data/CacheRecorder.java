package dev.sonde.data;

import dev.sonde.Model;
import dev.sonde.Recording;
import dev.sonde.Run;
import dev.sonde.SondeException;
import dev.sonde.Tensor;
import dev.sonde.graph.RunInput;
import dev.sonde.manifest.ModelManifest;
import dev.sonde.manifest.SiteInfo;
import dev.sonde.manifest.Size;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Records one run of several prompts and reads sites of it. */
final class CacheRecorder implements BatchRecorder {
    private static final long TOKENS = 4096;
    private static final int ROWS = 256;
    private static final Size BATCH = Size.symbol("batch");

    private final Model model;
    private final List<SiteInfo> sites;

    CacheRecorder(Model model, List<String> wanted) {
        this.model = model;
        this.sites = sites(model.manifest(), wanted);
    }

    private static List<SiteInfo> sites(ModelManifest manifest, List<String> wanted) {
        Collection<SiteInfo> found = new LinkedHashSet<>();
        if (wanted.isEmpty()) {
            manifest.sites().stream()
                    .filter(site -> !site.name().startsWith("value:") && !site.isMade() && hasRows(site))
                    .forEach(found::add);
        }
        for (String each : wanted) {
            found.addAll(each.contains("*") ? matching(manifest, each) : List.of(withRows(manifest.site(each))));
        }
        return List.copyOf(found);
    }

    private static List<SiteInfo> matching(ModelManifest manifest, String pattern) {
        Pattern regex = Pattern.compile(Pattern.quote(pattern).replace("*", "\\E.*\\Q"));
        List<SiteInfo> found = manifest.sites().stream()
                .filter(site -> regex.matcher(site.name()).matches() && hasRows(site))
                .toList();
        if (found.isEmpty()) {
            throw new SondeException(
                    "unknown-site",
                    "No site of model '" + manifest.name() + "' matches '" + pattern
                            + "': expected a name in which * stands for any letters, such as layers.*#resid_post");
        }
        return found;
    }

    private static boolean hasRows(SiteInfo site) {
        return !site.axes().isEmpty() && site.axes().get(0).size().equals(BATCH);
    }

    private static SiteInfo withRows(SiteInfo site) {
        if (!hasRows(site)) {
            throw new SondeException(
                    "no-rows",
                    "Site '" + site.name() + "' cannot be cached: expected an axis batch in front but its axes are "
                            + site.shape());
        }
        return site;
    }

    @Override
    public Batch record(Iterator<Row> rows, int rowsAtOnce) {
        List<List<Long>> ids = new ArrayList<>();
        long first = 0;
        long longest = 0;
        while (rows.hasNext() && !isFull(ids.size(), longest, rowsAtOnce)) {
            Row row = rows.next();
            List<Long> own = ((RunInput.Tokens) row.input(model::encode)).ids().get(0);
            first = ids.isEmpty() ? row.index() : first;
            longest = Math.max(longest, own.size());
            ids.add(own);
        }
        Recording<Run> recording = model.record(session -> {
            Run run = session.run(new RunInput.Tokens(ids, List.of(), Map.of()));
            sites.forEach(site -> run.get(site.name()).save(site.name()));
            return run;
        });
        return new Batch(first, ids.size(), recording.graph(), saved -> divide(ids.size(), saved));
    }

    private static boolean isFull(int rows, long longest, int rowsAtOnce) {
        return rowsAtOnce > 0 ? rows >= rowsAtOnce : rows >= ROWS || (rows + 1) * longest > TOKENS;
    }

    private static List<Map<String, Tensor>> divide(int rows, Map<String, Tensor> saved) {
        return IntStream.range(0, rows)
                .mapToObj(i -> {
                    Map<String, Tensor> own = new LinkedHashMap<>();
                    saved.forEach((site, tensor) -> own.put(site, tensor.row(i)));
                    return own;
                })
                .toList();
    }
}
