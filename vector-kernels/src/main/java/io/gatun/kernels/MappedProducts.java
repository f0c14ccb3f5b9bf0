package io.gatun.kernels;

import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * {@code y = x Wᵀ} with weights where they lie ({@link MappedWeight}): dot products of rows. The rows of x are first staged, brought
 * into the weights' {@link LaneOrder} and rounded as the format says; scales of weights are multiplied into copies of them. Of few rows each reads the weights directly; for more, strips
 * of weight rows are expanded to f32, a block of k at a time. Both sum in the order of {@link DotLoops}, so a row's bits do
 * not depend on the others.
 */
final class MappedProducts {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int FEW = 3; // rows that do not repay expanding a weight

    /** Weight rows that are expanded at once: with a block of k they fit the second cache. */
    static final int STRIP = 32;

    /** Most weight rows that are read in place at once, as four streams: long streams are what the memory serves best. */
    private static final int LONG_STRIP = 4 * STRIP;

    private static final int ROW_STEP = 12; // a multiple of the heights of tiles
    private static final int MOST = 96; // rows of a task: their cells fit the second cache
    private static final int TASK_BYTES = 1 << 17; // weight bytes of a task: some microseconds of memory traffic
    private static final int FEWEST_TASKS = 6;
    private static final int STAGED_AT_ONCE = 1 << 15; // numbers that one task of the staging region brings into order
    private static final int GAP = 16; // between staged rows: without it powers of two would share the same cache sets

    private final Team team;
    private final DotLoops loops;
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
    private int colStep;

    MappedProducts(Team team, DotLoops loops) {
        this.team = team;
        this.loops = loops;
        this.scratch = new Scratch(team.threads());
    }

    /**
     * For each weight e below {@code count}, {@code y = x W_eᵀ} on the rows {@code starts[e]} to {@code starts[e + 1]}. The caller has
     * checked that shapes fit and that the weights are alike.
     */
    void forward(Tensor y, Tensor x, Weight[] weights, int count, int[] starts, Accumulate mode) {
        stage(x, (MappedWeight) weights[0], starts[0], starts[count]);
        int cols = form.n(), used = 0;
        for (int e = 0; e < count; e++) if (starts[e + 1] > starts[e]) used++;
        colStep = colStep((long) used * cols);
        tasks.clear();
        for (int e = 0; e < count; e++) {
            int rowStep = rowStep(starts[e + 1] - starts[e]);
            tasks.cut(e, starts[e], starts[e + 1], rowStep, cols, colStep);
            long copies = Math.max((long) loops.rowsAtOnce() * form.block(), FEW * stagedStride / Float.BYTES);
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
        return Math.ceilDiv(Math.max(1, Math.ceilDiv(rows, shares)), ROW_STEP) * ROW_STEP;
    }

    /** Columns of a task when there are {@code all} in all: enough tasks that no thread waits long for another's last one. */
    private int colStep(long all) {
        long rowBytes = (long) k * form.value().dtype().bytes();
        long most = Math.min(TASK_BYTES / Math.max(1, rowBytes), all / FEWEST_TASKS);
        return Integer.highestOneBit((int) Math.clamp(most, STRIP, TASK_BYTES));
    }

    /** Weight rows that are read in place at once: they share their scales, and strips of a task of {@link #colStep} end with it. */
    private int longStrip(MappedWeight w) {
        int shared = w.isScaled() ? Integer.lowestOneBit(w.blocks().blockRows()) : LONG_STRIP;
        return Math.min(Math.min(shared, colStep), LONG_STRIP);
    }

    /** The byte of a worker's memory where the expanded strip begins, behind the cells of {@code rows} rows. */
    private static long stripAt(int rows) {
        return Math.max((long) rows * STRIP, (long) FEW * LONG_STRIP) * DotKernels.CELL;
    }

    /** The byte where the factors of the sums of a block begin, one for each row, behind the strip. */
    private long factorsAt(int rows) {
        return stripAt(rows) + (long) Float.BYTES * STRIP * form.block();
    }

    /** The byte where copies of staged rows begin that are multiplied by a weight's scales, behind the factors. */
    private long copiesAt(int rows) {
        return factorsAt(rows) + (long) Float.BYTES * MOST;
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
                float factor = form.isScaled() && !quantized ? DotLoops.FP8_FACTOR : 1;
                LaneOrder.reorder(staged, at, x, Float.BYTES * row * xStride, k, form.group(), factor);
                if (form.format() == Format.BF16) {
                    Bf16.round(staged, at, staged, at, LaneOrder.padded(k, form.group()));
                }
                if (quantized) quantize(at, scalesAt(row));
            }
        }

