package io.gatun.ffm.cublaslt;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * One product of cuBLASLt, ready to run: descriptors and the chosen algorithm. Plans of a thread are its own. Making one asks the
 * library for an algorithm, some tens of microseconds, and has to happen outside a capture; running allocates nothing.
 */
public final class MatmulPlan {
    /** Bytes of GPU memory that a run may use, at a multiple of 256: what the library asks for on Hopper. */
    public static final long WORKSPACE_BYTES = 32L << 20;

    private static final int ALIGNMENT = 16; // of all matrices, in bytes: the least that FP8 takes

    /**
     * {@code D = op(A) op(B)}, or {@code D += op(A) op(B)}, in the library's column-major words: op(A) [m, k], op(B) [k, n], D [m, n],
     * sums in FP32. FP8 runs with {@code transA} and without {@code transB} only.
     *
     * @param type of A and B
     * @param lda distance of the columns of A as it is stored; ldb and ldd likewise
     * @param accumulate whether the product is added to D
     */
    public record Product(
            long m,
            long n,
            long k,
            DataType type,
            DataType dType,
            boolean transA,
            boolean transB,
            long lda,
            long ldb,
            long ldd,
            ScaleMode aScale,
            ScaleMode bScale,
            boolean accumulate) {}

    private final Product product;
    private final CublasLt library;
    private final MemorySegment desc;
    private final MemorySegment a;
    private final MemorySegment b;
    private final MemorySegment d;
    private final MemorySegment algo;
    private final MemorySegment alpha;
    private final MemorySegment beta;
    private final MemorySegment pointer;

    /**
     * Plans {@code product}.
     *
     * @throws CublasException when the library has no algorithm for it
     */
    public MatmulPlan(CublasLt library, Product product) {
        this.library = library;
        this.product = product;
        Arena arena = Arena.ofAuto();
        desc = arena.allocate(CublasLtCalls.DESC_BYTES, 8);
        pointer = arena.allocate(JAVA_LONG);
        alpha = arena.allocateFrom(JAVA_FLOAT, 1);
        beta = arena.allocateFrom(JAVA_FLOAT, product.accumulate() ? 1 : 0);
        a = layout(
                arena,
                product.type(),
                product.transA() ? product.k() : product.m(),
                product.transA() ? product.m() : product.k(),
                product.lda());
        b = layout(
                arena,
                product.type(),
                product.transB() ? product.n() : product.k(),
                product.transB() ? product.k() : product.n(),
                product.ldb());
        d = layout(arena, product.dType(), product.m(), product.n(), product.ldd());
        algo = arena.allocate(CublasLtCalls.ALGO_BYTES, 8);
        try (Arena scratch = Arena.ofConfined()) {
            describe(scratch);
            choose(scratch);
        } catch (CublasException e) {
            throw new CublasException(product, e);
        }
    }

    private static MemorySegment layout(Arena arena, DataType type, long rows, long cols, long ld) {
        MemorySegment layout = arena.allocate(CublasLtCalls.LAYOUT_BYTES, 8);
        CublasLtCalls.cublasLtMatrixLayoutInit(layout, layout.byteSize(), type.code, rows, cols, ld);
        return layout;
    }

    private void describe(SegmentAllocator scratch) {
        int f32 = DataType.F32.code;
        CublasLtCalls.cublasLtMatmulDescInit(desc, desc.byteSize(), CublasLtCalls.COMPUTE_32F, f32);
        set(scratch, CublasLtCalls.DESC_TRANSA, product.transA() ? CublasLtCalls.OP_T : CublasLtCalls.OP_N);
        set(scratch, CublasLtCalls.DESC_TRANSB, product.transB() ? CublasLtCalls.OP_T : CublasLtCalls.OP_N);
        if (product.aScale() == ScaleMode.NONE) return;
        set(scratch, CublasLtCalls.DESC_A_SCALE_MODE, product.aScale().code);
        set(scratch, CublasLtCalls.DESC_B_SCALE_MODE, product.bScale().code);
        MemorySegment off = scratch.allocateFrom(JAVA_BYTE, (byte) 0); // partial sums go to FP32 registers each 128
        CublasLtCalls.cublasLtMatmulDescSetAttribute(desc, CublasLtCalls.DESC_FAST_ACCUM, off, 1);
        setPointer(CublasLtCalls.DESC_A_SCALE_POINTER, ALIGNMENT); // an algorithm is chosen before there are scales
        setPointer(CublasLtCalls.DESC_B_SCALE_POINTER, ALIGNMENT);
    }

