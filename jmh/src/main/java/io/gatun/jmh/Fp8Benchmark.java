package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.gatun.kernels.Fp8;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Numbers to E4M3 codes: activations with a scale for 1 x 128 of them, weights for 128 x 128. A conversion, so it may allocate. */
public class Fp8Benchmark extends CpuBenchmark {
    private static final int ROWS = 128;
    private static final int COLS = 2048;

    @Param({"1", "128"})
    public int blockRows;

    private Tensor x;
    private BlockScaled blocks;

    @Override
    void setUp() {
        x = memory.normal(ROWS, COLS);
        blocks = memory.blocks(ROWS, COLS, blockRows);
    }

    @Benchmark
    public BlockScaled quantize() {
        Fp8.quantizeBlocks(blocks, x);
        return blocks;
    }

    @Benchmark
    public BlockScaled quantizeTwin() {
        for (int row = 0; row < ROWS; row += blockRows) {
            for (int col = 0; col < COLS; col += 128) {
                float largest = 0;
                for (int r = row; r < row + blockRows; r++) {
                    for (int c = col; c < col + 128; c++) {
                        largest = Math.max(largest, Math.abs(Scalar.get(x.data(), (long) r * COLS + c)));
                    }
                }
                float scale = largest / Fp8.LARGEST;
                Scalar.set(blocks.scales().data(), (long) (row / blockRows) * (COLS / 128) + col / 128, scale);
                for (int r = row; r < row + blockRows; r++) {
                    for (int c = col; c < col + 128; c++) {
                        long at = (long) r * COLS + c;
                        blocks.codes().data().set(JAVA_BYTE, at, Fp8.encode(Scalar.get(x.data(), at) / scale));
                    }
                }
            }
        }
        return blocks;
    }
}