        private void quantize(long at, long to) {
            for (int b = 0; b < blocks; b++) {
                int first = DotLoops.SCALED_BLOCK * b;
                int count = Math.min(DotLoops.SCALED_BLOCK, LaneOrder.padded(k, form.group()) - first);
                float scale = Fp8.scale(Fp8.amax(staged, at + (long) Float.BYTES * first, count));
                Fp8.quantize(staged, at + (long) Float.BYTES * first, count, scale, DotLoops.FP8_FACTOR);
                staged.set(FLOAT, to + (long) Float.BYTES * b, scale * DotLoops.FP8_FACTOR);
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
            int strip = inPlace ? longStrip(w) : STRIP;
            for (int col = tasks.col(task); col < end; col += strip) {
                int cols = Math.min(strip, end - col);
                if (inPlace) {
                    boolean first = col == tasks.col(task);
                    if (w.scalesActivations() && (first || w.scalesAt(col, 0) != w.scalesAt(col - strip, 0))) {
                        scaleRows(memory, w, row, rows, col);
                    }
                    inPlace(memory, w, row, rows, col, cols, strip);
                } else {
                    blocks(memory, w, row, rows, col, cols);
                }
                long to = Float.BYTES * (row * yStride + col), cellStride = (long) strip * DotKernels.CELL;
                loops.fold(y, to, Float.BYTES * yStride, memory, 0, cellStride, rows, cols, add);
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

        private void inPlace(MemorySegment memory, MappedWeight w, int row, int rows, int col, int cols, int strip) {
            MemorySegment x = w.scalesActivations() ? memory : staged;
            long from = w.scalesActivations() ? copiesAt(rows) : stagedAt(row);
            long wAt = col * w.rowBytes();
            for (int r = 0; r < rows; r++) {
                long cell = (long) r * strip * DotKernels.CELL, xAt = from + r * stagedStride;
                if (w.isScaled() && !w.scalesActivations()) {
                    long scale = scalesAt(row + r), wScale = w.scalesAt(col, 0);
                    loops.scaledRows(
                            memory,
                            cell,
                            x,
                            xAt,
                            staged,
                            scale,
                            w.data(),
                            wAt,
                            w.rowBytes(),
                            w.scales(),
                            wScale,
                            k,
                            cols);
                } else {
                    loops.rows(w.dtype(), memory, cell, x, xAt, w.data(), wAt, w.rowBytes(), k, cols);
                }
            }
        }

        /** A strip a block of k at a time: as it is stored, where the loops take it so, else expanded. */
        private void blocks(MemorySegment memory, MappedWeight w, int row, int rows, int col, int cols) {
            int block = w.block();
            boolean asStored = w.isReadInPlace() && loops.blocksOf(w.dtype());
            DotKernels.clear(memory, 0, rows * STRIP);
            for (int from = 0; from < k; from += block) {
                int depth = Math.min(block, k - from);
                if (!asStored) w.expand(memory, stripAt(rows), col, cols, from, depth);
                int padded = LaneOrder.padded(depth, w.group());
                long cellStride = (long) STRIP * DotKernels.CELL;
                MemorySegment strip = asStored ? w.data() : memory;
                long wAt = asStored ? w.at(col, from) : stripAt(rows);
                long wStride = asStored ? w.rowBytes() : (long) Float.BYTES * block;
                DType stored = asStored ? w.dtype() : DType.F32;
                for (int near = 0; near < rows; near += loops.rowsAtOnce()) {
                    int count = Math.min(loops.rowsAtOnce(), rows - near);
                    MemorySegment x = w.scalesActivations() ? memory : staged;
                    long xAt = stagedAt(row + near) + (long) Float.BYTES * from, xStride = stagedStride;
                    if (w.scalesActivations()) {
                        xAt = copiesAt(rows);
                        xStride = (long) Float.BYTES * block;
                        for (int r = 0; r < count; r++) {
                            long at = stagedAt(row + near + r) + (long) Float.BYTES * from;
                            DotKernels.scale(
                                    memory, xAt + r * xStride, staged, at, padded, w.scales(), w.scalesAt(col, from));
                        }
                    }
                    float scale = w.blockScale(col, from);
                    for (int r = 0; r < count; r++) {
                        memory.set(FLOAT, factorsAt(rows) + 4L * r, scale * xScale(w, row + near + r, from));
                    }
                    loops.block(
                            stored,
                            memory,
                            near * cellStride,
                            cellStride,
                            x,
                            xAt,
                            xStride,
                            strip,
                            wAt,
                            wStride,
                            padded,
                            count,
                            cols,
                            memory,
                            factorsAt(rows));
                }
            }
        }

        /** What the sums of the block from {@code from} of row {@code row} are multiplied by on the side of the activations. */
        private float xScale(MappedWeight w, int row, int from) {
            if (!w.isScaled()) return 1;
            if (w.scalesActivations()) return DotLoops.FP8_FACTOR;
            return staged.get(FLOAT, scalesAt(row) + (long) Float.BYTES * (from / DotLoops.SCALED_BLOCK));
        }
    }
}
