package io.gatun.trainer.report;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import org.junit.jupiter.api.Test;

class ProgressTest {
    private static final long SECOND = 1_000_000_000;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private long now = 5;

    private Progress progress(int width, Charset charset, long steps) {
        var goal = new Progress.Goal(steps, steps * 1024, 1);
        return new Progress(new PrintStream(bytes, false, charset), width, () -> now, goal);
    }

    private static StepMetrics row(long step) {
        return new StepMetrics(step, 1024 * step, 8, 2 * Math.log(2), 3, 0, 3e-4, 0.5, 12_345, new long[0][]);
    }

    private String[] lines() {
        return bytes.toString(UTF_8).split(System.lineSeparator());
    }

    @Test
    void withoutATerminalALineEveryTenSecondsAndTheLastStep() {
        try (Progress progress = progress(0, UTF_8, 100)) {
            for (int step = 1; step <= 100; step++, now += SECOND / 2) progress.step(row(step));
        }
        assertThat(lines())
                .containsExactly(
                        "step   1/100  loss 1.386  2.000 bits/byte  12.3k tok/s   -:-- left  lr 3e-4  gradient norm 0.5",
                        "step  21/100  loss 1.386  2.000 bits/byte  12.3k tok/s   0:40 left  lr 3e-4  gradient norm 0.5",
                        "step  41/100  loss 1.386  2.000 bits/byte  12.3k tok/s   0:30 left  lr 3e-4  gradient norm 0.5",
                        "step  61/100  loss 1.386  2.000 bits/byte  12.3k tok/s   0:20 left  lr 3e-4  gradient norm 0.5",
                        "step  81/100  loss 1.386  2.000 bits/byte  12.3k tok/s   0:10 left  lr 3e-4  gradient norm 0.5",
                        "step 100/100  loss 1.386  2.000 bits/byte  12.3k tok/s   0:00 left  lr 3e-4  gradient norm 0.5");
    }

    @Test
    void anInterruptedRunShowsItsLastStep() {
        try (Progress progress = progress(0, UTF_8, 100)) {
            for (int step = 1; step <= 7; step++) progress.step(row(step));
            progress.heldOut(7, 2.3456);
        }
        assertThat(lines()).hasSize(3);
        assertThat(lines()[1]).isEqualTo("step 7: held-out text 2.346 bits per byte");
        assertThat(lines()[2]).startsWith("step   7/100  ");
    }

    @Test
    void refusesImpossibleGoals() {
        assertThatThrownBy(() -> new Progress.Goal(0, 0, 1)).hasMessage("steps is 0; it is at least 1");
        assertThatThrownBy(() -> new Progress.Goal(1, 1, Double.NaN))
                .hasMessage("bytesPerToken is NaN; it is positive");
    }

    @Test
    void nothingHappenedNothingShown() {
        progress(0, UTF_8, 100).close();
        progress(79, UTF_8, 100).close();
        assertThat(bytes.size()).isZero();
    }

    @Test
    void theBarIsDrawnOverItselfAndNeverWraps() {
        try (Progress progress = progress(79, UTF_8, 3000)) {
            for (int step = 1; step <= 3000; step++, now += SECOND / 50) progress.step(row(step));
        }
        assertThat(lines()).hasSize(1);
        String[] drawings = lines()[0].split("\r");
        assertThat(drawings).hasSize(1 + 600 + 1 + 1); // empty before the first, ten a second, the last step, close
        for (String drawing : drawings) assertThat(drawing.length()).isLessThanOrEqualTo(79);
        assertThat(drawings[301])
                .matches("━{7}─{7} {2}1501/3000 {2}loss 1.386 {2}2.000 bits/byte {2}12.3k tok/s {3}0:30 left");
        assertThat(drawings[602]).matches("━{14} {2}3000/3000 .* 0:00 left");
    }

    @Test
    void aNarrowTerminalGetsNoBar() {
        try (Progress progress = progress(30, UTF_8, 10)) {
            progress.step(row(5));
        }
        assertThat(lines()[0].split("\r")[1]).isEqualTo(" 5/10  loss 1.386  2.000 bits/");
    }

    @Test
    void aWideTerminalGetsABarOfForty() {
        try (Progress progress = progress(200, UTF_8, 10)) {
            progress.step(row(5));
        }
        assertThat(lines()[0].split("\r")[1]).startsWith("━".repeat(20) + "─".repeat(20) + "   5/10");
    }

    @Test
    void aTerminalWithoutUnicodeGetsAsciiBars() {
        try (Progress progress = progress(100, US_ASCII, 10)) {
            progress.step(row(5));
        }
        assertThat(lines()[0]).contains("##..").doesNotContain("?");
    }

    @Test
    void notesStandAboveTheBar() {
        try (Progress progress = progress(79, UTF_8, 10)) {
            progress.step(row(5));
            progress.heldOut(5, 2.5);
        }
        assertThat(lines()).hasSize(2);
        assertThat(lines()[0]).endsWith("\r" + "step 5: held-out text 2.500 bits per byte");
        assertThat(lines()[1]).startsWith("\r━━━");
    }
}
