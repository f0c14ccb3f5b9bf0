package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gatun.kernels.Accumulate;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Element-wise verbs of the GPU against those of the CPU. */
class CudaOpsElementwiseTest extends CudaOpsFixture {
    @ParameterizedTest
    @CsvSource({"1, 1", "3, 7", "5, 257", "2, 1031"})
    void normAndActivation(int rows, int dim) {
        Random random = new Random(dim);
        Tensor x = normal(random, rows, dim), other = normal(random, rows, dim), gain = vector(random, dim);
        Tensor y = normal(random, rows, dim), rstd = vector(random, rows), h = normal(random, rows, dim);
        Tensor yGpu = onGpu(y), rstdGpu = onGpu(rstd), hGpu = onGpu(h);
        cpu.elementwise().rmsNorm(y, rstd, x, gain, 1e-6f);
        gpu.elementwise().rmsNorm(yGpu, rstdGpu, onGpu(x), onGpu(gain), 1e-6f);
        assertClose("y", yGpu, y, 2e-6);
        assertClose("rstd", rstdGpu, rstd, 2e-6);
        cpu.elementwise().swiGlu(h, x, other);
        gpu.elementwise().swiGlu(hGpu, onGpu(x), onGpu(other));
        assertClose("h", hGpu, h, 2e-6);
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 5", "2, 3, 2, 33", "3, 2, 4, 300"})
    void rowsOfSequences(int sequences, int yPeriod, int xPeriod, int dim) {
        Random random = new Random(dim);
        for (Accumulate mode : Accumulate.values()) {
            Tensor x = normal(random, sequences * xPeriod, dim), y = normal(random, sequences * yPeriod, dim);
            Tensor yGpu = onGpu(y);
            cpu.elementwise().sequenceRows(y, yPeriod, x, xPeriod, mode);
            gpu.elementwise().sequenceRows(yGpu, yPeriod, onGpu(x), xPeriod, mode);
            assertClose("y", yGpu, y, 0);
        }
    }

    @Test
    void embeddingAndLoss() {
        Random random = new Random(5);
        int vocabulary = 77, dim = 19, sequences = 2, length = 3, rows = sequences * length;
        Tensor ids = Tensor.zeros(arena, DType.I32, sequences, length + 1L).columns(1, length + 1L);
        for (int i = 0; i < rows; i++) ids.set(i, random.nextInt(vocabulary));
        Tensor f32 = normal(random, vocabulary, dim);
        Tensor bf16 = Tensor.zeros(arena, DType.BF16, vocabulary, dim);
        for (int r = 0; r < vocabulary; r++) {
            for (int c = 0; c < dim; c++) AbsorbedCase.put(bf16, r, c, (float) f32.get(r, c));
        }
        for (Tensor table : new Tensor[] {f32, bf16}) {
            Tensor y = normal(random, rows, dim), yGpu = onGpu(y);
            cpu.elementwise().embedding(y, table, ids);
            gpu.elementwise().embedding(yGpu, onGpu(table), onGpu(ids));
            assertClose("y", yGpu, y, 0);
        }
        for (float factor : new float[] {0, 0.5f}) {
            Tensor logits = normal(random, rows, vocabulary), losses = vector(random, rows);
            Tensor logitsGpu = onGpu(logits), lossesGpu = onGpu(losses);
            cpu.elementwise().crossEntropy(losses, logits, ids, factor);
            gpu.elementwise().crossEntropy(lossesGpu, logitsGpu, onGpu(ids), factor);
            assertClose("losses", lossesGpu, losses, 2e-6);
            assertClose("logits", logitsGpu, logits, 2e-6);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "3, 7", "9, 5000"})
    void sums(int rows, int cols) {
        Random random = new Random(cols);
        Tensor gaps = normal(random, rows, cols), flat = Tensor.zeros(arena, DType.F32, rows, cols);
        flat.copyFrom(gaps);
        for (Tensor x : new Tensor[] {gaps, flat}) {
            Tensor xGpu = onGpu(x);
            double sum = cpu.elementwise().sum(x), squares = cpu.elementwise().sumOfSquares(x);
            assertThat(gpu.elementwise().sum(xGpu)).isCloseTo(sum, within(1e-9));
            assertThat(gpu.elementwise().sumOfSquares(xGpu)).isCloseTo(squares, within(1e-9 * squares));
        }
    }

    @Test
    void memoryBeginsWithZerosAndIsCopied() {
        Random random = new Random(3);
        Tensor host = normal(random, 4, 6);
        Tensor zeros = gpu.reals(arena, 4, 6), copy = gpu.reals(arena, 4, 6);
        assertClose("zeros", zeros, Tensor.zeros(arena, DType.F32, 4, 6), 0);
        gpu.upload(copy, host);
        gpu.copy(zeros, copy);
        assertClose("copy", zeros, host, 0);
        gpu.download(host.columns(1, 3), copy.columns(2, 4));
        assertThat(host.get(3, 1)).isEqualTo(onHost(copy).get(3, 2));
    }

    @Test
    void viewsKeepMemoryThatEndsByItself() {
        Tensor host = normal(new Random(4), 3, 40);
        Tensor view = gpu.resident(Arena.ofAuto(), host).slice(1, 3).columns(5, 9);
        for (int i = 0; i < 5; i++) {
            System.gc();
            gpu.reals(arena, 3, 40); // would lie where the view's memory was
        }
        assertClose("view", view, host.slice(1, 3).columns(5, 9), 0);
    }

    @Test
    void refusesWhatDoesNotFit() {
        Tensor x = gpu.reals(arena, 2, 3), narrow = gpu.reals(arena, 2, 2), host = Tensor.zeros(arena, DType.F32, 2, 3);
        assertThatThrownBy(() -> gpu.elementwise().swiGlu(x, x, narrow))
                .isInstanceOf(TensorException.class)
                .hasMessage("swiGlu: up is f32[2, 2]; the other arguments ask for f32[2, 3]");
        assertThatThrownBy(() -> gpu.elementwise().swiGlu(x, x, host))
                .isInstanceOf(TensorException.class)
                .hasMessage("f32[2, 3] lies in host memory; it has no device address");
        assertThatThrownBy(() -> gpu.upload(narrow, host))
                .isInstanceOf(TensorException.class)
                .hasMessage("cannot copy f32[2, 3] into f32[2, 2]");
        assertThatThrownBy(() -> gpu.elementwise().swiGluGrad(x, x, x, x, x))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("swiGluGrad: the resident GPU path has forward verbs only");
    }
}
