package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SequenceRowsTest extends ElementwiseFixture {
    @ParameterizedTest
    @CsvSource({"1,1,1,1,0", "3,4,5,7,2", "3,5,4,8,0", "2,6,6,33,1", "4,100,99,130,0", "2,1,30,64,0"})
    void equalsItsReference(int sequences, int yPeriod, int xPeriod, int dim, int gap) {
        Tensor x = matrix(sequences * xPeriod, dim, gap);
        for (Accumulate mode : Accumulate.values()) {
            Tensor y = matrix(sequences * yPeriod, dim, gap);
            Tensor expected = copy(y);
            cpu.sequenceRows(y, yPeriod, x, xPeriod, mode);
            REFERENCE.sequenceRows(expected, yPeriod, x, xPeriod, mode);
            assertSame(y, expected);
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1,0", "7,9,1", "300,100,0"})
    void assignsWholeMatrices(int rows, int dim, int gap) {
        Tensor x = matrix(rows, dim, gap);
        Tensor y = matrix(rows, dim, gap);
        Tensor sum = copy(y);
        REFERENCE.assign(sum, x, Accumulate.ADD);
        cpu.assign(y, x, Accumulate.ADD);
        assertSame(y, sum);
        cpu.assign(y, x, Accumulate.WRITE);
        assertSame(y, x);
    }
}
