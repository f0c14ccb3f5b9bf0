package io.gatun.ffm.cublaslt;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.ffm.CudaFolders;
import io.gatun.ffm.NativeLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * cuBLASLt's functions and numbers as they are in C, in the order of cublasLt.h. Descriptors are memory of the caller, made by the
 * functions that the header's inline initialisers call. Statuses other than 0 are thrown as {@link CublasException}.
 */
final class CublasLtCalls {
    static final int SUCCESS = 0;
    static final int STATUS_NOT_SUPPORTED = 15;

    static final int COMPUTE_32F = 68;
    static final int OP_N = 0;
    static final int OP_T = 1;

    static final int DESC_TRANSA = 3; // 4 bytes
    static final int DESC_TRANSB = 4; // 4 bytes
    static final int DESC_A_SCALE_POINTER = 17; // 8 bytes
    static final int DESC_B_SCALE_POINTER = 18; // 8 bytes
    static final int DESC_FAST_ACCUM = 25; // 1 byte
    static final int DESC_A_SCALE_MODE = 31; // 4 bytes
    static final int DESC_B_SCALE_MODE = 32; // 4 bytes

    static final int PREF_MAX_WORKSPACE_BYTES = 1; // 8 bytes
    static final int PREF_REDUCTION_SCHEME_MASK = 3; // 4 bytes
    static final int PREF_MIN_ALIGNMENT_A_BYTES = 5; // 4 bytes, as the three after it
    static final int PREF_MIN_ALIGNMENT_D_BYTES = 8;

    static final long DESC_BYTES = 256;
    static final long LAYOUT_BYTES = 64;
    static final long PREFERENCE_BYTES = 64;
    static final long ALGO_BYTES = 64;
    static final long HEURISTIC_RESULT_BYTES = 96;
    static final long HEURISTIC_RESULT_STATE = 72; // 4 bytes

    static final NativeLibrary LIBRARY =
            NativeLibrary.open("cuBLASLt", CudaFolders.candidates("libcublasLt.so.13", "libcublasLt.so.12"));

