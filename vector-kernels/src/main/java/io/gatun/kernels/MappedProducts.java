package io.gatun.kernels;

import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * {@code y = x Wᵀ} with weights where they lie ({@link MappedWeight}): dot products of rows. The rows of x are first staged, brought
 * into the weights' {@link LaneOrder} and rounded as the format says; scales of weights are multiplied into copies of them. Of few rows each reads the weights directly; for more, strips
 * of weight rows are expanded to f32, a block of k at a time. Both sum in the order of {@link DotKernels}, so a row's bits do
 * not depend on the others.
 */
final class MappedProducts {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int FEW = 3; // rows that do not repay expanding a weight

    /** Weight rows that are expanded at once: with a block of k they fit the second cache. */
    static final int STRIP = 32;

    private static final int NEAR = 6; // staged rows whose block fits the first cache beside those of a tile
    private static final int MOST = 96; // rows of a task: their cells fit the second cache
    private static final int TASK_BYTES = 1 << 17; // weight bytes of a task: some microseconds of memory traffic
    private static final int STAGED_AT_ONCE = 1 << 15; // numbers that one task of the staging region brings into order
    private static final int GAP = 16; // between staged rows: without it powers of two would share the same cache sets

    private final Team team;
    private final Scratch scratch;
    private final TaskTable tasks = new TaskTable();
    private final StageJob stage = new StageJob();
    private final ProductJob product = new ProductJob();
    private MemorySegment staged = MemorySegment.NULL;

    // of the product that runs
    private MappedWeight form; // any of its weights: they are alike
    private MemorySegment x;
    private long xStride;
    private int k;
    private int firstRow;
    private long stagedStride;
    private long scalesAt;
    private int blocks;

    MappedProducts(Team team) {
        this.team = team;
        this.scratch = new Scratch(team.threads());
    }

    /**
     * For each weight e below {@code count}, {@code y = x W_eᵀ} on the rows {@code starts[e]} to {@code starts[e + 1]}. The caller has
     * checked that shapes fit and that the weights are alike.
     */
    void forward(Tensor y, Tensor x, Weight[] weights, int count, int[] starts, Accumulate mode) {
        stage(x, (MappedWeight) weights[0], starts[0], starts[count]);
        int cols = form.n();
        tasks.clear();
        for (int e = 0; e < count; e++) {
            int rowStep = rowStep(starts[e + 1] - starts[e]);
            tasks.cut(e, starts[e], starts[e + 1], rowStep, cols, colStep());
            long copies = Math.max((long) NEAR * form.block(), FEW * stagedStride / Float.BYTES);
            scratch.reserve(copiesAt(rowStep) / Float.BYTES + copies);
        }
        product.set(y, weights, mode == Accumulate.ADD);
        team.run(tasks.size(), product);
    }

    private void stage(Tensor x, MappedWeight form, int from, int to) {
        this.form = form;
        this.x = x.data();
        xStride = x.rowStride();
        k = form.k();
        firstRow = from;
        blocks = Math.ceilDiv(k, form.block());
        stagedStride = Float.BYTES * (LaneOrder.padded(k, form.group()) + (long) GAP);
        scalesAt = (to - from) * stagedStride;
        long bytes = scalesAt + (long) Float.BYTES * blocks * (to - from);
        if (bytes > staged.byteSize()) staged = Arena.ofAuto().allocate(bytes, 64);
        tasks.clear();
        tasks.cut(0, from, to, Math.max(1, STAGED_AT_ONCE / Math.max(1, k)), 1, 1);
        team.run(tasks.size(), stage);
    }

    private static int rowStep(int rows) {
        int shares = Math.max(1, Math.ceilDiv(rows, MOST));
        return Math.ceilDiv(Math.max(1, Math.ceilDiv(rows, shares)), DotKernels.TOKENS) * DotKernels.TOKENS;
    }

    private int colStep() {
        long rowBytes = (long) k * form.value().dtype().bytes();
        return Math.ceilDiv((int) Math.max(1, TASK_BYTES / Math.max(1, rowBytes)), STRIP) * STRIP;
    }

    /** The byte of a worker's memory where the expanded strip begins, behind the cells of {@code rows} rows. */
    private static long stripAt(int rows) {
        return (long) rows * STRIP * DotKernels.CELL;
    }

    /** The byte where copies of staged rows begin that are multiplied by a weight's scales, behind the strip. */
    private long copiesAt(int rows) {
        return stripAt(rows) + (long) Float.BYTES * STRIP * form.block();
    }

