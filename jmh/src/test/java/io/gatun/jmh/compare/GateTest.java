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
 * The gate fails for a real program that became slower, measured by JMH. A machine that runs tests is busy and one fork may take
 * three times as long as the next, so the slow-down is a hundredfold and the threshold tenfold: neither the first call nor the
 * silence of the second hangs on noise. What 20 % do at the usual threshold, {@link CompareTest} and {@link RatioTest} show with
 * made-up times.
 */
class GateTest {
    private static final double TENFOLD = 9;

    @TempDir
    private Path folder;

    @AfterEach
    void restore() {
        System.clearProperty(SlowedBenchmark.REPEAT);
    }

    @Test
    void aDeliberateSlowDownFails() {
        Comparison comparison = compare(1, 100);
        assertThat(comparison.isBad()).isTrue();
        assertThat(comparison.rows())
                .singleElement()
                .satisfies(row -> assertThat(row.verdict()).isEqualTo(Verdict.SLOWER));
    }

    @Test
    void theSameProgramTwicePasses() {
        assertThat(compare(1, 1).isBad()).isFalse();
    }

    private Comparison compare(int a, int b) {
        Rounds.Results results = Rounds.run(jar(a), jar(b), Ratio.FEWEST, folder);
        return Comparison.of(results.a(), results.b(), Comparison.Forks.PAIRED, TENFOLD);
    }

    private static Rounds.Jar jar(int repeat) {
        return (result, label) -> {
            System.setProperty(SlowedBenchmark.REPEAT, Integer.toString(repeat));
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