    private void set(SegmentAllocator scratch, int attribute, int value) {
        CublasLtCalls.cublasLtMatmulDescSetAttribute(desc, attribute, scratch.allocateFrom(JAVA_INT, value), 4);
    }

    private void setPointer(int attribute, long address) {
        pointer.set(JAVA_LONG, 0, address);
        CublasLtCalls.cublasLtMatmulDescSetAttribute(desc, attribute, pointer, 8);
    }

    private void choose(SegmentAllocator scratch) {
        MemorySegment preference = scratch.allocate(CublasLtCalls.PREFERENCE_BYTES, 8);
        CublasLtCalls.cublasLtMatmulPreferenceInit(preference, preference.byteSize());
        MemorySegment bytes = scratch.allocateFrom(JAVA_LONG, WORKSPACE_BYTES);
        CublasLtCalls.cublasLtMatmulPreferenceSetAttribute(
                preference, CublasLtCalls.PREF_MAX_WORKSPACE_BYTES, bytes, 8);
        // no split of k: its parts need not divide k, for which cuBLAS 12.6 to 13.4 can be wrong on Hopper, and sums
        // vary
        prefer(scratch, preference, CublasLtCalls.PREF_REDUCTION_SCHEME_MASK, 0);
        int first = CublasLtCalls.PREF_MIN_ALIGNMENT_A_BYTES, last = CublasLtCalls.PREF_MIN_ALIGNMENT_D_BYTES;
        for (int matrix = first; matrix <= last; matrix++) prefer(scratch, preference, matrix, ALIGNMENT);

        MemorySegment result = scratch.allocate(CublasLtCalls.HEURISTIC_RESULT_BYTES, 8);
        MemorySegment returned = scratch.allocate(JAVA_INT);
        CublasLtCalls.cublasLtMatmulAlgoGetHeuristic(
                library.handle(), desc, a, b, d, d, preference, 1, result, returned);
        int state = result.get(JAVA_INT, CublasLtCalls.HEURISTIC_RESULT_STATE);
        if (returned.get(JAVA_INT, 0) < 1 || state != CublasLtCalls.SUCCESS) {
            throw new CublasException(
                    "cublasLtMatmulAlgoGetHeuristic", state == 0 ? CublasLtCalls.STATUS_NOT_SUPPORTED : state);
        }
        MemorySegment.copy(result, 0, algo, 0, CublasLtCalls.ALGO_BYTES);
    }

    private static void prefer(SegmentAllocator scratch, MemorySegment preference, int attribute, int value) {
        MemorySegment number = scratch.allocateFrom(JAVA_INT, value);
        CublasLtCalls.cublasLtMatmulPreferenceSetAttribute(preference, attribute, number, 4);
    }

    /** What is multiplied. */
    public Product product() {
        return product;
    }

    /**
     * Puts the product into a stream. All addresses are the GPU's, at multiples of 16.
     *
     * @param aScales FP32 scales of A, as the product's mode lays them out; 0 without
     * @param workspace {@link #WORKSPACE_BYTES} bytes, which no product on another stream uses at the same time
     * @param stream a {@code CUstream}
     */
    public void run(
            long aAddress, long aScales, long bAddress, long bScales, long dAddress, long workspace, long stream) {
        try {
            if (product.aScale() != ScaleMode.NONE) {
                setPointer(CublasLtCalls.DESC_A_SCALE_POINTER, aScales);
                setPointer(CublasLtCalls.DESC_B_SCALE_POINTER, bScales);
            }
            CublasLtCalls.cublasLtMatmul(
                    library.handle(),
                    desc,
                    alpha,
                    aAddress,
                    a,
                    bAddress,
                    b,
                    beta,
                    dAddress,
                    d,
                    dAddress,
                    d,
                    algo,
                    workspace,
                    WORKSPACE_BYTES,
                    stream);
        } catch (CublasException e) {
            throw new CublasException(product, e);
        }
    }
}
