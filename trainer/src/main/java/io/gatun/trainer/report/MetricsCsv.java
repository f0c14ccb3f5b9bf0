package io.gatun.trainer.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The run's numbers as three CSV files of its folder:
 *
 * <ul>
 *   <li>{@code metrics.csv}: a line a step; {@code tokens_per_second}, the last column, is the only one that depends on time
 *   <li>{@code heldout.csv}: {@code step,bits_per_byte}
 *   <li>{@code experts.csv}: {@code step,layer} and the load of each expert in that step, every few steps
 * </ul>
 *
 * A resumed run first cuts the files back to the step it goes on from, so that they end equal to those of an unbroken run.
 */
public final class MetricsCsv implements MetricsSink {
    static final String METRICS = "metrics.csv", HELD_OUT = "heldout.csv", EXPERTS = "experts.csv";
    static final String MAX_VIO = "maxvio_layer"; // and the layer's number

    private final CsvTable steps;
    private final CsvTable heldOut;
    private final CsvTable experts;
    private final int[] moeLayers;
    private final int expertsPerLayer;
    private final int expertsEvery;

    private interface Opening {
        CsvTable open(Path file, List<String> columns);
    }

    private MetricsCsv(Path folder, int[] moeLayers, int experts, int expertsEvery, Opening opening) {
        if (expertsEvery < 1)
            throw new IllegalArgumentException("expertsEvery is " + expertsEvery + "; it is at least 1");
        this.moeLayers = moeLayers.clone();
        this.expertsPerLayer = experts;
        this.expertsEvery = expertsEvery;
        var columns = new ArrayList<>(List.of(
                "step", "tokens", "batch", "loss", "mtp_loss", "balance_loss", "learning_rate", "gradient_norm"));
        for (int layer : moeLayers) columns.add(MAX_VIO + layer);
        columns.add("tokens_per_second");
        steps = opening.open(folder.resolve(METRICS), columns);
        heldOut = opening.open(folder.resolve(HELD_OUT), List.of("step", "bits_per_byte"));
        var loads = new ArrayList<>(List.of("step", "layer"));
        IntStream.range(0, experts).mapToObj(e -> "expert_" + e).forEach(loads::add);
        this.experts = opening.open(folder.resolve(EXPERTS), loads);
    }

    /**
     * Begins the files of a new run.
     *
     * @param moeLayers the MoE layers' numbers as in {@code model.layers.N}, MTP blocks included; the order of the loads
     * @param experts routed experts of each of them
     * @param expertsEvery the loads of each step that this divides are kept
     */
    public static MetricsCsv start(Path folder, int[] moeLayers, int experts, int expertsEvery) {
        return new MetricsCsv(folder, moeLayers, experts, expertsEvery, CsvTable::start);
    }

    /** Goes on after {@code lastStep}, the step of the checkpoint; the rest as for {@link #start}. */
    public static MetricsCsv resume(Path folder, long lastStep, int[] moeLayers, int experts, int expertsEvery) {
        Opening opening = (file, columns) -> CsvTable.resume(file, columns, lastStep);
        return new MetricsCsv(folder, moeLayers, experts, expertsEvery, opening);
    }

    @Override
    public void step(StepMetrics m) {
        checkLoads(m.loads());
        steps.begin(m.step()).add(m.tokens()).add(m.batch()).add(m.loss()).add(m.mtpLoss());
        steps.add(m.balanceLoss()).add(m.learningRate()).add(m.gradientNorm());
        for (int i = 0; i < moeLayers.length; i++) steps.add(m.maxVio(i));
        steps.add(m.tokensPerSecond()).end();
        if (m.step() % expertsEvery != 0) return;
        for (int i = 0; i < moeLayers.length; i++) {
            experts.begin(m.step()).add(moeLayers[i]);
            for (long load : m.loads()[i]) experts.add(load);
            experts.end();
        }
    }

    private void checkLoads(long[][] loads) { // a line of another length would be dropped as torn
        boolean fits = loads.length == moeLayers.length;
        for (int i = 0; fits && i < loads.length; i++) fits = loads[i].length == expertsPerLayer;
        if (fits) return;
        throw new IllegalArgumentException("loads has the shape " + shape(loads) + "; this run has " + moeLayers.length
                + " MoE layers of " + expertsPerLayer + " experts");
    }

    private static String shape(long[][] loads) {
        return Arrays.toString(
                Arrays.stream(loads).mapToInt(layer -> layer.length).toArray());
    }

    @Override
    public void heldOut(long step, double bitsPerByte) {
        heldOut.begin(step).add(bitsPerByte).end();
    }

    @Override
    public void close() {
        try (steps;
                heldOut;
                experts) {
            // closes all three, whichever fails
        }
    }
}
