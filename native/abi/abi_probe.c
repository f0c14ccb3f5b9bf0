// Prints sizes, offsets and values of the C headers that the bindings repeat, one "name value" a line, in the order of the headers.
//   gcc -std=gnu11 -I<cublas, nvrtc and nccl headers> -I/usr/local/cuda/include abi_probe.c -o abi_probe && ./abi_probe
// Made by reading cuda.h 13.0, nvrtc.h 13.0, cublasLt.h 13.1.1 and nccl.h 2.30.7.
#include <cublasLt.h>
#include <cuda.h>
#include <nccl.h>
#include <nvrtc.h>
#include <stddef.h>
#include <stdio.h>

#define VALUE(x) printf("%s %ld\n", #x, (long)(x))
#define SIZE(type) printf("sizeof(%s) %zu\n", #type, sizeof(type))
#define OFFSET(type, field) printf("offsetof(%s,%s) %zu\n", #type, #field, offsetof(type, field))

int main(void) {
    SIZE(CUdevice);
    SIZE(CUdeviceptr);
    SIZE(CUstream);
    VALUE(CUDA_SUCCESS);
    VALUE(CUDA_ERROR_INVALID_VALUE);
    VALUE(CUDA_ERROR_NOT_READY);
    VALUE(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    VALUE(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
    VALUE(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    VALUE(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    VALUE(CU_MEMHOSTALLOC_PORTABLE);
    VALUE(CU_STREAM_NON_BLOCKING);
    VALUE(CU_EVENT_DEFAULT);
    VALUE(CU_EVENT_DISABLE_TIMING);
    VALUE(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
    VALUE(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);

    SIZE(nvrtcProgram);
    VALUE(NVRTC_SUCCESS);

    VALUE(CUBLAS_STATUS_SUCCESS);
    VALUE(CUBLAS_STATUS_NOT_SUPPORTED);
    VALUE(CUBLAS_COMPUTE_32F);
    VALUE(CUBLAS_OP_N);
    VALUE(CUBLAS_OP_T);
    VALUE(CUDA_R_32F);
    VALUE(CUDA_R_16BF);
    VALUE(CUDA_R_8F_E4M3);
    VALUE(CUBLASLT_MATMUL_DESC_TRANSA);
    VALUE(CUBLASLT_MATMUL_DESC_TRANSB);
    VALUE(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER);
    VALUE(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER);
    VALUE(CUBLASLT_MATMUL_DESC_FAST_ACCUM);
    VALUE(CUBLASLT_MATMUL_DESC_A_SCALE_MODE);
    VALUE(CUBLASLT_MATMUL_DESC_B_SCALE_MODE);
    VALUE(CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F);
    VALUE(CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F);
    VALUE(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
    VALUE(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
    VALUE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
    VALUE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
    VALUE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
    VALUE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
    SIZE(cublasLtMatmulDescOpaque_t);
    SIZE(cublasLtMatrixLayoutOpaque_t);
    SIZE(cublasLtMatmulPreferenceOpaque_t);
    SIZE(cublasLtMatmulAlgo_t);
    SIZE(cublasLtMatmulHeuristicResult_t);
    OFFSET(cublasLtMatmulHeuristicResult_t, algo);
    OFFSET(cublasLtMatmulHeuristicResult_t, workspaceSize);
    OFFSET(cublasLtMatmulHeuristicResult_t, state);

    VALUE(ncclSuccess);
    SIZE(ncclUniqueId);
    VALUE(ncclUint8);
    VALUE(ncclInt32);
    VALUE(ncclFloat32);
    VALUE(ncclBfloat16);
    VALUE(ncclSum);
    VALUE(ncclMax);
    return 0;
}
