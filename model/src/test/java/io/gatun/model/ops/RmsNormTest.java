package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gatun.kernels.Accumulate;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RmsNormTest extends ElementwiseFixture {
    @ParameterizedTest
    @CsvSource({
        "1,1,0",
        "3,7,0",
        "5,8,3",
        "2,9,0",
        "4,15,1",
        "3,16,0",
        "7,31,5",
        "3,32,0",
        "3,33,2",
        "67,63,1",
        "130,65,0",
        "70,576,64",
        "9,1536,0",
        "3,7168,0"
    })
    void equalsItsReference(int rows, int dim, int gap) {
        Tensor x = matrix(rows, dim, gap);
        Tensor gain = vector(dim);
        Tensor dy = matrix(rows, dim, gap);
        Tensor y = matrix(rows, dim, gap);
        Tensor rstd = vector(rows);
        Tensor exactY = twin(y);
        Tensor exactRstd = twin(rstd);
        cpu.rmsNorm(y, rstd, x, gain, 1e-6f);
        REFERENCE.rmsNorm(exactY, exactRstd, twin(x), twin(gain), 1e-6f);
        assertClose(y, exactY, 1e-6);
        assertClose(rstd, exactRstd, 1e-6);

        for (Accumulate mode : Accumulate.values()) {
            Tensor dx = matrix(rows, dim, gap);
            Tensor exactDx = twin(dx);
            cpu.rmsNormInputGrad(dx, dy, x, rstd, gain, mode);
            REFERENCE.rmsNormInputGrad(exactDx, twin(dy), twin(x), exactRstd, twin(gain), mode);
            assertClose(dx, exactDx, 3e-6);
        }

        Tensor dGain = vector(dim);
        Tensor exactDGain = twin(dGain);
        cpu.rmsNormGainGrad(dGain, dy, x, rstd);
        REFERENCE.rmsNormGainGrad(exactDGain, twin(dy), twin(x), exactRstd);
        assertClose(dGain, exactDGain, 3e-6 * Math.sqrt(rows));
    }

    @Test
    void worksInPlaceAndLeavesNeighboursAlone() {
        Tensor wide = matrix(5, 40, 0);
        Tensor before = copy(wide);
        Tensor x = wide.columns(3, 36);
        Tensor gain = vector(33);
        Tensor rstd = vector(5);
        Tensor y = matrix(5, 33, 0);
        cpu.rmsNorm(y, rstd, x, gain, 1e-6f);
        cpu.rmsNorm(x, rstd, x, gain, 1e-6f);
        assertSame(x, y);
        assertSame(wide.columns(0, 3), before.columns(0, 3));
        assertSame(wide.columns(36, 40), before.columns(36, 40));
    }

    @Test
    void epsilonBoundsTheNormOfNothing() {
        Tensor x = Tensor.zeros(arena, DType.F32, 2, 24);
        Tensor rstd = vector(2);
        cpu.rmsNorm(x, rstd, x, vector(24), 1e-6f);
        assertThat(rstd.get(1)).isEqualTo(1e3, within(1e-3));
        assertClose(x, Tensor.zeros(arena, DType.F32, 2, 24), 0);
    }

    @Test
    void aNaNStaysInItsRow() {
        Tensor x = matrix(3, 20, 0);
        x.set(1, 17, Double.NaN);
        Tensor y = matrix(3, 20, 0);
        cpu.rmsNorm(y, vector(3), x, vector(20), 1e-6f);
        assertThat(y.get(1, 0)).isNaN();
        assertThat(cpu.sum(y.slice(0, 1)) + cpu.sum(y.slice(2, 3))).isFinite();
    }
}
