package io.gatun.ffm.cublaslt;

/**
 * Which elements of an FP8 operand share an FP32 scale: {@code cublasLtMatmulMatrixScale_t}. With L = ⌈k / 128⌉, scales are multiplied
 * with codes, and partial blocks have their own.
 */
public enum ScaleMode {
    /** No scales. */
    NONE(0),
    /** 128 elements along k: [L][rows], where rows are m for A and n for B. */
    VEC128(4),
    /** Blocks of 128 x 128: [⌈rows / 128⌉][L rounded up to a multiple of 4]. */
    BLOCK128(5);

    final int code;

    ScaleMode(int code) {
        this.code = code;
    }
}
