package io.gatun.kernels;

import io.gatun.parallel.Team;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The products on the CPU with the Vector API: packed, blocked for registers and caches, on the threads of a {@link Team}.
 * Formats F32 and BF16, and FP8 for mapped weights ({@link MappedProducts}). Memory beside the weights' panels is scratch, a few
 * hundred KiB a thread, and for mapped weights a copy of the activations; both are grown on first use. Calls come from one thread
 * at a time.
 */
public final class VectorMatmul implements MatmulEngine {
    private static final int TOKENS =
            256; // rows whose products are summed in registers before they are added to a gradient
    private static final int PACKED_AT_ONCE = 1 << 16; // elements that one task of a refresh packs

    private final Team team;
    private final Scratch scratch;
    private final TaskTable tasks = new TaskTable();
    private final Weight[] single = new Weight[1];
    private final ProductJob product = new ProductJob();
    private final WeightGradJob weightGrad = new WeightGradJob();
    private final PackJob pack = new PackJob();
    private final DotLoops loops;
    private final MappedProducts mapped;
    private int[] starts = new int[2];

    /**
     * An engine that runs on {@code team}, which stays the caller's.
     *
     * @throws IllegalStateException when the JVM was started without the Vector API; the message names the flag
     */
    public VectorMatmul(Team team) {
        this(team, new VectorDotLoops());
    }

    /** As {@link #VectorMatmul(Team)}, with other innermost loops for weights that lie where they are. */
    public VectorMatmul(Team team, DotLoops loops) {
        VectorApi.require();
        JitDirectives.ensure();
        this.team = team;
        this.scratch = new Scratch(team.threads());
        this.loops = loops;
        this.mapped = new MappedProducts(team, loops);
    }

    @Override
    public Weight prepare(Arena arena, Tensor value, Tensor grad, Format format) {
        if (format == Format.FP8) {
            throw new TensorException(
                    "%s: the Vector API engine multiplies in f32 and bf16, not in fp8".formatted(value));
        }
        if (value.rank() != 2) throw new TensorException("a weight is a matrix [n, k]; this is " + value);
        if (grad != null) {
            check("gradient", grad, value.rows(), value.cols());
            check("trained weight", value, value.rows(), value.cols());
            Warmup.ensure(); // a run of minutes is worth a second
        }
        PackedWeight weight = new PackedWeight(arena, value, grad, format);
        single[0] = weight;
        refresh(single);
        return weight;
    }

    @Override
    public Weight map(Tensor value, Format format) {
        return new MappedWeight(value, format);
    }

    @Override
    public Weight map(BlockScaled value, Format format) {
        return new MappedWeight(value, format);
    }

    @Override
    public void refresh(Weight[] weights) {
        tasks.clear();
        for (int i = 0; i < weights.length; i++) {
            if (weights[i] instanceof MappedWeight) continue; // nothing was made of it
            PackedWeight w = packed(weights[i], false);
            int n = w.n(), k = w.k();
            if (n == 0 || k == 0) continue;
            tasks.cut(i, 0, 1, 1, n, panelsOf(PACKED_AT_ONCE / k));
            if (w.isTrained()) tasks.cut(i, 1, 2, 1, k, panelsOf(PACKED_AT_ONCE / n));
        }
        pack.weights = weights;
        pack.decode();
        team.run(tasks.size(), pack);
    }

    @Override
    public void forward(Tensor y, Tensor x, Weight w, Accumulate mode) {
        single[0] = w;
        whole(x);
        if (w instanceof MappedWeight) {
            multiplyMapped(y, x, single, 1, mode);
        } else {
            packed(w, false);
            multiply(y, x, single, 1, mode, false);
        }
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight w, Accumulate mode) {
        single[0] = packed(w, true);
        whole(dy);
        multiply(dx, dy, single, 1, mode, true);
    }

    @Override
    public void forward(Tensor y, Tensor x, Weight[] experts, Tensor offsets) {
        groups(experts, offsets, x, false);
        if (experts[0] instanceof MappedWeight) {
            multiplyMapped(y, x, experts, experts.length, Accumulate.WRITE);
        } else {
            multiply(y, x, experts, experts.length, Accumulate.WRITE, false);
        }
    }

    @Override
    public void inputGrad(Tensor dx, Tensor dy, Weight[] experts, Tensor offsets, Accumulate mode) {
        groups(experts, offsets, dy, true);
        multiply(dx, dy, experts, experts.length, mode, true);
    }

    @Override
    public void weightGrad(Weight w, Tensor dy, Tensor x) {
        single[0] = packed(w, true);
        whole(x);
        addWeightGrads(single, 1, dy, x);
    }

    @Override
    public void weightGrad(Weight[] experts, Tensor dy, Tensor x, Tensor offsets) {
        groups(experts, offsets, x, true);
        addWeightGrads(experts, experts.length, dy, x);
    }

    @Override
    public String describe() {
        return "Vector API, %d-bit vectors, f32 sums; weights in place by %s"
                .formatted(FloatVector.SPECIES_PREFERRED.vectorBitSize(), loops.describe());
    }

