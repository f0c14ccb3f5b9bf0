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

    private LatentAttention() {}

    /** The matrices and sizes of one call; strides in elements. Mutable, so that steady calls allocate nothing. */
    public static final class Operands {
        /** f32 [rows, heads * valueDim] */
        public MemorySegment o;

        /** f32 [rows, heads * (nopeDim + ropeDim)], rotated. */
        public MemorySegment q;

        /** [heads * (nopeDim + valueDim), latentDim]: each head's W_UK rows, then its W_UV rows. */
        public Weight kvB;

        /** What reads {@link #kvB}. */
        public DotLoops loops;

        public long oStride, qStride;
        public int rows, heads, nopeDim, ropeDim, valueDim, latentDim;

        /** The row of {@link #q} and {@link #o} that is row 0 of the steps. */
        public int first;

        /** Factor on the scores, positive. */
        public float scale;

        private MemorySegment queries = MemorySegment.NULL; // [q̃ ; q_R] [rows, heads, width], padded
        private MemorySegment contexts = MemorySegment.NULL; // Σ p c [rows, heads, latentDim], padded

        /** Makes room for what the steps hand over to each other; call it when the sizes are set. */
        public void reserve() {
            queries = covering(queries, RowQuads.padded(width()));
            contexts = covering(contexts, RowQuads.padded(latentDim));
        }

        private MemorySegment covering(MemorySegment before, int dim) {
            long bytes = (long) Float.BYTES * rows * heads * dim;
            return before.byteSize() >= bytes ? before : Arena.ofAuto().allocate(bytes, 64);
        }

        private int width() {
            return latentDim + ropeDim;
        }

        private long absorbedAt(int row, int head) {
            return (long) Float.BYTES * RowQuads.padded(width()) * ((long) row * heads + head);
        }

        private long contextAt(int row, int head) {
            return (long) Float.BYTES * RowQuads.padded(latentDim) * ((long) row * heads + head);
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
        private final MemorySegment quads; // a block of the cache [BLOCK, width]
        private final MemorySegment scores; // [group, BLOCK]
        private final MemorySegment maxima; // [group]
        private final MemorySegment sums; // [group]
        private final MemorySegment lanes = RowDots.lanes();
        private final MemorySegment weights; // what reading the weight needs
        private final MemorySegment
                staged; // queries of heads in the order of a cache that is read as it is stored [group, width]
        private final MemorySegment cells; // [group, BLOCK], of the same
        private final MemorySegment ones; // [group], of the same
        private boolean asStored;

        private Workspace(int group, int width, long weightBytes) {
            this.group = group;
            this.width = width;
            Arena arena = Arena.ofAuto();
            quads = arena.allocate(RowQuads.bytes(BLOCK, width), 64);
            scores = arena.allocate((long) Float.BYTES * BLOCK * group, 64);
            maxima = arena.allocate((long) Float.BYTES * group, 64);
            sums = arena.allocate((long) Float.BYTES * group, 64);
            weights = arena.allocate(weightBytes, 64);
            staged = arena.allocate(stagedAt(group), 64);
            cells = arena.allocate((long) DotKernels.CELL * BLOCK * group, 64);
            ones = arena.allocate((long) Float.BYTES * group, 64);
            for (int h = 0; h < group; h++) ones.setAtIndex(FLOAT, h, 1);
        }

        private long stagedAt(int head) {
            return (long) Float.BYTES * LaneOrder.padded(width, 2) * head;
        }

        /** {@code before} when it is large enough for {@code group} heads at a time, else a new one that serves both. */
        public static Workspace covering(Operands x, int group, Workspace before) {
            long weights = StoredRows.bytes(x.rows, Math.max(x.nopeDim, x.valueDim), x.latentDim);
            if (before == null) return new Workspace(group, x.width(), weights);
            if (group <= before.group && x.width() <= before.width && weights <= before.weights.byteSize()) {
                return before;
            }
            return new Workspace(
                    Math.max(group, before.group),
                    Math.max(x.width(), before.width),
                    Math.max(weights, before.weights.byteSize()));
        }
    }

    /** Writes {@code [W_UKᵀ q_C ; q_R]} of one head for all rows. */
    public static void absorb(Operands x, int head, Workspace w) {
        long query = x.queryAt(0, head), at = x.absorbedAt(0, head), stride = x.absorbedAt(1, 0);
        int from = x.weightRow(head);
        for (int r = 0; r < x.rows; r++) clear(x.queries, at + r * stride, RowQuads.padded(x.width()));
        StoredRows.add(
                x.loops,
                x.queries,
                at,
                stride,
                x.q,
                query,
                Float.BYTES * x.qStride,
                x.rows,
                x.kvB,
                from,
                x.nopeDim,
                w.weights);
        for (int r = 0; r < x.rows; r++) {
            long rope = x.queryAt(r, head) + (long) Float.BYTES * x.nopeDim;
            long to = at + r * stride + (long) Float.BYTES * x.latentDim;
            MemorySegment.copy(x.q, rope, x.queries, to, (long) Float.BYTES * x.ropeDim);
        }
    }

    /** Writes {@code o = W_UV context} of one head for all rows. */
    public static void expand(Operands x, int head, Workspace w) {
        int from = x.weightRow(head) + x.nopeDim;
        for (int r = 0; r < x.rows; r++) {
            long to = Float.BYTES * ((x.first + r) * x.oStride + (long) head * x.valueDim);
            StoredRows.dots(x.loops, x.o, to, x.contexts, x.contextAt(r, head), x.kvB, from, x.valueDim, w.weights);
        }
    }

    /** @param dim whole vectors */
    private static void clear(MemorySegment y, long at, int dim) {
        DotKernels.clear(y, at, dim * Float.BYTES / DotKernels.CELL);
    }

    /** Before the first block of a cache of {@code type}: no context yet for heads {@code from} to {@code to} of a row. */
    public static void begin(Operands x, int row, int from, int to, DType type, Workspace w) {
        clear(x.contexts, x.contextAt(row, from), (to - from) * RowQuads.padded(x.latentDim));
        int group = type == DType.BF16 ? 2 : 1;
        w.asStored = x.loops.blocksOf(type)
                && x.width() % LaneOrder.chunk(group) == 0
                && x.latentDim == RowQuads.padded(x.latentDim);
        for (int h = 0; w.asStored && h < to - from; h++) {
            LaneOrder.reorder(w.staged, w.stagedAt(h), x.queries, x.absorbedAt(row, from + h), x.width(), group, 1);
        }
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
        if (w.asStored) {
            scoresAsStored(x, to - from, cache, type, at, stride, count, w);
        } else {
            scores(x, row, from, to, cache, type, at, stride, count, w);
        }
        int dim = RowQuads.padded(x.latentDim);
        long context = x.contextAt(row, from), next = x.contextAt(0, 1), scores = (long) Float.BYTES * BLOCK;
        for (int h = 0; h < to - from; h++) {
            float shrunk = softmax(x, h, count, w);
            if (shrunk != 1) OnlineSoftmax.multiply(x.contexts, context + h * next, dim, shrunk);
        }
        if (w.asStored) {
            long step = type.bytes() * stride;
            x.loops.addRows(
                    type,
                    x.contexts,
                    context,
                    next,
                    w.scores,
                    0,
                    scores,
                    cache,
                    at,
                    step,
                    to - from,
                    count,
                    x.latentDim);
        } else {
            WeightedRows.add(x.contexts, context, next, to - from, w.scores, 0, scores, w.quads, count, dim, x.width());
        }
    }

    private static void scoresAsStored(
            Operands x, int heads, MemorySegment cache, DType type, long at, long stride, int count, Workspace w) {
        long cells = (long) BLOCK * DotKernels.CELL, step = type.bytes() * stride;
        DotKernels.clear(w.cells, 0, heads * BLOCK);
        for (int d = 0; d < x.width(); d += DotLoops.BLOCK) {
            int depth = Math.min(DotLoops.BLOCK, x.width() - d);
            long from = at + (long) type.bytes() * d;
            x.loops.block(
                    type,
                    w.cells,
                    0,
                    cells,
                    w.staged,
                    4L * d,
                    w.stagedAt(1),
                    cache,
                    from,
                    step,
                    depth,
                    heads,
                    count,
                    w.ones,
                    0);
        }
        x.loops.fold(w.scores, 0, (long) Float.BYTES * BLOCK, w.cells, 0, cells, heads, count, false);
    }

    private static void scores(
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
        int width = x.width(), dim = RowQuads.padded(width);
        long step = type.bytes() * stride;
        for (int j = 0;
                j < count;
                j += RowQuads.ROWS) { // four positions are packed and used while they are in the first cache
            int last = count - 1 - j;
            if (type == DType.F32) {
                RowQuads.pack(w.quads, j, cache, at + j * step, step, last, width);
            } else {
                RowQuads.packBf16(w.quads, j, cache, at + j * step, step, last, width);
            }
            long four = RowQuads.at(j, width);
            RowDots.four(
                    w.lanes, j, x.queries, x.absorbedAt(row, from), x.absorbedAt(0, 1), to - from, w.quads, four, dim);
        }
        RowDots.sums(w.scores, 0, (long) Float.BYTES * BLOCK, w.lanes, to - from, count);
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
