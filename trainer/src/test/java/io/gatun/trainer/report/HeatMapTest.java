package io.gatun.trainer.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeatMapTest {
    private static double[][] loads(int samples, int experts) {
        double[][] loads = new double[samples][experts];
        for (int s = 0; s < samples; s++) for (int e = 0; e < experts; e++) loads[s][e] = 1 + (s + 3 * e) % 5;
        return loads;
    }

    private static double[] steps(int samples) {
        double[] steps = new double[samples];
        for (int s = 0; s < samples; s++) steps[s] = 10 * (s + 1);
        return steps;
    }

    @ParameterizedTest
    @CsvSource({"1,1,80,1", "1,16,80,1", "79,16,80,79", "81,3,80,80", "500,256,8,8", "0,16,80,0"})
    void hasAColumnForEachStretchAndARowForEachExpert(int samples, int experts, int columns, int expected) {
        HeatMap map = HeatMap.of(3, steps(samples), loads(samples, experts), columns);
        assertThat(map.ratio()).hasDimensions(expected, expected == 0 ? 0 : experts);
        assertThat(map.figure().split("<title>expert ")).hasSize(1 + expected * experts);
    }

    @Test
    void addsUpTheLoadsOfAStretch() {
        double[][] loads = {{4, 0}, {0, 4}, {6, 2}, {0, 0}, {0, 0}};
        HeatMap map = HeatMap.of(3, steps(5), loads, 2);
        assertThat(map.ratio()[0]).containsExactly(1, 1);
        assertThat(map.ratio()[1]).containsExactly(1.5, 0.5);
        assertThat(map.figure())
                .contains("expert 0, steps 10 to 20: 1.00", "expert 1, steps 30 to 50: 0.50", ">Layer 3<");
    }

    @Test
    void aStretchWithoutTokensIsLeftBlank() {
        HeatMap map = HeatMap.of(3, steps(2), new double[][] {{0, 0, 0}, {1, 1, 1}}, 80);
        assertThat(map.figure().split("<title>expert ")).hasSize(1 + 3);
    }

    @ParameterizedTest
    @CsvSource({
        "0,0", "0.24,0", "0.3,1", "0.52,2", "0.7,3", "0.85,4", "0.92,5", "1,5", "1.09,5", "1.11,6", "1.3,7", "1.6,8",
        "3,9", "4,10", "256,10"
    })
    void halfAndDoubleAreEquallyFarFromBalance(double ratio, int colour) {
        assertThat(HeatMap.colour(ratio)).isEqualTo(colour);
    }

    @Test
    void theScaleNamesItsEdges() {
        assertThat(HeatMap.legend().replaceAll("<svg.*?</svg>", "|").replaceAll("<[^>]*>", " "))
                .contains("| 0.25 | 0.5 | 0.67 | 0.8 | 0.91 | 1.1 | 1.25 | 1.5 | 2 | 4 |");
    }
}
