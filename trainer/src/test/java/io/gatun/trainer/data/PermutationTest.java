package io.gatun.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PermutationTest {
    private static long[] order(long size, long key) {
        return LongStream.range(0, size).map(i -> Permutation.at(i, size, key)).toArray();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 1000, 4096, 4097, 111_902})
    void givesEachOnce(long size) {
        for (long key = 0; key < 3; key++) {
            assertThat(LongStream.of(order(size, key)).sorted().toArray())
                    .isEqualTo(LongStream.range(0, size).toArray());
        }
    }

    @Test
    void dependsOnTheKeyAndLooksRandom() {
        long[] order = order(10_000, 11);
        assertThat(order(10_000, 11)).isEqualTo(order);
        assertThat(order(10_000, 12)).isNotEqualTo(order);
        double mean = 0, neighbours = 0; // correlation of an element with its place, and with the one before
        double variance = (10_000.0 * 10_000 - 1) / 12;
        for (int i = 1; i < order.length; i++) {
            mean += (i - 4999.5) * (order[i] - 4999.5) / variance / order.length;
            neighbours += (order[i - 1] - 4999.5) * (order[i] - 4999.5) / variance / order.length;
        }
        assertThat(Math.abs(mean)).isLessThan(0.05); // five standard deviations of a random order
        assertThat(Math.abs(neighbours)).isLessThan(0.05);
    }

    @Test
    void reachesFarSizes() {
        long size = 1L << 40;
        assertThat(LongStream.range(0, 1000)
                        .map(i -> Permutation.at(i, size - 1, 5))
                        .distinct()
                        .count())
                .isEqualTo(1000);
        assertThat(Permutation.at(size - 2, size - 1, 5)).isBetween(0L, size - 2);
    }
}
