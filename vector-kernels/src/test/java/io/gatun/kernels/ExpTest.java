package io.gatun.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class ExpTest {
    @Test
    void staysWithinItsRelativeError() {
        for (float x = -87.3f; x < 88.3f; x += 0.00113f) {
            double exact = Math.exp(x);
            assertThat(Math.abs(Exp.exp(x) / exact - 1)).as("e^%s", x).isLessThan(1e-7);
        }
    }

    @Test
    void saturates() {
        assertThat(Exp.exp(0)).isEqualTo(1);
        assertThat(Exp.exp(-0f)).isEqualTo(1);
        assertThat(Exp.exp(-87.8f)).isZero();
        assertThat(Exp.exp(-1e30f)).isZero();
        assertThat(Exp.exp(Float.NEGATIVE_INFINITY)).isZero();
        assertThat(Exp.exp(88.5f)).isInfinite();
        assertThat(Exp.exp(1e30f)).isInfinite();
        assertThat(Exp.exp(Float.POSITIVE_INFINITY)).isInfinite();
        assertThat(Exp.exp(Float.NaN)).isNaN();
        assertThat(Exp.exp(Float.intBitsToFloat(0xff8000ff))).isNaN();
    }

    @Test
    void lanesAndScalarsGiveTheSameBits() {
        var species = FloatVector.SPECIES_PREFERRED;
        var random = new SplittableRandom(11);
        float[] x = new float[species.length()];
        for (int round = 0; round < 5_000; round++) {
            for (int i = 0; i < x.length; i++) x[i] = (float) random.nextDouble(-110, 110);
            if (round == 7) x[0] = Float.NaN;
            float[] y = Exp.exp(FloatVector.fromArray(species, x, 0)).toArray();
            for (int i = 0; i < x.length; i++)
                assertThat(y[i]).as("e^%s", x[i]).isEqualTo(Float.valueOf(Exp.exp(x[i])));
        }
    }
}
