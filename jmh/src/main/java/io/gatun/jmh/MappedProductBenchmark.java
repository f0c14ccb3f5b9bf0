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
 * Products with weights where they lie, as decoding does them. Weights of many mebibytes together take turns, so that they come from
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

    @Param({"F32", "BF16", "FP8", "W8A8"})
    public Stored stored;

    @Param({"1", "8"})
    public int rows;

    /** n x k. */
    @Param("2048x2048")
    public String shape;

    /** Of all weights together. */
    @Param("128")
    public int mebibytes;

    private int n, k;
    private Weight[] weights;
    private int turn;
    private Tensor x; // [rows, k]
    private Tensor y; // [rows, n]

    @Override
    void setUp() {
        String[] sizes = shape.split("x");
        n = Integer.parseInt(sizes[0]);
        k = Integer.parseInt(sizes[1]);
        Tensor values = stored == Stored.F32 ? memory.normal(n, k) : stored == Stored.BF16 ? memory.bf16(n, k) : null;
        BlockScaled blocks = values == null ? memory.fp8(n, k) : null;
        Tensor numbers = values == null ? blocks.codes() : values;
        weights = new Weight
                [Math.toIntExact(((long) mebibytes << 20) / numbers.data().byteSize())];
        for (int i = 0; i < weights.length; i++) {
            Tensor copy = memory.copy(numbers);
            weights[i] = values == null
                    ? ops.products()
                            .map(
                                    new BlockScaled(copy, blocks.scales(), 128, 128),
                                    stored == Stored.W8A8 ? Format.FP8 : Format.F32)
                    : ops.products().map(copy, stored == Stored.F32 ? Format.F32 : Format.BF16);
        }
        x = memory.normal(rows, k);
        y = memory.zeros(rows, n);
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
            for (int j = 0; j < n; j++) {
                float sum = switch (stored) {
                    case F32 ->
                        Scalar.dot(x.data(), (long) r * k, weight.value().data(), (long) j * k, k);
                    case BF16 -> bf16(r, j, weight.value().data());
                    case FP8, W8A8 -> fp8(r, j, weight.blocks());
                };
                Scalar.set(y.data(), (long) r * n + j, sum);
            }
        }
        return y;
    }

    private float bf16(int r, int j, MemorySegment w) {
        float sum = 0;
        for (int i = 0; i < k; i++) {
            sum += Scalar.get(x.data(), (long) r * k + i) * Bf16.decode(w.getAtIndex(JAVA_SHORT, (long) j * k + i));
        }
        return sum;
    }

    private float fp8(int r, int j, BlockScaled w) {
        MemorySegment codes = w.codes().data();
        float sum = 0;
        for (int block = 0; block < k / 128; block++) {
            float part = 0;
            for (int i = 128 * block; i < 128 * block + 128; i++) {
                part += Scalar.get(x.data(), (long) r * k + i) * Fp8.decode(codes.get(JAVA_BYTE, (long) j * k + i));
            }
            sum += part * Scalar.get(w.scales().data(), (long) (j / 128) * (k / 128) + block);
        }
        return sum;
    }

    @Benchmark
    public long forwardRoof() {
        MemorySegment numbers = next().value().data();
        return Roofs.read(numbers, 0, (int) (numbers.byteSize() / Roofs.PIECE));
    }
}
