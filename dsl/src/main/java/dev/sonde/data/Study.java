package dev.sonde.data;

import dev.sonde.Model;
import dev.sonde.Session;
import dev.sonde.SondeException;
import dev.sonde.spi.Control;
import dev.sonde.spi.Results;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One experiment over all rows of a data set, made by {@link Model#over} and {@link Model#cache}. Nothing runs before one of
 * {@link #run}, {@link #forEach}, {@link #collect} and {@link #to}.
 *
 * <p>Rows are recorded in groups, each one experiment, so that the planner lays them out together and a service gets few
 * large requests; memory does not grow with the number of rows. With a {@linkplain #journal journal} a study that was killed
 * goes on where it was: each group is kept whole or not at all, and found again by the hash of its experiment.
 *
 * <pre>{@code
 * Averages found = model.over(Dataset.jsonl(file), (s, row) -> {
 *             Run run = s.run(row.fill("The capital of {country} is"));
 *             run.get("logits").at(position(-1)).logSoftmax("vocab").at(index("vocab", s.token(row.text("capital"))))
 *                     .save("log_prob");
 *         })
 *         .journal(Path.of("capitals-run"))
 *         .progress(p -> System.err.println(p))
 *         .run();
 * found.mean("log_prob");
 * }</pre>
 *
 * <p>For one thread.
 */
public final class Study {
    private final Model model;
    private final Dataset dataset;
    private final BatchRecorder recorder;
    private int rowsAtOnce;
    private @Nullable Path journal;
    private Consumer<Progress> watcher = unwatched -> {};
    private Control control = Control.NONE;

    private Study(Model model, Dataset dataset, BatchRecorder recorder) {
        this.model = model;
        this.dataset = dataset;
        this.recorder = recorder;
    }

    /** Returns a study that records {@code body} for each row; see {@link Model#over}. */
    public static Study over(Model model, Dataset dataset, BiConsumer<Session, Row> body) {
        return new Study(model, dataset, new OverRecorder(model, body));
    }

    /** Returns a study that reads sites; see {@link Model#cache}. */
    public static Study cache(Model model, Dataset dataset, List<String> sites) {
        return new Study(model, dataset, new CacheRecorder(model, sites));
    }

    /**
     * Sets how many rows are one experiment. By default as many as make about 4,096 tokens or 64 MiB of results, at most
     * 256. The same number gives the same batches, and so the same bits.
     */
    public Study rowsAtOnce(int rows) {
        if (rows < 1) {
            throw new SondeException("bad-option", "Expected 1 row at once or more but was " + rows);
        }
        this.rowsAtOnce = rows;
        return this;
    }

    /**
     * Keeps the rows' results in a folder, as safetensors files that {@link RowStore} and Python read. What is there already
     * is not computed again; it must come from the same experiment on the same rows, else {@code other-journal} is thrown.
     */
    public Study journal(Path folder) {
        this.journal = folder;
        return this;
    }

    /** Tells {@code consumer} after each forward pass, on the engine's threads, and after each group how far it has come. */
    public Study progress(Consumer<Progress> consumer) {
        this.watcher = consumer;
        return this;
    }

    /** Lets {@code how} end the study, or set a time by which it must end; groups that are done stay in the journal. */
    public Study control(Control how) {
        this.control = how;
        return this;
    }

    /** Runs all rows and returns means over them. */
    public Averages run() {
        return run(unused -> {});
    }

    /** Runs all rows, gives each one's results to {@code sink} in order, and returns means over them. */
    public Averages run(Consumer<RowResult> sink) {
        Averages averages = new Averages();
        loop(averages, averages.andThen(sink));
        return averages;
    }

    /** Runs all rows and gives each one's results to {@code sink}, in order. */
    public void forEach(Consumer<RowResult> sink) {
        loop(new Averages(), sink);
    }

    /** Runs all rows and returns their results. */
    public List<RowResult> collect() {
        List<RowResult> all = new ArrayList<>();
        forEach(all::add);
        return all;
    }

    /** Runs all rows, keeps their results in a folder and returns it; {@link #journal} says how. */
    public RowStore to(Path folder) {
        journal(folder);
        forEach(unused -> {});
        return RowStore.open(folder);
    }

    private void loop(Averages averages, Consumer<RowResult> sink) {
        Meter meter = new Meter(dataset, averages, watcher, control);
        @Nullable Journal kept = journal == null ? null : new Journal(journal);
        try (Stream<Row> stream = dataset.rows()) {
            Iterator<Row> rows = stream.iterator();
            while (rows.hasNext()) {
                meter.check();
                Batch batch = recorder.record(rows, rowsAtOnce);
                List<RowResult> results = kept == null
                        ? batch.results(run(batch, meter).saved())
                        : kept.find(batch).orElseGet(() -> compute(batch, meter, kept));
                results.forEach(sink);
                meter.done(batch.rows());
            }
        }
    }

    private List<RowResult> compute(Batch batch, Meter meter, Journal kept) {
        Results results = run(batch, meter);
        return kept.keep(batch, batch.results(results.saved()), results.provenance());
    }

    private Results run(Batch batch, Meter meter) {
        meter.start(batch.rows());
        return model.run(batch.graph(), meter);
    }
}
