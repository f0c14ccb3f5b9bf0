package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.Fp8;
import io.gatun.kernels.Weight;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Products of tensors on the GPU against those of the CPU in the same formats, at sizes beside every padding. */
class CudaOpsProductsTest extends CudaOpsFixture {
    /** A weight on the CPU and the same on the GPU. */
    private record Pair(Weight cpu, Weight gpu) {}

    private Pair weight(Random random, int n, int k, Format format) {
        Tensor value = normal(random, n, k);
        if (format != Format.FP8) {
            return new Pair(
                    cpu.products().prepare(arena, value, null, format),
                    gpu.products().map(value, format));
        }
        Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, n, k);
        Tensor scales = Tensor.zeros(arena, DType.F32, Math.ceilDiv(n, 128), Math.ceilDiv(k, 128));
        BlockScaled blocks = new BlockScaled(codes, scales, 128, 128);
        Fp8.quantizeBlocks(blocks, value);
        return new Pair(cpu.products().map(blocks, format), gpu.products().map(blocks, format));
    }

    @ParameterizedTest
    @CsvSource({"1, 128, 64", "5, 200, 24", "17, 33, 21", "130, 136, 40", "3, 1100, 72"})
    void ofOneWeight(int rows, int k, int n) {
        for (Format format : Format.values()) {
            Random random = new Random(k);
            Pair weight = weight(random, n, k, format);
            Tensor x = normal(random, rows, k);
            for (Accumulate mode : Accumulate.values()) {
                Tensor y = normal(random, rows, n), yGpu = onGpu(y);
                cpu.products().forward(y, x, weight.cpu, mode);
                gpu.products().forward(yGpu, onGpu(x), weight.gpu, mode);
                assertClose(format + " " + mode, yGpu, y, 1e-4);
            }
        }
    }

    /** Weights that are stored in another type than products take. */
    @Test
    void ofStoredTypes() {
        Random random = new Random(9);
        int rows = 3, k = 150, n = 21;
        Tensor x = normal(random, rows, k), bf16 = Tensor.zeros(arena, DType.BF16, n, k);
        for (int r = 0; r < n; r++) {
            for (int c = 0; c < k; c++) AbsorbedCase.put(bf16, r, c, (float) random.nextGaussian());
        }
        BlockScaled blocks = weight(random, n, k, Format.FP8).cpu.blocks();
        assertProduct(
                "bf16 in F32",
                x,
                cpu.products().map(bf16, Format.F32),
                gpu.products().map(bf16, Format.F32));
        assertProduct(
                "bf16 in BF16",
                x,
                cpu.products().map(bf16, Format.BF16),
                gpu.products().map(bf16, Format.BF16));
        assertProduct(
                "fp8 in F32",
                x,
                cpu.products().map(blocks, Format.F32),
                gpu.products().map(blocks, Format.F32));
    }

    private void assertProduct(String name, Tensor x, Weight onCpu, Weight onGpu) {
        Tensor y = cpu.reals(arena, x.rows(), onCpu.n()), yGpu = gpu.reals(arena, x.rows(), onCpu.n());
        cpu.products().forward(y, x, onCpu, Accumulate.WRITE);
        gpu.products().forward(yGpu, onGpu(x), onGpu, Accumulate.WRITE);
        assertClose(name, yGpu, y, 1e-4);
    }

    @ParameterizedTest
    @EnumSource
    void ofGroups(Format format) {
        int[] sizes = {3, 0, 130, 1, 0, 48, 7, 0};
        int k = 136, n = 40, rows = 200; // the last eleven rows belong to nobody
        Random random = new Random(8);
        Weight[] onCpu = new Weight[sizes.length], onGpu = new Weight[sizes.length];
        Tensor offsets = Tensor.zeros(arena, DType.I32, sizes.length + 1);
        for (int e = 0; e < sizes.length; e++) {
            Pair weight = weight(random, n, k, format);
            onCpu[e] = weight.cpu;
            onGpu[e] = weight.gpu;
            offsets.set(e + 1, offsets.get(e) + sizes[e]);
        }
        Tensor x = normal(random, rows, k), y = normal(random, rows, n), yGpu = onGpu(y);
        cpu.products().forward(y, x, onCpu, offsets);
        gpu.products().forward(yGpu, onGpu(x), onGpu, onGpu(offsets));
        assertClose("y", yGpu, y, 1e-4);
    }

    @Test
    void refusesWhatDoesNotFit() {
        Pair weight = weight(new Random(1), 5, 3, Format.BF16);
        Tensor x = gpu.reals(arena, 2, 3), y = gpu.reals(arena, 2, 5), host = Tensor.zeros(arena, DType.F32, 2, 3);
        assertThatThrownBy(() -> gpu.products().forward(x, x, weight.gpu, Accumulate.WRITE))
                .isInstanceOf(TensorException.class)
                .hasMessage("y is f32[2, 3]; the product needs f32[2, 5]");
        assertThatThrownBy(() -> gpu.products().forward(y, host, weight.gpu, Accumulate.WRITE))
                .isInstanceOf(TensorException.class)
                .hasMessage("f32[2, 3] lies in host memory; it has no device address");
        assertThatThrownBy(() -> gpu.products().forward(y, x, weight.cpu, Accumulate.WRITE))
                .isInstanceOf(TensorException.class)
                .hasMessage("the weight f32[5, 3] was prepared by another engine");
        assertThatThrownBy(() -> gpu.products().inputGrad(x, y, weight.gpu, Accumulate.WRITE))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("inputGrad: the resident GPU path has forward products only");
    }
}