    private long stagedAt(int row) {
        return (row - firstRow) * stagedStride;
    }

    private long scalesAt(int row) {
        return scalesAt + (long) Float.BYTES * blocks * (row - firstRow);
    }

    private final class StageJob implements Team.Job {
        @Override
        public void run(int task, int worker) {
            int from = tasks.row(task), to = from + tasks.rows(task);
            for (int row = from; row < to; row++) {
                long at = stagedAt(row);
                boolean quantized = form.format() == Format.FP8;
                float factor = form.isScaled() && !quantized ? LaneOrder.FP8_FACTOR : 1;
                LaneOrder.reorder(staged, at, x, Float.BYTES * row * xStride, k, form.group(), factor);
                if (form.format() == Format.BF16) {
                    Bf16.round(staged, at, staged, at, LaneOrder.padded(k, form.group()));
                }
                if (quantized) quantize(at, scalesAt(row));
            }
        }

        private void quantize(long at, long to) {
            for (int b = 0; b < blocks; b++) {
                int first = DotKernels.SCALED_BLOCK * b;
                int count = Math.min(DotKernels.SCALED_BLOCK, LaneOrder.padded(k, form.group()) - first);
                float scale = Fp8.scale(Fp8.amax(staged, at + (long) Float.BYTES * first, count));
                Fp8.quantize(staged, at + (long) Float.BYTES * first, count, scale, LaneOrder.FP8_FACTOR);
                staged.set(FLOAT, to + (long) Float.BYTES * b, scale * LaneOrder.FP8_FACTOR);
            }
        }
    }

    private final class ProductJob implements Team.Job {
        private MemorySegment y;
        private long yStride;
        private Weight[] weights;
        private boolean add;

        void set(Tensor y, Weight[] weights, boolean add) {
            this.y = y.data();
            this.yStride = y.rowStride();
            this.weights = weights;
            this.add = add;
        }

        @Override
        public void run(int task, int worker) {
            MappedWeight w = (MappedWeight) weights[tasks.weight(task)];
            int row = tasks.row(task), rows = tasks.rows(task);
            int end = tasks.col(task) + tasks.cols(task);
            boolean inPlace = rows <= FEW && w.isReadInPlace();
            MemorySegment memory = scratch.of(worker);
            for (int col = tasks.col(task); col < end; col += STRIP) {
                int cols = Math.min(STRIP, end - col);
                if (inPlace) {
                    boolean first = col == tasks.col(task);
                    if (w.scalesActivations() && (first || w.scalesAt(col, 0) != w.scalesAt(col - STRIP, 0))) {
                        scaleRows(memory, w, row, rows, col);
                    }
                    inPlace(memory, w, row, rows, col, cols);
                } else {
                    expanded(memory, w, row, rows, col, cols);
                }
                for (int r = 0; r < rows; r++) {
                    long to = Float.BYTES * ((row + r) * yStride + col);
                    DotKernels.fold(y, to, memory, (long) r * STRIP * DotKernels.CELL, cols, add);
                }
            }
        }

        /** Copies staged rows, multiplied by the scales of weight row {@code col} and of those that share them. */
        private void scaleRows(MemorySegment memory, MappedWeight w, int row, int rows, int col) {
            for (int r = 0; r < rows; r++) {
                long to = copiesAt(rows) + r * stagedStride;
                int depth = LaneOrder.padded(k, w.group());
                DotKernels.scale(memory, to, staged, stagedAt(row + r), depth, w.scales(), w.scalesAt(col, 0));
            }
        }

        /** A strip as four streams, {@code apart} rows from each other; what four does not divide comes after them. */
        private void inPlace(MemorySegment memory, MappedWeight w, int row, int rows, int col, int cols) {
            MemorySegment x = w.scalesActivations() ? memory : staged;
            long from = w.scalesActivations() ? copiesAt(rows) : stagedAt(row);
            int apart = cols / DotKernels.STREAMS, even = apart * DotKernels.STREAMS;
            for (int c = 0; c < apart; c++) {
                for (int r = 0; r < rows; r++) { // the weights of the first row's turn are in the cache for the others
                    long xAt = from + r * stagedStride;
                    row(memory, w, row, r, x, xAt, col, c, apart, DotKernels.STREAMS);
                }
            }
            if (even == cols) return;
            for (int r = 0; r < rows; r++) {
                row(memory, w, row, r, x, from + r * stagedStride, col, even, 1, cols - even);
            }
        }

