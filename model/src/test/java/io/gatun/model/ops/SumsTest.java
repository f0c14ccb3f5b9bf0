package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SumsTest extends ElementwiseFixture {
    @ParameterizedTest
    @CsvSource({
        "1,1,0",
        "1,7,0",
        "3,8,1",
        "2,9,0",
        "5,31,2",
        "1,16384,0",
        "1,16385,0",
        "2,16383,1",
        "700,64,3",
        "2,40000,5"
    })
    void equalTheirReference(int rows, int cols, int gap) {
        Tensor x = matrix(rows, cols, gap);
        double sum = REFERENCE.sum(x);
        double squares = REFERENCE.sumOfSquares(x);
        assertThat(cpu.sum(x)).isEqualTo(sum, within(1e-13 * squares));
        assertThat(cpu.sumOfSquares(x)).isEqualTo(squares, within(1e-13 * squares));
    }

    @Test
    void doNotLoseSmallNumbersBesideLargeOnes() {
        Tensor x = Tensor.zeros(arena, DType.F32, 100_000);
        for (long i = 0; i < x.count(); i++) x.set(i, 1e-3f);
        x.set(50_000, 1e6);
        assertThat(cpu.sum(x)).isEqualTo(1e6 + 99_999 * (double) 1e-3f, within(1e-6));
    }

    @Test
    void ofNothingAreZeroAndNaNShows() {
        assertThat(cpu.sum(Tensor.zeros(arena, DType.F32, 0, 5))).isZero();
        Tensor x = matrix(3, 9, 0);
        x.set(26, Double.NaN);
        assertThat(cpu.sum(x)).isNaN();
        assertThat(cpu.sumOfSquares(x)).isNaN();
    }
}
