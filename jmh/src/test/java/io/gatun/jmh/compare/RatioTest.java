package io.gatun.jmh.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RatioTest {
    private static final int SEEDS = 200;

    @Test
    void ofNoiselessTimesIsTheirQuotient() {
        double[] before = {2, 2, 2, 2, 2};
        double[] after = {3, 3, 3, 3, 3};
        for (Ratio ratio : new Ratio[] {Ratio.paired(before, after), Ratio.independent(before, after)}) {
            assertThat(ratio.value()).isCloseTo(1.5, within(1e-12));
            assertThat(ratio.low()).isCloseTo(1.5, within(1e-12));
            assertThat(ratio.high()).isCloseTo(1.5, within(1e-12));
        }
    }

    @Test
    void pairsCancelWhatBothSidesShare() {
        double[] before = {1, 10, 3, 7, 2, 5};
        double[] after = {1.2, 12, 3.6, 8.4, 2.4, 6};
        assertThat(Ratio.paired(before, after).low()).isCloseTo(1.2, within(1e-12));
        assertThat(Ratio.independent(before, after).low()).isLessThan(0.5);
    }

    @Test
    void intervalOfFivePairsIsAllOfThem() {
        // The median of five draws is the smallest with a chance of 5.8 %, more than the tail's 0.5 %.
        Ratio ratio = Ratio.paired(new double[] {1, 1, 1, 1, 1}, new double[] {1.1, 1.2, 1.3, 1.4, 1.5});
        assertThat(ratio.value()).isCloseTo(1.3, within(1e-12));
        assertThat(ratio.low()).isCloseTo(1.1, within(1e-12));
        assertThat(ratio.high()).isCloseTo(1.5, within(1e-12));
    }

    @Test
    void isTheSameEveryTime() {
        double[] before = Synthetic.times(new SplittableRandom(1), 8, 1, 0.1);
        double[] after = Synthetic.times(new SplittableRandom(2), 8, 1, 0.1);
        assertThat(Ratio.independent(before, after)).isEqualTo(Ratio.independent(before, after));
    }

    @Test
    void equalProgramsAreHardlyEverCalled() {
        assertThat(called(1, 0.03, 0.05)).isZero();
        assertThat(called(1, 0.10, 0.05)).isLessThan(SEEDS / 100); // noise of 10 % a fork
    }

    @Test
    void aFifthMoreIsCalled() {
        assertThat(called(1.2, 0.03, 0.05)).isGreaterThan(SEEDS * 95 / 100);
    }

    /** How many of many seeds are called slower. */
    private static int called(double slowdown, double noise, double threshold) {
        int called = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            double[] before = Synthetic.times(random, 8, 5, noise);
            double[] after = Synthetic.times(random, 8, 5 * slowdown, noise);
            if (Verdict.of(Ratio.paired(before, after), threshold) == Verdict.SLOWER) called++;
        }
        return called;
    }

    @Test
    void oneDisturbedForkDecidesNothing() {
        double[] before = {1.00, 1.01, 0.99, 1.02, 1.00, 0.98, 1.01, 1.00};
        double[] after = {1.01, 1.00, 3.00, 1.01, 0.99, 1.00, 1.02, 0.98};
        assertThat(Verdict.of(Ratio.paired(before, after), 0.05)).isEqualTo(Verdict.SAME);
        for (int i = 0; i < after.length; i++) after[i] *= 1.2;
        assertThat(Verdict.of(Ratio.paired(before, after), 0.05)).isEqualTo(Verdict.SLOWER);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4})
    void tooFewForksAreRefused(int forks) {
        double[] few = new double[forks];
        double[] enough = {1, 1, 1, 1, 1};
        assertThatThrownBy(() -> Ratio.independent(few, enough))
                .isInstanceOf(CompareException.class)
                .hasMessageContaining(forks + " forks are too few");
        assertThatThrownBy(() -> Ratio.independent(enough, few)).isInstanceOf(CompareException.class);
        assertThatThrownBy(() -> Ratio.paired(few, few)).isInstanceOf(CompareException.class);
    }

    @Test
    void sidesOfDifferentLengthAreNoPairs() {
        assertThatThrownBy(() -> Ratio.paired(new double[5], new double[6]))
                .isInstanceOf(CompareException.class)
                .hasMessageContaining("no pairs");
    }
}
