package io.gatun.model.engine;

import io.gatun.ffm.cublaslt.DataType;
import io.gatun.ffm.cublaslt.MatmulPlan;
import io.gatun.ffm.cublaslt.ScaleMode;

/**
 * The products of a linear layer in cuBLASLt's column-major words, where a row-major matrix is its own transpose: the weight or x is A,
 * the rows that go in are B, what comes out is D, in FP32. All matrices are contiguous.
 */
enum Kind {
    /** Y = X Wᵀ in FP32: m outputs, n tokens, k inputs. */
    F32_FORWARD,
    /** Y = X Wᵀ: m outputs, n tokens, k inputs. */
    BF16_FORWARD,
    /** dX = dY W: m inputs, n tokens, k outputs. */
    BF16_INPUT_GRAD,
    /** dW += dYᵀ X: m inputs, n outputs, k tokens. */
    BF16_WEIGHT_GRAD,
    /** Y = X Wᵀ, and dX = dY W with Wᵀ as the weight: both operands contiguous along k. */
    FP8,
    /** dW += dYᵀ X with Xᵀ and dYᵀ, both quantised along tokens. */
    FP8_WEIGHT_GRAD;

    MatmulPlan.Product product(long m, long n, long k) {
        return switch (this) {
            case F32_FORWARD -> plain(m, n, k, DataType.F32, true, false, false);
            case BF16_FORWARD -> plain(m, n, k, DataType.BF16, true, false, false);
            case BF16_INPUT_GRAD -> plain(m, n, k, DataType.BF16, false, false, false);
            case BF16_WEIGHT_GRAD -> plain(m, n, k, DataType.BF16, false, true, true);
            case FP8 -> fp8(m, n, k, ScaleMode.BLOCK128, false);
            case FP8_WEIGHT_GRAD -> fp8(m, n, k, ScaleMode.VEC128, true);
        };
    }

    private static MatmulPlan.Product plain(
            long m, long n, long k, DataType type, boolean transA, boolean transB, boolean accumulate) {
        return new MatmulPlan.Product(
                m,
                n,
                k,
                type,
                DataType.F32,
                transA,
                transB,
                transA ? k : m,
                transB ? n : k,
                m,
                ScaleMode.NONE,
                ScaleMode.NONE,
                accumulate);
    }

    private static MatmulPlan.Product fp8(long m, long n, long k, ScaleMode aScale, boolean accumulate) {
        return new MatmulPlan.Product(
                m, n, k, DataType.E4M3, DataType.F32, true, false, k, k, m, aScale, ScaleMode.VEC128, accumulate);
    }
}
