package io.gatun.trainer.report;

import static io.gatun.trainer.report.LineChart.Width.FULL;
import static io.gatun.trainer.report.LineChart.Width.HALF;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.gatun.trainer.report.LineChart.Line;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * {@code report.html}: a run's curves, expert loads, configuration, result and a sample, in one file that needs no network and
 * no script. It is drawn from the files of {@link MetricsCsv}, so it can be made again at any time.
 */
public final class HtmlReport {
    private static final int CELLS = 24_000; // of all heat maps together: about 2 MB of text
    private static final int FEWEST_COLUMNS = 8, MOST_COLUMNS = 80;

    private final Columns steps;
    private final Columns heldOut;
    private final Columns experts;
    private final double[] step;
    private final double window; // of the moving averages, in steps

    private HtmlReport(Path folder) throws IOException {
        steps = Columns.read(folder.resolve(MetricsCsv.METRICS));
        heldOut = Columns.read(folder.resolve(MetricsCsv.HELD_OUT));
        experts = Columns.read(folder.resolve(MetricsCsv.EXPERTS));
        step = steps.column("step");
        window = Math.clamp(step.length / 40.0, 1, 500);
    }

    /**
     * Writes the report of the run whose CSV files are in {@code folder}, beside them; an older one is replaced at once.
     *
     * @throws UncheckedIOException when a file cannot be read or written
     */
    public static Path write(Path folder, RunSummary summary) {
        Path file = folder.resolve("report.html");
        try {
            String page = new HtmlReport(folder).page(summary);
            Replacement.of(file, out -> out.write(page));
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be made: " + e.getMessage(), e);
        }
        return file;
    }

    private String page(RunSummary summary) throws IOException {
        String name = Markup.escape(summary.name());
        var out = new Markup();
        out.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n");
        out.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
        out.raw("<meta name=\"color-scheme\" content=\"light dark\"/>\n");
        out.add("<title>%s: Gatun training report</title>\n<style>\n", name)
                .raw(style())
                .raw("</style></head><body><main>\n");
        out.add("<header><p>Gatun training report</p><h1>%s</h1></header>\n", name);
        tiles(out);
        out.raw("<section class=\"charts\">\n").raw(loss()).raw(heldOut()).raw(learningRate());
        out.raw(gradientNorm()).raw(throughput()).raw(maxVio()).raw("</section>\n");
        heatMaps(out);
        sample(out, summary);
        tables(out, summary);
        out.raw("<footer>Drawn from metrics.csv, heldout.csv and experts.csv. Hover for values.</footer>\n");
        return out.raw("</main></body></html>\n").toString();
    }

    private static String style() throws IOException {
        try (InputStream css = HtmlReport.class.getResourceAsStream("report.css")) {
            return new String(css.readAllBytes(), UTF_8);
        }
    }

    private void tiles(Markup out) {
        double[] losses = MovingAverage.of(steps.column("loss"), window), tokens = steps.column("tokens");
        double[] held = heldOut.column("bits_per_byte");
        double[] speed = Arrays.stream(steps.column("tokens_per_second"))
                .filter(Double::isFinite)
                .sorted()
                .toArray();
        out.raw("<section class=\"tiles\">\n");
        double lowest = Arrays.stream(held).filter(Double::isFinite).min().orElse(Double.NaN);
        tile(out, "held-out bits per byte", Numbers.fixed(last(held), 3), "lowest " + Numbers.fixed(lowest, 3));
        tile(out, "training loss", Numbers.fixed(last(losses), 3), "nats a token");
        tile(out, "steps", Numbers.grouped((long) Math.max(0, last(step))), Numbers.compact(last(tokens)) + " tokens");
        double median = speed.length == 0 ? Double.NaN : speed[speed.length / 2];
        tile(out, "tokens per second", Numbers.compact(median), "median over steps");
        if (!layers().isEmpty()) tile(out, "MaxVio", Numbers.fixed(recentMaxVio(), 3), "mean of layers, last 50 steps");
        out.raw("</section>\n");
    }

    private static void tile(Markup out, String name, String value, String note) {
        out.add("<div><h2>%s</h2><strong>%s</strong><p>%s</p></div>\n", name, value, note);
    }

    private double recentMaxVio() {
        return layers().stream()
                .flatMapToDouble(column -> {
                    double[] all = steps.column(column);
                    return Arrays.stream(all, Math.max(0, all.length - 50), all.length);
                })
                .filter(Double::isFinite)
                .average()
                .orElse(Double.NaN);
    }

    private String loss() {
        double[] loss = steps.column("loss"), mtp = steps.column("mtp_loss");
        var chart = new LineChart(
                "Loss", "Cross-entropy in nats a token; thin: each step, thick: moving average.", FULL, 330);
        chart.cropAbove(0.96);
        boolean hasMtp = Arrays.stream(mtp).anyMatch(Double::isFinite);
        if (hasMtp) chart.add(new Line("", "var(--c2)", "thin", step, mtp));
        chart.add(new Line("", "var(--c1)", "thin", step, loss));
        chart.add(new Line("next token", "var(--c1)", "thick", step, MovingAverage.of(loss, window)));
        if (hasMtp)
            chart.add(new Line("multi-token prediction", "var(--c2)", "thick", step, MovingAverage.of(mtp, window)));
        return chart.figure();
    }

