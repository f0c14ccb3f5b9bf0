package io.gatun.model.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.gatun.kernels.Bf16;
import io.gatun.kernels.Format;
import io.gatun.kernels.Fp8;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;

/** Operands as a format has them, element by element, and their products in double. */
final class DoubleProducts {
    private DoubleProducts() {}

    /** An f32 matrix in BF16, or in E4M3 times scales of 128 numbers along its rows. */
    static double[][] rows(Tensor x, int from, int to, Format format, boolean isGradient) {
        double[][] values = new double[to - from][x.cols()];
        for (int r = from; r < to; r++) {
            for (int c = 0; c < x.cols(); c++) values[r - from][c] = x.get(r, c);
            if (format == Format.FP8) {
                quantize(values[r - from], isGradient);
            } else {
                round(values[r - from]);
            }
        }
        return values;
    }

    /** The transpose of those rows, quantised along tokens. */
    static double[][] columns(Tensor x, int from, int to, Format format, boolean isGradient) {
        double[][] values = new double[x.cols()][to - from];
        for (int c = 0; c < x.cols(); c++) {
            for (int r = from; r < to; r++) values[c][r - from] = x.get(r, c);
            if (format == Format.FP8) {
                quantize(values[c], isGradient);
            } else {
                round(values[c]);
            }
        }
        return values;
    }

    private static void round(double[] values) {
        for (int i = 0; i < values.length; i++) values[i] = Bf16.decode(Bf16.encode((float) values[i]));
    }

    private static void quantize(double[] values, boolean isGradient) {
        for (int from = 0; from < values.length; from += 128) {
            int end = Math.min(from + 128, values.length);
            float largest = isGradient ? 0 : 1e-4f;
            for (int i = from; i < end; i++) largest = Math.max(largest, (float) Math.abs(values[i]));
            float scale = largest / 448;
            if (scale < Float.MIN_NORMAL) scale = 1;
            for (int i = from; i < end; i++) {
                values[i] = (double) Fp8.decode(Fp8.encode((float) values[i] / scale)) * scale;
            }
        }
    }

    /** A weight's values in BF16. */
    static double[][] weight(Tensor value) {
        return rows(value, 0, value.rows(), Format.BF16, false);
    }

    /** Codes times scales, exact, or rounded to BF16. */
    static double[][] weight(BlockScaled value, Format format) {
        double[][] values = new double[value.rows()][value.cols()];
        for (int r = 0; r < value.rows(); r++) {
            for (int c = 0; c < value.cols(); c++) {
                byte code =
                        value.codes().data().get(JAVA_BYTE, r * value.codes().rowStride() + c);
                double scale = value.scales().get(r / value.blockRows(), c / value.blockCols());
                values[r][c] = Fp8.decode(code) * scale;
            }
            if (format == Format.BF16) round(values[r]);
        }
        return values;
    }

    /** An f32 weight as codes and scales of 128 x 128. */
    static BlockScaled quantized(Arena arena, Tensor value) {
        Tensor codes = Tensor.zeros(arena, DType.F8_E4M3, value.rows(), value.cols());
        Tensor scales =
                Tensor.zeros(arena, DType.F32, Math.ceilDiv(value.rows(), 128), Math.ceilDiv(value.cols(), 128));
        BlockScaled blocks = new BlockScaled(codes, scales, 128, 128);
        Fp8.quantizeBlocks(blocks, value);
        return blocks;
    }

    /** {@code a bᵀ}. */
    static double[][] product(double[][] a, double[][] b) {
        double[][] product = new double[a.length][b.length];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < b.length; j++) {
                for (int k = 0; k < a[i].length; k++) product[i][j] += a[i][k] * b[j][k];
            }
        }
        return product;
    }

    static double[][] transposed(double[][] a) {
        double[][] turned = new double[a[0].length][a.length];
        for (int i = 0; i < a.length; i++) for (int j = 0; j < a[i].length; j++) turned[j][i] = a[i][j];
        return turned;
    }
}