    private void multiply(Tensor out, Tensor in, Weight[] weights, int count, Accumulate mode, boolean inputGrad) {
        int rows = in.rows();
        int cols = inputGrad ? weights[0].k() : weights[0].n();
        int depth = inputGrad ? weights[0].n() : weights[0].k();
        check(inputGrad ? "dy" : "x", in, rows, depth);
        check(inputGrad ? "dx" : "y", out, rows, cols);
        tasks.clear();
        for (int e = 0; e < count; e++) {
            int own = starts[e + 1] - starts[e];
            int rowStep = rowStep(own, count == 1);
            tasks.cut(e, starts[e], starts[e + 1], rowStep, cols, colStep(own, rowStep, cols, depth, count));
            if (packed(weights[e], inputGrad).roundsToBf16()) scratch.reserve((long) rowStep * depth);
        }
        product.set(out, in, weights, mode == Accumulate.ADD, inputGrad);
        team.run(tasks.size(), product);
    }

    private void multiplyMapped(Tensor y, Tensor x, Weight[] weights, int count, Accumulate mode) {
        check("x", x, x.rows(), weights[0].k());
        check("y", y, x.rows(), weights[0].n());
        mapped.forward(y, x, weights, count, starts, mode);
    }

    private void addWeightGrads(Weight[] weights, int count, Tensor dy, Tensor x) {
        int rows = x.rows();
        int n = weights[0].n(), k = weights[0].k();
        check("dy", dy, rows, n);
        check("x", x, rows, k);
        int nParts = Math.ceilDiv(n, 96), kParts = Math.ceilDiv(k, 192);
        int enough = Math.max(4, 2 * team.threads());
        while (count * nParts * kParts < enough && (n > 24 * nParts || k > 32 * kParts)) {
            if (n / nParts >= k / kParts) { // each part packs the whole of what the other side's parts share
                nParts++;
            } else {
                kParts++;
            }
        }
        int nStep = share(n, 96, nParts, GemmTile.ROWS);
        int kStep = share(k, 192, kParts, GemmTile.COLUMNS);
        tasks.clear();
        for (int e = 0; e < count; e++) {
            if (starts[e + 1] > starts[e]) tasks.cut(e, 0, n, nStep, k, kStep);
        }
        scratch.reserve(Panels.rowsSize(TOKENS, nStep) + Panels.size(TOKENS, kStep));
        weightGrad.set(weights, dy, x);
        team.run(tasks.size(), weightGrad);
    }

    /** Rows of a task: even shares of at most 96, which keeps them in the second cache; a single product is cut finer. */
    private static int rowStep(int rows, boolean single) {
        return share(rows, 96, single ? Math.min(16, rows / 24) : 1, GemmTile.ROWS);
    }

    /** Columns of a task: all, unless few rows leave few tasks. */
    private static int colStep(int rows, int rowStep, int cols, int depth, int groups) {
        int rowTasks = (rows + rowStep - 1) / rowStep;
        if (groups * rowTasks >= 8) return Math.max(cols, 1);
        return panelsOf((1 << 17) / Math.max(1, rowStep * depth));
    }

    /** An even share of {@code count}: at most {@code most}, of at least {@code parts} shares, in whole {@code unit}s. */
    private static int share(int count, int most, int parts, int unit) {
        int shares = Math.max(Math.max(parts, 1), (count + most - 1) / most);
        int each = (count + shares - 1) / shares;
        return Math.max(1, (each + unit - 1) / unit) * unit;
    }

    private static int panelsOf(int cols) {
        return Math.max(1, cols / GemmTile.COLUMNS) * GemmTile.COLUMNS;
    }

    private void whole(Tensor in) {
        starts[0] = 0;
        starts[1] = in.rows();
    }

    private void groups(Weight[] experts, Tensor offsets, Tensor in, boolean trained) {
        int count = experts.length;
        if (count == 0) throw new TensorException("a product over groups needs at least one expert");
        if (offsets.dtype() != DType.I32 || offsets.count() != count + 1) {
            throw new TensorException("offsets of %d experts are i32[%d], not %s".formatted(count, count + 1, offsets));
        }
        if (starts.length <= count) starts = Arrays.copyOf(starts, count + 1);
        int before = 0;
        for (int e = 0; e <= count; e++) {
            int start = (int) offsets.get(0, e);
            if (start < before || start > in.rows()) {
                throw new TensorException("offset %d of the experts is %d; it must lie between %d and the %d rows of %s"
                        .formatted(e, start, before, in.rows(), in));
            }
            starts[e] = before = start;
        }
        int n = experts[0].n(), k = experts[0].k();
        for (int e = 0; e < count; e++) {
            Weight w = experts[e];
            if (!trained && experts[0] instanceof MappedWeight first) {
                if (!(w instanceof MappedWeight own) || !own.isLike(first)) {
                    throw new TensorException("expert %d has the weight %s; the first has %s, mapped for products in %s"
                            .formatted(e, w.value(), first.value(), first.format()));
                }
            } else {
                packed(w, trained);
            }
            if (w.n() != n || w.k() != k) {
                throw new TensorException(
                        "expert %d has the weight %s; the first has %s".formatted(e, w.value(), experts[0].value()));
            }
        }
    }

