package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Bf16;
import io.gatun.kernels.Format;
import io.gatun.kernels.Fp8;
import io.gatun.kernels.Roofs;
import io.gatun.kernels.Weight;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/**
 * Products with weights where they lie, as decoding does them. Weights of 128 MiB together take turns, so that they come from
 * memory and not from a cache; GB/s = bytes of the weight / (1000 · time).
 */
public class MappedProductBenchmark extends CpuBenchmark {
    /** What a weight's numbers are; FP8 keeps activations as they are, W8A8 quantises them too. */
    public enum Stored {
        F32,
        BF16,
        FP8,
        W8A8
    }

    private static final int N = 2048;
    private static final int K = 2048;
    private static final long BYTES = 128L << 20;

    @Param({"F32", "BF16", "FP8", "W8A8"})
    public Stored stored;

    @Param({"1", "8"})
    public int rows;

    private Weight[] weights;
    private int turn;
    private Tensor x; // [rows, K]
    private Tensor y; // [rows, N]

    @Override
    void setUp() {
        Tensor values = stored == Stored.F32 ? memory.normal(N, K) : stored == Stored.BF16 ? memory.bf16(N, K) : null;
        BlockScaled blocks = values == null ? memory.fp8(N, K) : null;
        Tensor numbers = values == null ? blocks.codes() : values;
        weights = new Weight[Math.toIntExact(BYTES / numbers.data().byteSize())];
        for (int i = 0; i < weights.length; i++) {
            Tensor copy = memory.copy(numbers);
            weights[i] = values == null
                    ? ops.products()
                            .map(
                                    new BlockScaled(copy, blocks.scales(), 128, 128),
                                    stored == Stored.W8A8 ? Format.FP8 : Format.F32)
                    : ops.products().map(copy, stored == Stored.F32 ? Format.F32 : Format.BF16);
        }
        x = memory.normal(rows, K);
        y = memory.zeros(rows, N);
    }

    private Weight next() {
        turn = turn + 1 == weights.length ? 0 : turn + 1;
        return weights[turn];
    }

    @Benchmark
    public Tensor forward() {
        ops.products().forward(y, x, next(), Accumulate.WRITE);
        return y;
    }

    @Benchmark
    public Tensor forwardTwin() {
        Weight weight = next();
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < N; j++) {
                float sum = switch (stored) {
                    case F32 ->
                        Scalar.dot(x.data(), (long) r * K, weight.value().data(), (long) j * K, K);
                    case BF16 -> bf16(r, j, weight.value().data());
                    case FP8, W8A8 -> fp8(r, j, weight.blocks());
                };
                Scalar.set(y.data(), (long) r * N + j, sum);
            }
        }
        return y;
    }

    private float bf16(int r, int j, MemorySegment w) {
        float sum = 0;
        for (int i = 0; i < K; i++) {
            sum += Scalar.get(x.data(), (long) r * K + i) * Bf16.decode(w.getAtIndex(JAVA_SHORT, (long) j * K + i));
        }
        return sum;
    }

    private float fp8(int r, int j, BlockScaled w) {
        MemorySegment codes = w.codes().data();
        float sum = 0;
        for (int block = 0; block < K / 128; block++) {
            float part = 0;
            for (int i = 128 * block; i < 128 * block + 128; i++) {
                part += Scalar.get(x.data(), (long) r * K + i) * Fp8.decode(codes.get(JAVA_BYTE, (long) j * K + i));
            }
            sum += part * Scalar.get(w.scales().data(), (long) (j / 128) * (K / 128) + block);
        }
        return sum;
    }

    @Benchmark
    public long forwardRoof() {
        MemorySegment numbers = next().value().data();
        return Roofs.read(numbers, 0, (int) (numbers.byteSize() / Roofs.PIECE));
    }
}
