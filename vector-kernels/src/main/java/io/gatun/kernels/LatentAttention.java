package io.gatun.kernels;

import io.gatun.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Attention of a batch of rows, each against the latent cache of its sequence, in absorbed form (SPEC 2.2) and three steps:
 *
 * <ol>
 *   <li>{@link #absorb} a head: {@code q̃ = W_UKᵀ q_C} for all rows, so that a weight is read once for all of them;
 *   <li>{@link #begin}, {@link #block} after block, {@link #end} for some heads of a row: {@code p = softmax(scale [q̃ ; q_R]·[c_j ;
 *       k_R,j])} and the context {@code Σ_j p_j c_j}; the heads share what is read of the cache;
 *   <li>{@link #expand} a head: {@code o = W_UV context} for all rows.
 * </ol>
 *
 * A row's bits depend on its own query, its position and its cache only: blocks begin at multiples of {@link #BLOCK}, and neither
 * the other rows nor the other heads of a task are seen.
 */
public final class LatentAttention {
    /** Positions of a block: 72 KiB of the cache at the widths of DeepSeek-V3. */
    public static final int BLOCK = RowDots.ROWS;

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Rows of a weight that are decoded at a time: they stay in the first cache. */
    private static final int DECODED = 8;

    private LatentAttention() {}

    /** The matrices and sizes of one call; strides in elements. Mutable, so that steady calls allocate nothing. */
    public static final class Operands {
        /** f32 [rows, heads * valueDim] */
        public MemorySegment o;

        /** f32 [rows, heads * (nopeDim + ropeDim)], rotated. */
        public MemorySegment q;

        /** [heads * (nopeDim + valueDim), latentDim]: each head's W_UK rows, then its W_UV rows. */
        public Weight kvB;

        public long oStride, qStride;
        public int rows, heads, nopeDim, ropeDim, valueDim, latentDim;

        /** The row of {@link #q} and {@link #o} that is row 0 of the steps. */
        public int first;

        /** Factor on the scores, positive. */
        public float scale;

        private MemorySegment queries = MemorySegment.NULL; // [q̃ ; q_R] [rows, heads, width]
        private MemorySegment contexts = MemorySegment.NULL; // Σ p c [rows, heads, latentDim]

        /** Makes room for what the steps hand over to each other; call it when the sizes are set. */
        public void reserve() {
            queries = covering(queries, width());
            contexts = covering(contexts, latentDim);
        }

        private MemorySegment covering(MemorySegment before, int dim) {
            long bytes = (long) Float.BYTES * rows * heads * dim;
            return before.byteSize() >= bytes ? before : Arena.ofAuto().allocate(bytes, 64);
        }

        private int width() {
            return latentDim + ropeDim;
        }

        private long absorbedAt(int row, int head) {
            return (long) Float.BYTES * width() * ((long) row * heads + head);
        }

        private long contextAt(int row, int head) {
            return (long) Float.BYTES * latentDim * ((long) row * heads + head);
        }

        private long queryAt(int row, int head) {
            return Float.BYTES * ((first + row) * qStride + (long) head * (nopeDim + ropeDim));
        }

        private int weightRow(int head) {
            return head * (nopeDim + valueDim);
        }
    }

    /** One worker's memory. */
    public static final class Workspace {
        private final int group, width;
        private final MemorySegment rows; // a block of the cache or some rows of a weight, as f32 [BLOCK, width]
        private final MemorySegment scores; // [group, BLOCK]
        private final MemorySegment maxima; // [group]
        private final MemorySegment sums; // [group]
        private final MemorySegment lanes = RowDots.lanes();

        private Workspace(int group, int width) {
            this.group = group;
            this.width = width;
            Arena arena = Arena.ofAuto();
            rows = arena.allocate((long) Float.BYTES * BLOCK * width, 64);
            scores = arena.allocate((long) Float.BYTES * BLOCK * group, 64);
            maxima = arena.allocate((long) Float.BYTES * group, 64);
            sums = arena.allocate((long) Float.BYTES * group, 64);
        }

        /** {@code before} when it is large enough for {@code group} heads at a time, else a new one that serves both. */
        public static Workspace covering(Operands x, int group, Workspace before) {
            if (before == null) return new Workspace(group, x.width());
            if (group <= before.group && x.width() <= before.width) return before;
            return new Workspace(Math.max(group, before.group), Math.max(x.width(), before.width));
        }
    }

    /** Writes {@code [W_UKᵀ q_C ; q_R]} of one head for all rows. */
    public static void absorb(Operands x, int head, Workspace w) {
        long rope = (long) Float.BYTES * x.ropeDim;
        for (int r = 0; r < x.rows; r++) {
            long at = x.absorbedAt(r, head);
            long latent = (long) Float.BYTES * x.latentDim;
            clear(x.queries, at, x.latentDim);
            long from = x.queryAt(r, head) + (long) Float.BYTES * x.nopeDim;
            MemorySegment.copy(x.q, from, x.queries, at + latent, rope);
        }
        for (int d = 0; d < x.nopeDim; d += DECODED) {
            int count = Math.min(DECODED, x.nopeDim - d);
            boolean inPlace = decode(x, x.weightRow(head) + d, count, w);
            WeightedRows.add(
                    x.queries,
                    x.absorbedAt(0, head),
                    x.absorbedAt(1, 0),
                    x.rows,
                    x.q,
                    x.queryAt(0, head) + 4L * d,
                    Float.BYTES * x.qStride,
                    inPlace ? x.kvB.value().data() : w.rows,
                    inPlace ? weightAt(x, x.weightRow(head) + d) : 0,
                    Float.BYTES * (inPlace ? x.kvB.value().rowStride() : x.latentDim),
                    count,
                    x.latentDim);
        }
    }

    /** Writes {@code o = W_UV context} of one head for all rows. */
    public static void expand(Operands x, int head, Workspace w) {
        for (int v = 0; v < x.valueDim; v += DECODED) {
            int row = x.weightRow(head) + x.nopeDim + v;
            int count = Math.min(DECODED, x.valueDim - v);
            boolean inPlace = decode(x, row, count, w);
            RowDots.write(
                    x.o,
                    Float.BYTES * (x.first * x.oStride + (long) head * x.valueDim + v),
                    Float.BYTES * x.oStride,
                    x.contexts,
                    x.contextAt(0, head),
                    x.contextAt(1, 0),
                    x.rows,
                    inPlace ? x.kvB.value().data() : w.rows,
                    inPlace ? weightAt(x, row) : 0,
                    Float.BYTES * (inPlace ? x.kvB.value().rowStride() : x.latentDim),
                    count,
                    x.latentDim,
                    w.lanes);
        }
    }

    private static void clear(MemorySegment y, long at, int dim) {
        for (int i = 0; i < dim; i++) y.set(FLOAT, at + 4L * i, 0);
    }

    /** Writes rows of the weight to the workspace, unless they are f32 and can be read where they are: then it says true. */
    private static boolean decode(Operands x, int row, int count, Workspace w) {
        if (x.kvB.value().dtype() == DType.F32) return true;
        for (int i = 0; i < count; i++) x.kvB.readRow(row + i, w.rows, (long) Float.BYTES * x.latentDim * i);
        return false;
    }

    private static long weightAt(Operands x, int row) {
        return Float.BYTES * (row * x.kvB.value().rowStride());
    }

    /** Before the first block: no context yet for heads {@code from} to {@code to} of a row. */
    public static void begin(Operands x, int row, int from, int to, Workspace w) {
        clear(x.contexts, x.contextAt(row, from), (to - from) * x.latentDim);
        for (int h = 0; h < to - from; h++) {
            w.maxima.setAtIndex(FLOAT, h, Float.NEGATIVE_INFINITY);
            w.sums.setAtIndex(FLOAT, h, 0);
        }
    }

    /**
     * Adds a block of positions to the contexts of heads {@code from} to {@code to} of a row.
     *
     * @param cache [count, latentDim + ropeDim] from byte {@code at}
     * @param type F32 or BF16
     * @param stride of the rows of {@code cache}, in elements
     * @param count {@link #BLOCK}, less in a row's last block
     */
    public static void block(
            Operands x,
            int row,
            int from,
            int to,
            MemorySegment cache,
            DType type,
            long at,
            long stride,
            int count,
            Workspace w) {
        long step = (long) Float.BYTES * x.width();
        if (type == DType.F32) {
            attend(x, row, from, to, cache, at, Float.BYTES * stride, count, w);
            return;
        }
        for (int j = 0; j < count; j++) Bf16.decode(w.rows, j * step, cache, at + Short.BYTES * j * stride, x.width());
        attend(x, row, from, to, w.rows, 0, step, count, w);
    }

    private static void attend(
            Operands x, int row, int from, int to, MemorySegment c, long cAt, long cStep, int count, Workspace w) {
        long step = (long) Float.BYTES * BLOCK;
        long query = x.absorbedAt(row, from);
        RowDots.write(
                w.scores,
                0,
                step,
                x.queries,
                query,
                x.absorbedAt(0, 1),
                to - from,
                c,
                cAt,
                cStep,
                count,
                x.width(),
                w.lanes);
        for (int h = 0; h < to - from; h++) {
            float shrunk = softmax(x, h, count, w);
            if (shrunk != 1) OnlineSoftmax.multiply(x.contexts, x.contextAt(row, from + h), x.latentDim, shrunk);
        }
        long context = x.contextAt(row, from);
        WeightedRows.add(
                x.contexts,
                context,
                x.contextAt(0, 1),
                to - from,
                w.scores,
                0,
                step,
                c,
                cAt,
                cStep,
                count,
                x.latentDim);
    }

    /** Replaces a block's scores by their exponentials; returns by how much what was summed before shrinks. */
    private static float softmax(Operands x, int h, int count, Workspace w) {
        long at = (long) Float.BYTES * h * BLOCK;
        int width = OnlineSoftmax.mask(w.scores, at, count, count);
        float before = w.maxima.getAtIndex(FLOAT, h);
        float max = Math.max(before, x.scale * OnlineSoftmax.max(w.scores, at, width));
        float shrunk = (float) Math.exp(before - max);
        float sum = OnlineSoftmax.exponentials(w.scores, at, width, x.scale, max);
        w.maxima.setAtIndex(FLOAT, h, max);
        w.sums.setAtIndex(FLOAT, h, Math.fma(shrunk, w.sums.getAtIndex(FLOAT, h), sum));
        return shrunk;
    }

    /** After the last block: divides the contexts by the sums of their weights. */
    public static void end(Operands x, int row, int from, int to, Workspace w) {
        for (int h = 0; h < to - from; h++) {
            float factor = 1 / w.sums.getAtIndex(FLOAT, h);
            OnlineSoftmax.multiply(x.contexts, x.contextAt(row, from + h), x.latentDim, factor);
        }
    }
}