    private static PackedWeight packed(Weight weight, boolean trained) {
        if (weight instanceof MappedWeight) {
            throw new TensorException(
                    "the weight %s is mapped: it is multiplied where it lies, by itself or with others like it, and not trained"
                            .formatted(weight.value()));
        }
        if (!(weight instanceof PackedWeight own)) {
            throw new TensorException("the weight " + weight.value() + " was prepared by another engine");
        }
        if (trained && !own.isTrained()) {
            throw new TensorException("the weight " + weight.value() + " was prepared without a gradient");
        }
        return own;
    }

    private static void check(String name, Tensor tensor, int rows, int cols) {
        if (tensor.dtype() != DType.F32 || tensor.rows() != rows || tensor.cols() != cols) {
            throw new TensorException("%s is %s; the product needs f32[%d, %d]".formatted(name, tensor, rows, cols));
        }
    }

    private final class ProductJob implements Team.Job {
        private MemorySegment out;
        private MemorySegment in;
        private long outStride;
        private long inStride;
        private Weight[] weights;
        private boolean add;
        private boolean inputGrad;

        void set(Tensor out, Tensor in, Weight[] weights, boolean add, boolean inputGrad) {
            this.out = out.data();
            this.in = in.data();
            this.outStride = out.rowStride();
            this.inStride = in.rowStride();
            this.weights = weights;
            this.add = add;
            this.inputGrad = inputGrad;
        }

        @Override
        public void run(int task, int worker) {
            PackedWeight w = (PackedWeight) weights[tasks.weight(task)];
            MemorySegment panels = inputGrad ? w.inputGrad() : w.forward();
            int depth = inputGrad ? w.n() : w.k();
            int row = tasks.row(task), rows = tasks.rows(task);
            int col = tasks.col(task), cols = tasks.cols(task);
            MemorySegment a = in;
            long a0 = row * inStride, aStride = inStride;
            if (w.roundsToBf16()) {
                a = scratch.of(worker);
                Panels.round(a, 0, in, a0, inStride, rows, depth);
                a0 = 0;
                aStride = depth;
            }
            long c0 = row * outStride + col;
            GemmTile.run(out, c0, outStride, a, a0, aStride, panels, (long) col * depth, rows, cols, depth, add);
        }
    }

    private final class WeightGradJob implements Team.Job {
        private Weight[] weights;
        private MemorySegment dy;
        private MemorySegment x;
        private long dyStride;
        private long xStride;

        void set(Weight[] weights, Tensor dy, Tensor x) {
            this.weights = weights;
            this.dy = dy.data();
            this.x = x.data();
            this.dyStride = dy.rowStride();
            this.xStride = x.rowStride();
        }

        @Override
        public void run(int task, int worker) {
            int e = tasks.weight(task);
            PackedWeight w = (PackedWeight) weights[e];
            boolean bf16 = w.roundsToBf16();
            int row = tasks.row(task), rows = tasks.rows(task);
            int col = tasks.col(task), cols = tasks.cols(task);
            MemorySegment panels = scratch.of(worker);
            long p0 = Panels.rowsSize(TOKENS, rows);
            MemorySegment grad = w.grad().data();
            long stride = w.grad().rowStride();
            for (int from = starts[e], end = starts[e + 1]; from < end; from += TOKENS) {
                int depth = Math.min(TOKENS, end - from);
                Panels.packRows(panels, 0, dy, from * dyStride + row, dyStride, depth, rows, bf16);
                Panels.packColumns(panels, p0, x, from * xStride + col, xStride, depth, cols, bf16);
                GemmTile.runTransposed(
                        grad, row * stride + col, stride, panels, 0, panels, p0, rows, cols, depth, true);
            }
        }
    }

    private final class PackJob implements Team.Job {
        private Weight[] weights;
        private Tensor[] values = new Tensor[1];

        /** Finds the f32 values of all weights; those of other types are decoded into memory of their own. */
        void decode() {
            if (values.length < weights.length) values = new Tensor[weights.length];
            for (int i = 0; i < weights.length; i++) {
                if (weights[i] instanceof MappedWeight) continue;
                Tensor value = weights[i].value();
                if (value.dtype() != DType.F32) {
                    Tensor decoded = Tensor.zeros(Arena.ofAuto(), DType.F32, value.shape());
                    decoded.copyFrom(value);
                    value = decoded;
                }
                values[i] = value;
            }
        }

        @Override
        public void run(int task, int worker) {
            int i = tasks.weight(task);
            PackedWeight w = (PackedWeight) weights[i];
            if (tasks.row(task) == 0) {
                w.packForward(values[i], tasks.col(task), tasks.cols(task));
            } else {
                w.packInputGrad(values[i], tasks.col(task), tasks.cols(task));
            }
        }
    }
}
