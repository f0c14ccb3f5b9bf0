package io.gatun.jmh.compare;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * The gate fails for a program that became slower, measured by JMH. A machine that runs tests is busy and compiled code comes when
 * it comes, so the program waits instead of computing: ten times as long takes at least ten times as long, and the threshold is
 * twice. The call would be missed if half of the short waits of a round were 80 ms late; the silence for equal programs would be
 * broken if in all rounds the same side were 20 ms late. What 20 % do at the usual threshold, {@link CompareTest} and {@link
 * RatioTest} show with made-up times.
 */
class GateTest {
    private static final double TWICE = 1;

    @TempDir
    private Path folder;

    @AfterEach
    void restore() {
        System.clearProperty(SlowedBenchmark.MILLISECONDS);
    }

    @Test
    void aDeliberateSlowDownFails() {
        Comparison comparison = compare(20, 200);
        assertThat(comparison.isBad()).isTrue();
        assertThat(comparison.rows())
                .singleElement()
                .satisfies(row -> assertThat(row.verdict()).isEqualTo(Verdict.SLOWER));
    }

    @Test
    void theSameProgramTwicePasses() {
        assertThat(compare(20, 20).isBad()).isFalse();
    }

    private Comparison compare(int a, int b) {
        Rounds.Results results = Rounds.run(jar(a), jar(b), Ratio.FEWEST, folder);
        return Comparison.of(results.a(), results.b(), Comparison.Forks.PAIRED, TWICE);
    }

    private static Rounds.Jar jar(int milliseconds) {
        return (result, label) -> {
            System.setProperty(SlowedBenchmark.MILLISECONDS, Integer.toString(milliseconds));
            try {
                new Runner(new OptionsBuilder()
                                .include(SlowedBenchmark.class.getName())
                                .resultFormat(ResultFormatType.JSON)
                                .result(result.toString())
                                .output(result + ".log")
                                .build())
                        .run();
            } catch (RunnerException e) {
                throw new IllegalStateException(e);
            }
        };
    }
}
