package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** norm.cu against the formulas in double; columns around the matrices make rows unaligned. */
class CudaNormTest extends CudaFixture {
    CudaNormTest() {
        super("norm");
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "2, 1", "3, 0", "31, 2", "64, 4", "255, 0", "256, 0", "257, 1", "1028, 0", "3000, 4"})
    void norm(int dim, int gap) {
        Tensor x = matrix(3, dim, gap), y = matrix(3, dim, gap), rstd = vector(3), gain = vector(dim);
        Tensor yTwin = twin(y), rstdTwin = twin(rstd);
        REFERENCE.rmsNorm(yTwin, rstdTwin, twin(x), twin(gain), 1e-6f);
        launch("rms_norm", blocks(3, 1), rows(y), rstd, rows(x), gain, dim, 1e-6f);
        assertClose(y, yTwin, 2e-6);
        assertClose(rstd, rstdTwin, 2e-6);
        launch("rms_norm", blocks(3, 1), rows(x), rstd, rows(x), gain, dim, 1e-6f); // in place
        assertSame(x, y);
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "33, 1", "300, 4"})
    void residualIsAddedFirst(int dim, int gap) {
        Tensor x = matrix(4, dim, 4), y = matrix(4, dim, gap), delta = matrix(4, dim, gap);
        Tensor rstd = vector(4), gain = vector(dim);
        Tensor sum = twin(x), yTwin = twin(y), rstdTwin = twin(rstd);
        REFERENCE.assign(sum, twin(delta), Accumulate.ADD);
        REFERENCE.rmsNorm(yTwin, rstdTwin, sum, twin(gain), 1e-6f);
        launch("add_rms_norm", blocks(4, 1), rows(y), rstd, rows(x), rows(delta), gain, dim, 1e-6f);
        assertClose(x, sum, 2e-7);
        assertClose(y, yTwin, 3e-6);
        assertClose(rstd, rstdTwin, 3e-6);
    }

    @ParameterizedTest
    @CsvSource({"1, 0, WRITE", "3, 1, ADD", "64, 0, ADD", "257, 2, WRITE", "1000, 4, WRITE"})
    void inputGrad(int dim, int gap, Accumulate mode) {
        Tensor x = matrix(3, dim, gap), dy = matrix(3, dim, gap), dx = matrix(3, dim, gap);
        Tensor rstd = vector(3), gain = vector(dim);
        REFERENCE.rmsNorm(matrix(3, dim, 0), rstd, x, gain, 1e-6f);
        Tensor expected = twin(dx);
        REFERENCE.rmsNormInputGrad(expected, twin(dy), twin(x), twin(rstd), twin(gain), mode);
        int add = mode == Accumulate.ADD ? 1 : 0;
        launch("rms_norm_input_grad", blocks(3, 1), rows(dx), rows(dy), rows(x), rstd, gain, dim, add);
        assertClose(dx, expected, dim == 1 ? 1e-3 : 1e-5); // one number has no gradient: what remains is cancellation
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 64, 65, 200})
    void gainGrad(int rows) {
        int dim = 300, chunkRows = 64, chunks = Math.ceilDiv(rows, chunkRows);
        Tensor x = matrix(rows, dim, 1), dy = matrix(rows, dim, 2), rstd = vector(rows), dGain = vector(dim);
        Tensor expected = twin(dGain), partial = Tensor.zeros(arena, DType.F32, chunks, dim);
        REFERENCE.rmsNormGainGrad(expected, twin(dy), twin(x), twin(rstd));
        launch("rms_norm_gain_grad", blocks(2, chunks), partial, rows(dy), rows(x), rstd, rows, dim, chunkRows);
        launch("add_partials", blocks(2, 1), dGain, partial, chunks, dim);
        assertClose(dGain, expected, 1e-5);
    }
}
