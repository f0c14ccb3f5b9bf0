package io.gatun.model.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.Tensor;

/** Numbers to FP8 codes with a scale a block, as the released code makes them (SPEC 5.2). */
final class BlockQuantiser {
    private static final float LARGEST = 448;
    private static final float FLOOR = 1e-4f; // of a block's largest number: keeps scales away from zero

    private BlockQuantiser() {}

    /**
     * Writes {@code scale = max(largest, 1e-4) / 448} of each block and the codes nearest to {@code x (1 / scale)}.
     *
     * @param from f32, bf16 or f64 of the codes' shape
     */
    static void quantise(BlockScaled to, Tensor from) {
        int rows = to.rows(), cols = to.cols();
        for (int r = 0; r < rows; r += to.blockRows()) {
            for (int c = 0; c < cols; c += to.blockCols()) {
                block(to, from, r, Math.min(rows, r + to.blockRows()), c, Math.min(cols, c + to.blockCols()));
            }
        }
    }

    private static void block(BlockScaled to, Tensor from, int row, int rowEnd, int col, int colEnd) {
        float largest = FLOOR;
        for (int r = row; r < rowEnd; r++) {
            for (int c = col; c < colEnd; c++) largest = Math.max(largest, Math.abs((float) from.get(r, c)));
        }
        float scale = largest / LARGEST;
        float inverse = 1 / scale;
        to.scales().set(row / to.blockRows(), col / to.blockCols(), scale);
        for (int r = row; r < rowEnd; r++) {
            long at = r * to.codes().rowStride();
            for (int c = col; c < colEnd; c++) {
                to.codes().data().set(JAVA_BYTE, at + c, encode((float) from.get(r, c) * inverse));
            }
        }
    }

    /** The E4M3 code nearest to {@code x}, of two equally near the even one; 448 for all above. */
    static byte encode(float x) {
        float size = Math.abs(x);
        int code;
        if (size != size) {
            code = 0x7F;
        } else if (size >= LARGEST) {
            code = 0x7E;
        } else {
            int exponent = Math.max(Math.getExponent(size), -6); // below 2⁻⁶ steps are 2⁻⁹ all the way to zero
            int mantissa = (int) Math.rint(Math.scalb(size, 3 - exponent)); // 8 to 16, or less below 2⁻⁶
            code = (exponent + 6 << 3) + mantissa;
        }
        return (byte) (Float.floatToRawIntBits(x) < 0 ? code | 0x80 : code);
    }
}
