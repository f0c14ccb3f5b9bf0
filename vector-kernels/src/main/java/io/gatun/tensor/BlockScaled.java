package io.gatun.tensor;

/**
 * A matrix of FP8 codes with one FP32 scale a block: element (i, j) is {@code codes[i, j] · scales[i / blockRows, j / blockCols]}
 * (SPEC 5.2). Blocks at the right and lower edge may be partial.
 *
 * @param codes f8_e4m3 [rows, cols]
 * @param scales f32 [ceil(rows / blockRows), ceil(cols / blockCols)]
 * @param blockRows rows of a block: 128 for weights, 1 for activations
 * @param blockCols columns of a block
 */
public record BlockScaled(Tensor codes, Tensor scales, int blockRows, int blockCols) {
    /**
     * Checks that the scales fit the codes.
     *
     * @throws TensorException when they do not
     */
    public BlockScaled {
        if (blockRows < 1 || blockCols < 1) {
            throw new TensorException("blocks of %d x %d: both are at least 1".formatted(blockRows, blockCols));
        }
        if (codes.dtype() != DType.F8_E4M3 || codes.rank() != 2) {
            throw new TensorException("codes are f8_e4m3[rows, cols], not " + codes);
        }
        int rows = Math.ceilDiv(codes.rows(), blockRows), cols = Math.ceilDiv(codes.cols(), blockCols);
        if (scales.dtype() != DType.F32 || scales.rows() != rows || scales.cols() != cols) {
            throw new TensorException("scales are %s; blocks of %d x %d of %s ask for f32[%d, %d]"
                    .formatted(scales, blockRows, blockCols, codes, rows, cols));
        }
    }

    public int rows() {
        return codes.rows();
    }

    public int cols() {
        return codes.cols();
    }
}
