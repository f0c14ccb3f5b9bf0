package io.gatun.kernels;

/** The number format that a product rounds its two operands to; sums are FP32 in every format (SPEC 5.1). */
public enum Format {
    /** Operands as they are. */
    F32,
    /** Operands rounded to BF16, to nearest, ties to even. */
    BF16,
    /** Operands quantised to E4M3 with 1x128 (activations) and 128x128 (weights) scales. */
    FP8
}