    private static final MethodHandle CREATE = LIBRARY.status("cublasLtCreate", ADDRESS);
    private static final MethodHandle DESTROY = LIBRARY.status("cublasLtDestroy", JAVA_LONG);
    private static final MethodHandle MATMUL = LIBRARY.status(
            "cublasLtMatmul",
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG);
    private static final MethodHandle MATRIX_LAYOUT_INIT = LIBRARY.status(
            "cublasLtMatrixLayoutInit_internal", ADDRESS, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle MATMUL_DESC_INIT =
            LIBRARY.status("cublasLtMatmulDescInit_internal", ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT);
    private static final MethodHandle MATMUL_DESC_SET_ATTRIBUTE =
            LIBRARY.status("cublasLtMatmulDescSetAttribute", ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle MATMUL_PREFERENCE_INIT =
            LIBRARY.status("cublasLtMatmulPreferenceInit_internal", ADDRESS, JAVA_LONG);
    private static final MethodHandle MATMUL_PREFERENCE_SET_ATTRIBUTE =
            LIBRARY.status("cublasLtMatmulPreferenceSetAttribute", ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle MATMUL_ALGO_GET_HEURISTIC = LIBRARY.status(
            "cublasLtMatmulAlgoGetHeuristic",
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            JAVA_INT,
            ADDRESS,
            ADDRESS);
    private static final MethodHandle GET_VERSION =
            LIBRARY.handle("cublasLtGetVersion", FunctionDescriptor.of(JAVA_LONG));
    private static final MethodHandle GET_STATUS_NAME =
            LIBRARY.handle("cublasLtGetStatusName", FunctionDescriptor.of(ADDRESS, JAVA_INT));

    private CublasLtCalls() {}

    /** {@code cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)} */
    static void cublasLtCreate(MemorySegment handle) {
        try {
            check("cublasLtCreate", (int) CREATE.invokeExact(handle));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)} */
    static void cublasLtDestroy(long handle) {
        try {
            check("cublasLtDestroy", (int) DESTROY.invokeExact(handle));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void
     * *a, cublasLtMatrixLayout_t aLayout, const void *b, cublasLtMatrixLayout_t bLayout, const void *beta, const void *c,
     * cublasLtMatrixLayout_t cLayout, void *d, cublasLtMatrixLayout_t dLayout, const cublasLtMatmulAlgo_t *algo, void
     * *workspace, size_t bytes, cudaStream_t stream)}
     */
    static void cublasLtMatmul(
            long handle,
            MemorySegment desc,
            MemorySegment alpha,
            long a,
            MemorySegment aLayout,
            long b,
            MemorySegment bLayout,
            MemorySegment beta,
            long c,
            MemorySegment cLayout,
            long d,
            MemorySegment dLayout,
            MemorySegment algo,
            long workspace,
            long bytes,
            long stream) {
        try {
            check("cublasLtMatmul", (int) MATMUL.invokeExact(
                    handle, desc, alpha, a, aLayout, b, bLayout, beta, c, cLayout, d, dLayout, algo, workspace, bytes,
                    stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, size_t size, cudaDataType type,
     * uint64_t rows, uint64_t cols, int64_t ld)}
     */
    static void cublasLtMatrixLayoutInit(MemorySegment layout, long size, int type, long rows, long cols, long ld) {
        try {
            check("cublasLtMatrixLayoutInit_internal", (int)
                    MATRIX_LAYOUT_INIT.invokeExact(layout, size, type, rows, cols, ld));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t desc, size_t size, cublasComputeType_t
     * computeType, cudaDataType_t scaleType)}
     */
    static void cublasLtMatmulDescInit(MemorySegment desc, long size, int computeType, int scaleType) {
        try {
            check("cublasLtMatmulDescInit_internal", (int)
                    MATMUL_DESC_INIT.invokeExact(desc, size, computeType, scaleType));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t
     * attribute, const void *value, size_t bytes)}
     */
    static void cublasLtMatmulDescSetAttribute(MemorySegment desc, int attribute, MemorySegment value, long bytes) {
        try {
            check("cublasLtMatmulDescSetAttribute", (int)
                    MATMUL_DESC_SET_ATTRIBUTE.invokeExact(desc, attribute, value, bytes));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t preference, size_t size)} */
    static void cublasLtMatmulPreferenceInit(MemorySegment preference, long size) {
        try {
            check("cublasLtMatmulPreferenceInit_internal", (int) MATMUL_PREFERENCE_INIT.invokeExact(preference, size));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
     * cublasLtMatmulPreferenceAttributes_t attribute, const void *value, size_t bytes)}
     */
    static void cublasLtMatmulPreferenceSetAttribute(
            MemorySegment preference, int attribute, MemorySegment value, long bytes) {
        try {
            check("cublasLtMatmulPreferenceSetAttribute", (int)
                    MATMUL_PREFERENCE_SET_ATTRIBUTE.invokeExact(preference, attribute, value, bytes));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
     * cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
     * cublasLtMatmulPreference_t preference, int requested, cublasLtMatmulHeuristicResult_t *results, int *returned)}
     */
    static void cublasLtMatmulAlgoGetHeuristic(
            long handle,
            MemorySegment desc,
            MemorySegment a,
            MemorySegment b,
            MemorySegment c,
            MemorySegment d,
            MemorySegment preference,
            int requested,
            MemorySegment results,
            MemorySegment returned) {
        try {
            check("cublasLtMatmulAlgoGetHeuristic", (int) MATMUL_ALGO_GET_HEURISTIC.invokeExact(
                    handle, desc, a, b, c, d, preference, requested, results, returned));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code size_t cublasLtGetVersion(void)} */
    static long cublasLtGetVersion() {
        try {
            return (long) GET_VERSION.invokeExact();
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code const char *cublasLtGetStatusName(cublasStatus_t status)} */
    static String cublasLtGetStatusName(int status) {
        try {
            return NativeLibrary.text((MemorySegment) GET_STATUS_NAME.invokeExact(status));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    private static void check(String call, int status) {
        if (status != SUCCESS) throw new CublasException(call, status);
    }
}
