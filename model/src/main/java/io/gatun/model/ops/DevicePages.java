package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.model.engine.CudaKernel;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where the pages of the rows' sequences lie on the GPU: a table of addresses [rows, longest], made anew for each call. */
final class DevicePages {
    private final DeviceArena memory;
    private MemorySegment host = MemorySegment.NULL;
    private Tensor table; // i64, grows
    private Tensor like; // the first page: all have its type and stride
    private int longest;
    private int pageSize;

    DevicePages(DeviceArena memory) {
        this.memory = memory;
    }

    /**
     * Brings the table of the first {@code rows} sequences to the GPU.
     *
     * @param width columns of a page
     * @throws TensorException when sequences are missing, or their pages are of different kinds or not on the GPU
     */
    void set(String verb, LatentPages[] sequences, int rows, int width) {
        if (rows < 1 || sequences.length < rows) {
            throw new TensorException("%s: %d rows and %d sequences; each row has one, and there is at least one"
                    .formatted(verb, rows, sequences.length));
        }
        longest = 0;
        for (int r = 0; r < rows; r++) longest = Math.max(longest, sequences[r].pages());
        if (longest == 0) throw new TensorException(verb + ": the sequences have no pages");
        like = first(sequences, rows);
        pageSize = like.rows();
        long count = (long) rows * longest;
        reserve(count);
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < sequences[r].pages(); i++) {
                Tensor page = sequences[r].page(i);
                check(verb, page, sequences[r].pageSize(), width);
                host.setAtIndex(JAVA_LONG, (long) r * longest + i, page.deviceAddress());
            }
        }
        memory.stream().device().makeCurrent();
        memory.stream().upload(table.deviceAddress(), host, 0, Long.BYTES * count);
    }

    private static Tensor first(LatentPages[] sequences, int rows) {
        for (int r = 0; r < rows; r++) if (sequences[r].pages() > 0) return sequences[r].page(0);
        throw new IllegalStateException("no pages");
    }

    private void reserve(long count) {
        table = memory.atLeast(table, DType.I64, count);
        if (host.byteSize() < Long.BYTES * table.count()) host = Arena.ofAuto().allocate(JAVA_LONG, table.count());
    }

    private void check(String verb, Tensor page, int size, int width) {
        boolean real = page.dtype() == DType.F32 || page.dtype() == DType.BF16;
        boolean alike = page.dtype() == like.dtype() && page.rowStride() == like.rowStride() && size == pageSize;
        if (!real || !alike || page.rows() != size || page.cols() != width) {
            throw new TensorException("%s: a page is %s; asked for is f32 or bf16 [%d, %d], all of one kind"
                    .formatted(verb, page, pageSize, width));
        }
    }

    boolean isBf16() {
        return like.dtype() == DType.BF16;
    }

    /** Positions that the longest sequence has room for. */
    int positions() {
        return Math.multiplyExact(longest, pageSize);
    }

    /** The arguments pages, pageStride, pageSize, cacheStride. */
    void passTo(CudaKernel kernel) {
        kernel.vector(table).number(longest).number(pageSize).number(like.rowStride());
    }

    /** The arguments pages, pageSize, cacheStride of one sequence. */
    void passOneTo(CudaKernel kernel) {
        kernel.vector(table).number(pageSize).number(like.rowStride());
    }
}
