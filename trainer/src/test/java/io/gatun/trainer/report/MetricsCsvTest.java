package io.gatun.trainer.report;

import static java.nio.file.StandardOpenOption.APPEND;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MetricsCsvTest {
    @TempDir
    Path folder;

    private static final int EVERY = 2;

    private static MetricsCsv start(Path folder) {
        return MetricsCsv.start(folder, Rows.LAYERS, Rows.EXPERTS, EVERY);
    }

    private static MetricsCsv resume(Path folder, long lastStep) {
        return MetricsCsv.resume(folder, lastStep, Rows.LAYERS, Rows.EXPERTS, EVERY);
    }

    @Test
    void writesOneLineForEachStepAtOnce() throws IOException {
        try (MetricsCsv csv = start(folder)) {
            long[][] loads = {{1, 1, 1, 1, 1, 1, 8}, {2, 2, 2, 2, 2, 2, 2}, {0, 0, 0, 0, 0, 0, 0}};
            csv.step(new StepMetrics(2, 2048, 8, 1.5, Double.NaN, 2e-4, 3e-3, 0.25, 8000, loads));
            csv.heldOut(2, 2.5);
            assertThat(Files.readAllLines(folder.resolve("metrics.csv"))) // before close
                    .containsExactly(
                            "step,tokens,batch,loss,mtp_loss,balance_loss,learning_rate,gradient_norm,"
                                    + "maxvio_layer1,maxvio_layer2,maxvio_layer5,tokens_per_second",
                            "2,2048,8,1.5,NaN,2.0E-4,0.003,0.25,3.0,0.0,NaN,8000.0");
            assertThat(Files.readAllLines(folder.resolve("heldout.csv")))
                    .containsExactly("step,bits_per_byte", "2,2.5");
            assertThat(Files.readAllLines(folder.resolve("experts.csv")))
                    .containsExactly(
                            "step,layer,expert_0,expert_1,expert_2,expert_3,expert_4,expert_5,expert_6",
                            "2,1,1,1,1,1,1,1,8",
                            "2,2,2,2,2,2,2,2,2",
                            "2,5,0,0,0,0,0,0,0");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4, 6, 9, 10})
    void aResumedRunEndsWithTheFilesOfAnUnbrokenOne(int checkpoint) throws IOException {
        Path unbroken = Files.createDirectory(folder.resolve("unbroken")),
                killed = Files.createDirectory(folder.resolve("killed"));
        try (MetricsCsv csv = start(unbroken)) {
            Rows.write(csv, 1, 13, 8000);
        }
        try (MetricsCsv csv = start(killed)) {
            Rows.write(csv, 1, 10, 7777);
        }
        Files.writeString(killed.resolve("metrics.csv"), "1", APPEND); // the kill tore the line of step 11
        try (MetricsCsv csv = resume(killed, checkpoint)) {
            Rows.write(csv, checkpoint + 1, 13, 6666);
        }
        for (String file : List.of("heldout.csv", "experts.csv")) {
            assertThat(killed.resolve(file)).hasSameTextualContentAs(unbroken.resolve(file));
        }
        assertThat(withoutTime(killed)).isEqualTo(withoutTime(unbroken)).hasSize(14);
        assertThat(killed).isDirectoryNotContaining("glob:**.tmp");
    }

    private static List<String> withoutTime(Path folder) throws IOException {
        return Files.readAllLines(folder.resolve("metrics.csv")).stream()
                .map(line -> line.substring(0, line.lastIndexOf(',')))
                .toList();
    }

    @Test
    void aNewRunForgetsAnOldOne() throws IOException {
        Files.writeString(folder.resolve("metrics.csv"), "something,else\n1,2\n");
        start(folder).close();
        assertThat(Files.readAllLines(folder.resolve("metrics.csv"))).hasSize(1);
    }

    @Test
    void resumesWhereFilesAreMissing() throws IOException {
        try (MetricsCsv csv = resume(folder, 4)) {
            csv.step(Rows.at(5));
        }
        assertThat(Files.readAllLines(folder.resolve("metrics.csv"))).hasSize(2);
    }

    @Test
    void refusesToResumeOtherColumns() {
        start(folder).close();
        assertThatThrownBy(() -> MetricsCsv.resume(folder, 4, new int[] {1, 2}, Rows.EXPERTS, EVERY))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("metrics.csv")
                .hasMessageContaining("maxvio_layer2,maxvio_layer5,tokens")
                .hasMessageContaining("this run writes")
                .hasMessageContaining("maxvio_layer2,tokens");
    }

    @Test
    void refusesLinesWithoutAStep() throws IOException {
        start(folder).close();
        Files.writeString(folder.resolve("heldout.csv"), "step,bits_per_byte\none,2.5\n");
        assertThatThrownBy(() -> resume(folder, 4))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("heldout.csv")
                .hasMessageContaining("\"one,2.5\"");
    }

    @Test
    void refusesAnIntervalOfZero() {
        assertThatThrownBy(() -> MetricsCsv.start(folder, Rows.LAYERS, Rows.EXPERTS, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("expertsEvery is 0; it is at least 1");
    }

    @Test
    void refusesLoadsOfAnotherShape() {
        var row = new StepMetrics(1, 9, 1, 5, 5, 0, 1e-3, 1, 100, new long[][] {{1, 2}, {3, 4, 5}});
        try (MetricsCsv csv = start(folder)) {
            assertThatThrownBy(() -> csv.step(row))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("loads has the shape [2, 3]; this run has 3 MoE layers of 7 experts");
        }
    }

    @Test
    void aMissingFolderIsAnErrorThatNamesTheFile() {
        assertThatThrownBy(() -> start(folder.resolve("none")))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("metrics.csv");
    }

    @Test
    void theLocalePlaysNoPart() throws IOException {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
        try (MetricsCsv csv = start(folder)) {
            csv.heldOut(3, 1234.5);
        } finally {
            Locale.setDefault(before);
        }
        assertThat(folder.resolve("heldout.csv")).hasContent("step,bits_per_byte\n3,1234.5");
    }
}
