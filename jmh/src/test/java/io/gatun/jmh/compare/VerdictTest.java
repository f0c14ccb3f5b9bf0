package io.gatun.jmh.compare;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class VerdictTest {
    @Test
    void callsOnlyWhatLiesWhollyBeyondTheThreshold() {
        assertThat(Verdict.of(new Ratio(1.1, 1.06, 1.2), 0.05)).isEqualTo(Verdict.SLOWER);
        assertThat(Verdict.of(new Ratio(1.1, 1.04, 1.2), 0.05)).isEqualTo(Verdict.SAME);
        assertThat(Verdict.of(new Ratio(0.9, 0.8, 0.94), 0.05)).isEqualTo(Verdict.FASTER);
        assertThat(Verdict.of(new Ratio(0.9, 0.8, 0.96), 0.05)).isEqualTo(Verdict.SAME);
    }

    @Test
    void garbageIsWorseThanAnyTime() {
        Ratio faster = new Ratio(0.5, 0.4, 0.6);
        assertThat(Verdict.of(faster, 0.05, 0, 24)).isEqualTo(Verdict.ALLOCATES);
        assertThat(Verdict.of(faster, 0.05, 1000, 1050)).isEqualTo(Verdict.FASTER);
        assertThat(Verdict.of(faster, 0.05, 0, Double.NaN)).isEqualTo(Verdict.FASTER);
        assertThat(Verdict.of(faster, 0.05, Double.NaN, 24)).isEqualTo(Verdict.FASTER);
    }
}