    private String heldOut() {
        return new LineChart("Held-out text", "Bits per byte of text that is never trained on.", HALF, 230)
                .cropAbove(0.9)
                .add(new Line(
                        "bits per byte", "var(--c3)", "dots", heldOut.column("step"), heldOut.column("bits_per_byte")))
                .figure();
    }

    private String learningRate() {
        return new LineChart("Learning rate", "As the schedule sets it.", HALF, 230)
                .fromZero()
                .add(new Line("learning rate", "var(--c4)", "thick", step, steps.column("learning_rate")))
                .figure();
    }

    private String gradientNorm() {
        return smoothed("Gradient norm", "Global norm before clipping.", "gradient_norm", "var(--c5)");
    }

    private String throughput() {
        return smoothed(
                "Throughput",
                "Training tokens a second, held-out passes and checkpoints not counted.",
                "tokens_per_second",
                "var(--c6)");
    }

    private String smoothed(String title, String note, String column, String colour) {
        double[] values = steps.column(column);
        return new LineChart(title, note, HALF, 230)
                .fromZero()
                .cropAbove(0.99)
                .add(new Line("", colour, "thin", step, values))
                .add(new Line("moving average", colour, "thick", step, MovingAverage.of(values, window)))
                .figure();
    }

    private String maxVio() {
        List<String> layers = layers();
        if (layers.isEmpty()) return "";
        var chart = new LineChart(
                "MaxVio per layer",
                "How far the fullest expert is above the mean load: 0 is balance. Moving averages.",
                FULL,
                260);
        chart.fromZero().cropAbove(0.98);
        for (int i = 0; i < layers.size(); i++) {
            String name = "layer " + layers.get(i).substring(MetricsCsv.MAX_VIO.length());
            chart.add(new Line(
                    name,
                    depth(i, layers.size()),
                    "thick",
                    step,
                    MovingAverage.of(steps.column(layers.get(i)), window)));
        }
        return chart.figure();
    }

    /** Shallow layers blue, deep ones red, on the way round over green. */
    private static String depth(int layer, int layers) {
        int hue = 225 - 215 * layer / Math.max(1, layers - 1);
        return "hsl(" + hue + " 62% var(--depth))";
    }

    private List<String> layers() {
        return steps.names().stream()
                .filter(name -> name.startsWith(MetricsCsv.MAX_VIO))
                .toList();
    }

    private void heatMaps(Markup out) {
        int[] layers = Arrays.stream(experts.column("layer"))
                .mapToInt(l -> (int) l)
                .distinct()
                .toArray();
        int width = experts.names().size() - 2; // after step and layer
        if (layers.length == 0 || width < 1) return;
        int columns = Math.clamp(CELLS / ((long) layers.length * width), FEWEST_COLUMNS, MOST_COLUMNS);
        out.raw("<section><h2>Expert load</h2><p>A row an expert, time from left to right.</p>\n")
                .raw(HeatMap.legend());
        out.raw("<div class=\"charts\">\n");
        for (int layer : layers) {
            var at = new ArrayList<Integer>();
            for (int r = 0; r < experts.rows(); r++) if (experts.at(1, r) == layer) at.add(r);
            double[] when = at.stream().mapToDouble(r -> experts.at(0, r)).toArray();
            double[][] loads = new double[when.length][width];
            for (int s = 0; s < when.length; s++) {
                for (int e = 0; e < width; e++) loads[s][e] = experts.at(2 + e, at.get(s));
            }
            out.raw(HeatMap.of(layer, when, loads, columns).figure());
        }
        out.raw("</div></section>\n");
    }

    private static void sample(Markup out, RunSummary summary) {
        if (summary.prompt().isEmpty() && summary.sample().isEmpty()) return;
        out.add(
                "<section><h2>Sample</h2><pre><b>%s</b>%s</pre></section>\n",
                Markup.escape(summary.prompt()), Markup.escape(summary.sample()));
    }

    private static void tables(Markup out, RunSummary summary) {
        out.raw("<section class=\"tables\">\n");
        table(out, "Result", summary.result());
        table(out, "Configuration", summary.configuration());
        out.raw("</section>\n");
    }

    private static void table(Markup out, String title, SequencedMap<String, String> rows) {
        if (rows.isEmpty()) return;
        out.add("<div><h2>%s</h2><table>\n", title);
        for (Map.Entry<String, String> row : rows.entrySet()) {
            out.add("<tr><th>%s</th><td>%s</td></tr>\n", Markup.escape(row.getKey()), Markup.escape(row.getValue()));
        }
        out.raw("</table></div>\n");
    }

    private static double last(double[] values) {
        return values.length == 0 ? Double.NaN : values[values.length - 1];
    }
}
