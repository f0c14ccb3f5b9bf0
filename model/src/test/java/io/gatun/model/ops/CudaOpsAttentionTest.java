package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.kernels.Format;
import io.gatun.kernels.Weight;
import io.gatun.model.ops.Attention.Rotation;
import io.gatun.model.ops.Attention.Shape;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Attention of the GPU against that of the CPU. */
class CudaOpsAttentionTest extends CudaOpsFixture {
    @Test
    void rotations() {
        Random random = new Random(1);
        int rows = 7, heads = 3, headDim = 11, pairs = 4;
        Tensor cos = normal(random, 9, pairs), sin = normal(random, 9, pairs);
        Tensor positions = Tensor.zeros(arena, DType.I32, rows);
        for (int r = 0; r < rows; r++) positions.set(r, random.nextInt(9));
        for (Rotation rotation : Rotation.values()) {
            Tensor x = normal(random, rows, heads * headDim), xGpu = onGpu(x);
            cpu.attention().rope(x, heads, cos, sin, positions, rotation);
            gpu.attention().rope(xGpu, heads, onGpu(cos), onGpu(sin), onGpu(positions), rotation);
            assertClose("x", xGpu, x, 1e-6);
            cpu.attention().rope(x, heads, cos, sin, 2, 4, rotation);
            gpu.attention().rope(xGpu, heads, onGpu(cos), onGpu(sin), 2, 4, rotation);
            assertClose("x again", xGpu, x, 2e-6);
        }
    }

    @ParameterizedTest
    @CsvSource({
        // sequences, sequence, heads, nope, rope, value
        "1, 1, 1, 1, 2, 1",
        "2, 33, 3, 7, 4, 9",
        "1, 70, 2, 128, 64, 128"
    })
    void wholeSequencesAndChunks(int sequences, int sequence, int heads, int nope, int rope, int value) {
        Shape shape = new Shape(heads, nope, rope, value, sequence, (float) (1 / Math.sqrt(nope + rope)));
        AttentionCase x = new AttentionCase(DType.F32, shape, sequences, 7);
        Tensor o = onGpu(x.o), logSumExp = onGpu(x.logSumExp);
        Tensor q = onGpu(x.q), kv = onGpu(x.kv), kRope = onGpu(x.kRope);
        x.forward(cpu.attention());
        gpu.attention().check(shape, 512);
        gpu.attention().causal(o, logSumExp, q, kv, kRope, shape);
        assertClose("o", o, x.o, 5e-6);
        assertClose("logSumExp", logSumExp, x.logSumExp, 5e-6);

        int start = sequence / 3; // the first sequence's last rows
        Tensor chunk = gpu.reals(arena, sequence - start, o.cols());
        gpu.attention()
                .causal(chunk, q.slice(start, sequence), kv.slice(0, sequence), kRope.slice(0, sequence), start, shape);
        assertClose("chunk", chunk, onHost(o).slice(start, sequence), 0);
    }

    @ParameterizedTest
    @CsvSource({"F32, F32", "BF16, BF16", "BF16, F8_E4M3"})
    void absorbed(DType cache, DType weight) {
        int[] positions = {0, 31, 32, 75, -4, 5, 6, 7, 63, 300}; // two blocks of the weights' kernels, two splits
        Shape shape = new Shape(3, 12, 6, 9, 1, 0.3f);
        int latentDim = weight == DType.F8_E4M3 ? 200 : 45;
        AbsorbedCase x = new AbsorbedCase(DType.F32, cache, weight, shape, latentDim, 32, positions);
        Tensor o = onGpu(x.o);
        x.run(cpu.attention());
        LatentPages[] sequences = Stream.of(x.caches).map(this::onGpu).toArray(LatentPages[]::new);
        gpu.attention().check(shape, latentDim);
        gpu.attention().absorbed(o, onGpu(x.q), onGpu(x.kvB), sequences, onGpu(x.positions), shape);
        assertClose("o", o, x.o, 1e-5);
    }

    private AbsorbedCase.Pages onGpu(AbsorbedCase.Pages pages) {
        return new AbsorbedCase.Pages(
                pages.pageSize(), Stream.of(pages.tensors()).map(this::onGpu).toArray(Tensor[]::new));
    }

    private static Weight onGpu(Weight host) {
        if (host.blocks() != null) return gpu.products().map(host.blocks(), Format.FP8);
        return gpu.products().map(host.value(), host.value().dtype() == DType.F32 ? Format.F32 : Format.BF16);
    }

    @ParameterizedTest
    @CsvSource({"F32", "BF16"})
    void appendsAndReads(DType type) {
        Random random = new Random(2);
        int rows = 5, latentDim = 30, ropeDim = 4, width = latentDim + ropeDim;
        Tensor cKv = normal(random, rows, latentDim), kRope = normal(random, rows, ropeDim);
        Tensor positions = Tensor.zeros(arena, DType.I32, rows);
        LatentPages[] expected = new LatentPages[rows], sequences = new LatentPages[rows];
        for (int r = 0; r < rows; r++) {
            positions.set(r, 20 * r);
            expected[r] = pages(cpu, type, width, r / 2 + 2);
            sequences[r] = pages(gpu, type, width, r / 2 + 2);
        }
        cpu.attention().append(expected, positions, cKv, kRope);
        gpu.attention().append(sequences, onGpu(positions), onGpu(cKv), onGpu(kRope));
        for (int r = 0; r < rows; r++) {
            int count = 20 * r + 1;
            Tensor latent = normal(random, count, latentDim), rope = normal(random, count, ropeDim);
            Tensor latentGpu = onGpu(latent), ropeGpu = onGpu(rope);
            cpu.attention().cached(latent, rope, expected[r]);
            gpu.attention().cached(latentGpu, ropeGpu, sequences[r]);
            assertClose("latent", latentGpu, latent, 0);
            assertClose("rope", ropeGpu, rope, 0);
        }
    }

    private AbsorbedCase.Pages pages(Ops ops, DType type, int width, int count) {
        Tensor[] pages = new Tensor[count];
        for (int i = 0; i < count; i++) pages[i] = ops.zeros(arena, type, 64, width);
        return new AbsorbedCase.Pages(64, pages);
    }

    @Test
    void refusesShapesBeyondTheKernels() {
        assertThatThrownBy(() -> gpu.attention().check(new Shape(2, 8, 8, 129, 1, 1), 8))
                .isInstanceOf(TensorException.class)
                .hasMessage("heads of 129 values: attention on the GPU holds at most 128");
        assertThatThrownBy(() -> gpu.attention().check(new Shape(2, 8, 8, 8, 1, 1), 513))
                .isInstanceOf(TensorException.class)
                .hasMessage("a latent of 513: attention on the GPU holds at most 512");
        assertThatThrownBy(() -> gpu.attention().check(new Shape(2, 800, 8, 8, 1, 1), 512))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("bytes of shared memory; the GPU has");
        Tensor pages = Tensor.zeros(arena, DType.F32, 64, 6), row = gpu.reals(arena, 1, 3);
        assertThatThrownBy(() -> gpu.attention().cached(row, row, new AbsorbedCase.Pages(64, pages)))
                .isInstanceOf(TensorException.class)
                .hasMessage("f32[64, 6] lies in host memory; it has no device address");
    }
}
