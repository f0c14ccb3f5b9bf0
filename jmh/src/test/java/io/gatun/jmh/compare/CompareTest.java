package io.gatun.jmh.compare;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The command on made-up results: what it says and its exit codes. */
class CompareTest {
    private static final String KERNEL = "io.gatun.jmh.NormBenchmark.forward";

    @TempDir
    private Path folder;

    private Path before;
    private String out;
    private String err;

    @BeforeEach
    void measure() throws IOException {
        before = result("before.json", 1, 1);
    }

    /** A kernel of about 10 us and its twin of about 100, 2 % of noise, with the slow-downs given. */
    private Path result(String name, double kernel, double twin) throws IOException {
        SplittableRandom random = new SplittableRandom(name.hashCode());
        return Synthetic.file(
                folder.resolve(name),
                Map.of(
                        KERNEL,
                        Synthetic.times(random, 5, 10 * kernel, 0.02),
                        KERNEL + "Twin",
                        Synthetic.times(random, 5, 100 * twin, 0.02)));
    }

    private int compare(Object... arguments) {
        String[] texts = new String[arguments.length];
        for (int i = 0; i < texts.length; i++) texts[i] = arguments[i].toString();
        StringWriter outText = new StringWriter();
        StringWriter errText = new StringWriter();
        int exit = Compare.execute(new PrintWriter(outText), new PrintWriter(errText), texts);
        out = outText.toString();
        err = errText.toString();
        return exit;
    }

    @Test
    void equalResultsPass() throws IOException {
        assertThat(compare(before, result("after.json", 1, 1))).isZero();
        assertThat(out).contains("NormBenchmark.forward[shape=8x8, threads=1]", "0 slower");
    }

    @Test
    void aSlowDownOfAFifthFails() throws IOException {
        assertThat(compare(before, result("after.json", 1.2, 1))).isEqualTo(1);
        assertThat(out).contains("SLOWER", "1 slower, 0 allocate, 0 faster, 1 unchanged");
    }

    @Test
    void aSpeedUpPasses() throws IOException {
        assertThat(compare(before, result("after.json", 0.8, 1))).isZero();
        assertThat(out).contains("faster");
    }

    @Test
    void aLooserThresholdLetsItPass() throws IOException {
        assertThat(compare("--threshold", 50, before, result("after.json", 1.2, 1)))
                .isZero();
    }

    @Test
    void aBusyMachineDoesNotChangeRatiosToTwins() throws IOException {
        Path baseline = folder.resolve("baseline.json");
        assertThat(compare("--renew", baseline, before)).isZero();
        assertThat(compare("--baseline", baseline, before)).isZero();
        assertThat(compare("--baseline", baseline, result("busy.json", 3, 3))).isZero();
        assertThat(compare("--baseline", baseline, result("slower.json", 2, 1))).isEqualTo(1);
        assertThat(out).contains("SLOWER");
    }

    @Test
    void whatOnlyOneSideHasIsCounted() throws IOException {
        Path baseline = folder.resolve("baseline.json");
        double[] times = {1, 1, 1, 1, 1};
        Path both = Synthetic.file(
                folder.resolve("both.json"),
                Map.of(KERNEL, times, KERNEL + "Twin", times, "a.B.old", times, "a.B.oldTwin", times));
        Path other = Synthetic.file(
                folder.resolve("other.json"),
                Map.of(KERNEL, times, KERNEL + "Twin", times, "a.B.added", times, "a.B.addedTwin", times));
        assertThat(compare("--renew", baseline, both)).isZero();
        assertThat(compare("--baseline", baseline, other)).isZero();
        assertThat(out).contains("1 benchmarks of the baseline were not measured, 1 measured ones are not in it");
    }

    @Test
    void noisyRatiosAreLeftOutOfABaseline() throws IOException {
        Path baseline = folder.resolve("baseline.json");
        double[] steady = {1, 1, 1, 1, 1};
        double[] noisy = {1, 2, 3, 4, 5};
        Path noise = Synthetic.file(folder.resolve("noise.json"), Map.of("a.B.noisy", noisy, "a.B.noisyTwin", steady));
        assertThat(compare("--renew", baseline, before, noise)).isZero();
        assertThat(out).contains("left out, too noisy: B.noisy", "has 1 ratios now");
        assertThat(compare("--renew", folder.resolve("none.json"), noise)).isEqualTo(2);
        assertThat(folder.resolve("none.json")).doesNotExist();
    }

    @Test
    void aMissingBaselineFailsAndIsNotWritten() {
        Path baseline = folder.resolve("none.json");
        assertThat(compare("--baseline", baseline, before)).isEqualTo(2);
        assertThat(err).contains("none.json");
        assertThat(baseline).doesNotExist();
    }

    @Test
    void otherMachinesAreNamed() throws IOException {
        Path after = result("after.json", 1, 1);
        Files.writeString(folder.resolve("before.json.machine"), "{\"cpu\": \"One\", \"cores\": 2}");
        Files.writeString(folder.resolve("after.json.machine"), "{\"cpu\": \"Another\", \"cores\": 2}");
        assertThat(compare(before, after)).isZero();
        assertThat(out)
                .contains("note: cpu was One before and is Another after")
                .doesNotContain("note: cores");
    }

    @Test
    void badInputEndsWithOneLine() throws IOException {
        Path few = Synthetic.file(folder.resolve("few.json"), Map.of(KERNEL, new double[] {1, 1, 1}));
        Path other = Synthetic.file(folder.resolve("other.json"), Map.of("a.B.c", new double[] {1, 1, 1, 1, 1}));
        Path text = Files.writeString(folder.resolve("text.json"), "no JSON");
        Path zero = Synthetic.file(folder.resolve("zero.json"), Map.of(KERNEL, new double[] {0, 0, 0, 0, 0}));
        Path empty = Files.writeString(folder.resolve("empty.json"), "[]");
        for (Path bad : new Path[] {few, other, text, zero, empty, folder.resolve("missing.json")}) {
            assertThat(compare(before, bad)).as("%s", bad).isEqualTo(2);
            assertThat(err.strip()).startsWith("compare: ").doesNotContain("\n");
            assertThat(out).isEmpty();
        }
    }

    @Test
    void misuseEndsWithAUsageError() {
        assertThat(compare(before)).isEqualTo(CommandLine.ExitCode.USAGE);
        assertThat(err.strip()).contains("two results of JMH expected").doesNotContain("\n");
        assertThat(compare("--run", "--same", "a.jar")).isEqualTo(2);
        assertThat(compare("--same", folder.resolve("no.jar"))).isEqualTo(2);
        assertThat(err).contains("there is no jar");
        assertThat(compare(before, before, "--", "-f", "1")).isEqualTo(2);
    }
}
