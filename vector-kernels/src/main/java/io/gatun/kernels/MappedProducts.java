package io.gatun.kernels;

import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * {@code y = x Wᵀ} with weights where they lie ({@link MappedWeight}): dot products of rows. The rows of x are first staged, brought
 * into the weights' {@link LaneOrder} and rounded as the format says. Of few rows each reads the weights directly; for more, strips
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
            scratch.reserve((long) STRIP * (rowStep * DotKernels.CELL / Float.BYTES + form.block()));
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
        return Math.ceilDiv((int) (TASK_BYTES / Math.max(1, rowBytes)), STRIP) * STRIP;
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
                if (form.isScaled()) scale(at, scalesAt(row), quantized);
            }
        }

        private void scale(long at, long to, boolean quantized) {
            for (int b = 0; b < blocks; b++) {
                float scale = 1;
                if (quantized) {
                    long from = at + (long) Float.BYTES * DotKernels.SCALED_BLOCK * b;
                    int count = Math.min(
                            DotKernels.SCALED_BLOCK, LaneOrder.padded(k, form.group()) - DotKernels.SCALED_BLOCK * b);
                    scale = Fp8.scale(Fp8.amax(staged, from, count));
                    Fp8.quantize(staged, from, count, scale, LaneOrder.FP8_FACTOR);
                }
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
            MemorySegment cells = scratch.of(worker);
            for (int col = tasks.col(task); col < end; col += STRIP) {
                int cols = Math.min(STRIP, end - col);
                if (rows <= FEW && w.isReadInPlace()) {
                    inPlace(cells, w, row, rows, col, cols);
                } else {
                    expanded(cells, w, row, rows, col, cols);
                }
                for (int r = 0; r < rows; r++) {
                    long to = Float.BYTES * ((row + r) * yStride + col);
                    DotKernels.fold(y, to, cells, (long) r * STRIP * DotKernels.CELL, cols, add);
                }
            }
        }

        /** A strip as four streams, {@code apart} rows from each other; what four does not divide comes after them. */
        private void inPlace(MemorySegment cells, MappedWeight w, int row, int rows, int col, int cols) {
            int apart = cols / DotKernels.STREAMS, even = apart * DotKernels.STREAMS;
            for (int c = 0; c < apart; c++) {
                for (int r = 0; r < rows; r++) { // the weights of the first row's turn are in the cache for the others
                    row(cells, w, row, r, col, c, apart, DotKernels.STREAMS);
                }
            }
            for (int r = 0; r < rows && even < cols; r++) row(cells, w, row, r, col, even, 1, cols - even);
        }

        private void row(MemorySegment cells, MappedWeight w, int row, int r, int col, int c, int apart, int outputs) {
            long cell = ((long) r * STRIP + c) * DotKernels.CELL, cellStep = (long) apart * DotKernels.CELL;
            long xAt = stagedAt(row + r);
            long wAt = (col + c) * w.rowBytes(), stride = apart * w.rowBytes();
            MemorySegment data = w.data();
            switch (w.group()) {
                case 1 -> DotKernels.f32Row(cells, cell, cellStep, staged, xAt, data, wAt, stride, k, outputs);
                case 2 -> DotKernels.bf16Row(cells, cell, cellStep, staged, xAt, data, wAt, stride, k, outputs);
                default ->
                    DotKernels.fp8Row(
                            cells,
                            cell,
                            cellStep,
                            staged,
                            xAt,
                            staged,
                            scalesAt(row + r),
                            data,
                            wAt,
                            stride,
                            w.scales(),
                            w.scalesAt(col),
                            k,
                            outputs);
            }
        }

        private void expanded(MemorySegment cells, MappedWeight w, int row, int rows, int col, int cols) {
            int block = w.block();
            long strip = (long) rows * STRIP * DotKernels.CELL; // where the expanded rows begin, behind the cells
            DotKernels.clear(cells, 0, rows * STRIP);
            for (int from = 0, b = 0; from < k; from += block, b++) {
                int depth = Math.min(block, k - from);
                w.expand(cells, strip, col, cols, from, depth);
                int padded = LaneOrder.padded(depth, w.group());
                for (int near = 0; near < rows; near += NEAR) {
                    int end = Math.min(near + NEAR, rows);
                    for (int c = 0; c < cols; c += DotKernels.OUTPUTS) {
                        tiles(cells, w, strip, row, near, end, col, c, cols, from, b, padded);
                    }
                }
            }
        }

        private void tiles(
                MemorySegment cells,
                MappedWeight w,
                long strip,
                int row,
                int near,
                int end,
                int col,
                int c,
                int cols,
                int from,
                int b,
                int depth) {
            long wStride = (long) Float.BYTES * w.block();
            float scale = w.scale(col + c, b);
            for (int r = near; r < end; r += DotKernels.TOKENS) {
                DotKernels.tile(
                        cells,
                        ((long) r * STRIP + c) * DotKernels.CELL,
                        (long) STRIP * DotKernels.CELL,
                        staged,
                        stagedAt(row + r) + (long) Float.BYTES * from,
                        stagedStride,
                        cells,
                        strip + c * wStride,
                        wStride,
                        depth,
                        Math.min(DotKernels.TOKENS, end - r),
                        Math.min(DotKernels.OUTPUTS, cols - c),
                        scale * xScale(w, row + r, b),
                        scale * xScale(w, row + Math.min(r + 1, end - 1), b),
                        scale * xScale(w, row + Math.min(r + 2, end - 1), b),
                        -1,
                        -2);
            }
        }

        private float xScale(MappedWeight w, int row, int b) {
            return w.isScaled() ? staged.get(FLOAT, scalesAt(row) + (long) Float.BYTES * b) : 1;
        }
    }
}