        private void row(
                MemorySegment cells,
                MappedWeight w,
                int row,
                int r,
                MemorySegment x,
                long xAt,
                int col,
                int c,
                int apart,
                int outputs) {
            long cell = ((long) r * STRIP + c) * DotKernels.CELL, cellStep = (long) apart * DotKernels.CELL;
            long wAt = (col + c) * w.rowBytes(), stride = apart * w.rowBytes();
            MemorySegment data = w.data();
            if (w.group() == 1) {
                DotKernels.f32Row(cells, cell, cellStep, x, xAt, data, wAt, stride, k, outputs);
            } else if (w.group() == 2) {
                DotKernels.bf16Row(cells, cell, cellStep, x, xAt, data, wAt, stride, k, outputs);
            } else if (w.scalesActivations()) {
                DotKernels.fp8Row(cells, cell, cellStep, x, xAt, data, wAt, stride, k, outputs);
            } else {
                DotKernels.fp8ScaledRow(
                        cells,
                        cell,
                        cellStep,
                        x,
                        xAt,
                        staged,
                        scalesAt(row + r),
                        data,
                        wAt,
                        stride,
                        w.scales(),
                        w.scalesAt(col, 0),
                        k,
                        outputs);
            }
        }

        private void expanded(MemorySegment memory, MappedWeight w, int row, int rows, int col, int cols) {
            int block = w.block();
            DotKernels.clear(memory, 0, rows * STRIP);
            for (int from = 0; from < k; from += block) {
                int depth = Math.min(block, k - from);
                w.expand(memory, stripAt(rows), col, cols, from, depth);
                int padded = LaneOrder.padded(depth, w.group());
                for (int near = 0; near < rows; near += NEAR) {
                    int end = Math.min(near + NEAR, rows);
                    if (w.scalesActivations()) {
                        long copies = copiesAt(rows), stride = (long) Float.BYTES * block;
                        for (int r = near; r < end; r++) {
                            long to = copies + (r - near) * stride;
                            long at = stagedAt(row + r) + (long) Float.BYTES * from;
                            DotKernels.scale(memory, to, staged, at, padded, w.scales(), w.scalesAt(col, from));
                        }
                        tiles(memory, w, rows, row, near, end, col, cols, from, padded, memory, copies, stride);
                    } else {
                        long at = stagedAt(row + near) + (long) Float.BYTES * from;
                        tiles(memory, w, rows, row, near, end, col, cols, from, padded, staged, at, stagedStride);
                    }
                }
            }
        }

        /** One block of rows {@code near} to {@code end} of a task, which lie at {@code xAt}, by the expanded strip. */
        private void tiles(
                MemorySegment memory,
                MappedWeight w,
                int rows,
                int row,
                int near,
                int end,
                int col,
                int cols,
                int from,
                int depth,
                MemorySegment x,
                long xAt,
                long xStride) {
            long wStride = (long) Float.BYTES * w.block();
            float scale = w.blockScale(col, from);
            for (int c = 0; c < cols; c += DotKernels.OUTPUTS) {
                for (int r = near; r < end; r += DotKernels.TOKENS) {
                    DotKernels.tile(
                            memory,
                            ((long) r * STRIP + c) * DotKernels.CELL,
                            (long) STRIP * DotKernels.CELL,
                            x,
                            xAt + (r - near) * xStride,
                            xStride,
                            memory,
                            stripAt(rows) + c * wStride,
                            wStride,
                            depth,
                            Math.min(DotKernels.TOKENS, end - r),
                            Math.min(DotKernels.OUTPUTS, cols - c),
                            scale * xScale(w, row + r, from),
                            scale * xScale(w, row + Math.min(r + 1, end - 1), from),
                            scale * xScale(w, row + Math.min(r + 2, end - 1), from),
                            -1,
                            -2);
                }
            }
        }

        /** What the sums of the block from {@code from} of row {@code row} are multiplied by on the side of the activations. */
        private float xScale(MappedWeight w, int row, int from) {
            if (!w.isScaled()) return 1;
            if (w.scalesActivations()) return LaneOrder.FP8_FACTOR;
            return staged.get(FLOAT, scalesAt(row) + (long) Float.BYTES * (from / DotKernels.SCALED_BLOCK));
        }
    }
}
