package io.gatun.ffm.cublaslt;

import static io.gatun.ffm.Abi.value;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CublasLtAbiTest {
    @Test
    void numbersAreThoseOfTheHeader() {
        assertThat(value("CUBLAS_STATUS_SUCCESS")).isEqualTo(CublasLtCalls.SUCCESS);
        assertThat(value("CUBLAS_STATUS_NOT_SUPPORTED")).isEqualTo(CublasLtCalls.STATUS_NOT_SUPPORTED);
        assertThat(value("CUBLAS_COMPUTE_32F")).isEqualTo(CublasLtCalls.COMPUTE_32F);
        assertThat(value("CUBLAS_OP_N")).isEqualTo(CublasLtCalls.OP_N);
        assertThat(value("CUBLAS_OP_T")).isEqualTo(CublasLtCalls.OP_T);
        assertThat(value("CUDA_R_32F")).isEqualTo(DataType.F32.code);
        assertThat(value("CUDA_R_16BF")).isEqualTo(DataType.BF16.code);
        assertThat(value("CUDA_R_8F_E4M3")).isEqualTo(DataType.E4M3.code);
        assertThat(value("CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F")).isEqualTo(ScaleMode.VEC128.code);
        assertThat(value("CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F")).isEqualTo(ScaleMode.BLOCK128.code);
    }

    @Test
    void attributesAreThoseOfTheHeader() {
        assertThat(value("CUBLASLT_MATMUL_DESC_TRANSA")).isEqualTo(CublasLtCalls.DESC_TRANSA);
        assertThat(value("CUBLASLT_MATMUL_DESC_TRANSB")).isEqualTo(CublasLtCalls.DESC_TRANSB);
        assertThat(value("CUBLASLT_MATMUL_DESC_A_SCALE_POINTER")).isEqualTo(CublasLtCalls.DESC_A_SCALE_POINTER);
        assertThat(value("CUBLASLT_MATMUL_DESC_B_SCALE_POINTER")).isEqualTo(CublasLtCalls.DESC_B_SCALE_POINTER);
        assertThat(value("CUBLASLT_MATMUL_DESC_FAST_ACCUM")).isEqualTo(CublasLtCalls.DESC_FAST_ACCUM);
        assertThat(value("CUBLASLT_MATMUL_DESC_A_SCALE_MODE")).isEqualTo(CublasLtCalls.DESC_A_SCALE_MODE);
        assertThat(value("CUBLASLT_MATMUL_DESC_B_SCALE_MODE")).isEqualTo(CublasLtCalls.DESC_B_SCALE_MODE);
        assertThat(value("CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES")).isEqualTo(CublasLtCalls.PREF_MAX_WORKSPACE_BYTES);
        assertThat(value("CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK"))
                .isEqualTo(CublasLtCalls.PREF_REDUCTION_SCHEME_MASK);
        int first = CublasLtCalls.PREF_MIN_ALIGNMENT_A_BYTES;
        assertThat(value("CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES")).isEqualTo(first);
        assertThat(value("CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES")).isEqualTo(first + 1);
        assertThat(value("CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES")).isEqualTo(first + 2);
        assertThat(value("CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES"))
                .isEqualTo(CublasLtCalls.PREF_MIN_ALIGNMENT_D_BYTES)
                .isEqualTo(first + 3);
    }

    @Test
    void sizesAreThoseOfTheHeader() {
        assertThat(value("sizeof(cublasLtMatmulDescOpaque_t)")).isEqualTo(CublasLtCalls.DESC_BYTES);
        assertThat(value("sizeof(cublasLtMatrixLayoutOpaque_t)")).isEqualTo(CublasLtCalls.LAYOUT_BYTES);
        assertThat(value("sizeof(cublasLtMatmulPreferenceOpaque_t)")).isEqualTo(CublasLtCalls.PREFERENCE_BYTES);
        assertThat(value("sizeof(cublasLtMatmulAlgo_t)")).isEqualTo(CublasLtCalls.ALGO_BYTES);
        assertThat(value("sizeof(cublasLtMatmulHeuristicResult_t)")).isEqualTo(CublasLtCalls.HEURISTIC_RESULT_BYTES);
        assertThat(value("offsetof(cublasLtMatmulHeuristicResult_t,algo)")).isZero();
        assertThat(value("offsetof(cublasLtMatmulHeuristicResult_t,state)"))
                .isEqualTo(CublasLtCalls.HEURISTIC_RESULT_STATE);
    }
}
