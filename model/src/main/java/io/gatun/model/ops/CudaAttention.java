package io.gatun.model.ops;

import static io.gatun.tensor.DType.F32;
import static io.gatun.tensor.DType.I32;

import io.gatun.kernels.Weight;
import io.gatun.model.engine.CudaKernel;
import io.gatun.model.engine.CudaKernels;
import io.gatun.model.engine.DeviceMatmul;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/**
 * {@link Attention} on a GPU, forward. Positions are not checked here, since only the GPU sees them: callers know that tables and caches
 * have them.
 */
final class CudaAttention implements Attention {
    private static final int MOST_VALUES = 128; // of a head: what a thread of causal_attention holds
    private static final int MOST_LATENT = 512; // what a thread of latent_attention holds
    private static final int MOST_ROWS = 65535; // of a grid's third dimension

    private final CudaKernel rope;
    private final CudaKernel causal;
    private final CudaKernel appendF32, appendBf16;
    private final CudaKernel readF32, readBf16;
    private final DevicePages pages;
    private final LatentPages[] one = new LatentPages[1];
    private final CudaAbsorbed absorbed;
    private final int sharedMemory;

    CudaAttention(DeviceMatmul products, DeviceArena memory) {
        CudaKernels kernels = products.kernels();
        rope = kernels.kernel("rope", "rope");
        causal = kernels.kernel("attention_prefill", "causal_attention");
        appendF32 = kernels.kernel("attention_decode", "append_latent_f32");
        appendBf16 = kernels.kernel("attention_decode", "append_latent_bf16");
        readF32 = kernels.kernel("attention_decode", "read_latent_f32");
        readBf16 = kernels.kernel("attention_decode", "read_latent_bf16");
        pages = new DevicePages(memory);
        absorbed = new CudaAbsorbed(products, memory, pages);
        sharedMemory = kernels.largestSharedMemory();
    }

    @Override
    public void check(Shape shape, int latentDim) {
        if (shape.valueDim() > MOST_VALUES) {
            throw new TensorException("heads of %d values: attention on the GPU holds at most %d"
                    .formatted(shape.valueDim(), MOST_VALUES));
        }
        if (latentDim > MOST_LATENT) {
            throw new TensorException(
                    "a latent of %d: attention on the GPU holds at most %d".formatted(latentDim, MOST_LATENT));
        }
        long bytes = Math.max(causalBytes(shape), CudaAbsorbed.bytes(shape, latentDim));
        if (bytes > sharedMemory) {
            throw new TensorException("%s with a latent of %d needs %d bytes of shared memory; the GPU has %d a block"
                    .formatted(shape, latentDim, bytes, sharedMemory));
        }
    }

    /** Floats of a tile's row in shared memory. */
    static int tileStride(int dim) {
        return Math.ceilDiv(dim, 4) * 4 + 4;
    }

    private static long causalBytes(Shape shape) {
        return 4L * (96L * tileStride(shape.keyDim()) + 32L * tileStride(shape.valueDim()) + 2304);
    }

    @Override
    public void rope(Tensor x, int heads, Tensor cos, Tensor sin, int start, int sequence, Rotation rotation) {
        if (start < 0 || sequence < 1 || cos.rows() < start + Math.min(sequence, x.rows())) {
            throw new TensorException(
                    "rope: sequences of %d from position %d on; cos is %s".formatted(sequence, start, cos));
        }
        turn(x, heads, cos, sin, 0, start, sequence, rotation);
    }

    @Override
    public void rope(Tensor x, int heads, Tensor cos, Tensor sin, Tensor positions, Rotation rotation) {
        Demand.vector("rope", "positions", positions, I32, x.rows());
        turn(x, heads, cos, sin, positions.deviceAddress(), 0, 1, rotation);
    }

    private void turn(
            Tensor x, int heads, Tensor cos, Tensor sin, long positions, int start, int sequence, Rotation rotation) {
        AttentionChecks.rope(x, heads, cos, sin);
        rope.with()
                .matrix(x)
                .matrix(cos)
                .matrix(sin)
                .address(positions)
                .number(start)
                .number(sequence);
        rope.number(heads).number(x.cols() / heads).number(cos.cols());
        rope.number(rotation == Rotation.FORWARD ? 1f : -1f);
        rope.run(x.rows(), Math.ceilDiv(heads * cos.cols(), CudaKernel.THREADS), 1, CudaKernel.THREADS, 0);
    }

    @Override
    public void causal(Tensor o, Tensor logSumExp, Tensor q, Tensor kv, Tensor kRope, Shape shape) {
        AttentionChecks.sequence(shape);
        int rows = q.rows();
        if (rows % shape.sequence() != 0) {
            throw new TensorException(
                    "q %s: %d rows are not whole sequences of %d".formatted(q, rows, shape.sequence()));
        }
        Demand.matrix("causal", "logSumExp", logSumExp, F32, shape.heads(), rows);
        attend(o, logSumExp, q, kv, kRope, shape.sequence(), rows / shape.sequence(), 0, shape);
    }

    @Override
    public void causal(Tensor o, Tensor q, Tensor kv, Tensor kRope, int start, Shape shape) {
        if (start < 0) throw new TensorException("causal: start is %d; positions begin at 0".formatted(start));
        attend(o, null, q, kv, kRope, q.rows(), 1, start, shape);
    }

    private void attend(
            Tensor o,
            Tensor logSumExp,
            Tensor q,
            Tensor kv,
            Tensor kRope,
            int queries,
            int sequences,
            int start,
            Shape shape) {
        AttentionChecks.sizes(shape);
        int rows = q.rows(), keys = start + rows;
        Demand.matrix("causal", "o", o, F32, rows, shape.heads() * shape.valueDim());
        Demand.matrix("causal", "q", q, F32, rows, shape.heads() * shape.keyDim());
        Demand.matrix("causal", "kv", kv, F32, keys, shape.heads() * shape.kvDim());
        Demand.matrix("causal", "kRope", kRope, F32, keys, shape.ropeDim());
        if (shape.valueDim() > MOST_VALUES) check(shape, 0);
        causal.with().matrix(o).matrixOrNull(logSumExp).matrix(q).matrix(kv).matrix(kRope);
        causal.number(queries).number(start).number(shape.nopeDim()).number(shape.ropeDim());
        causal.number(shape.valueDim()).number(shape.scale());
        causal.run(Math.ceilDiv(queries, 64), shape.heads(), sequences, CudaKernel.THREADS, causalBytes(shape));
    }

    @Override
    public void append(LatentPages[] sequences, Tensor positions, Tensor cKv, Tensor kRope) {
        int rows = cKv.rows();
        Demand.matrix("append", "cKv", cKv, F32, rows, cKv.cols());
        Demand.matrix("append", "kRope", kRope, F32, rows, kRope.cols());
        Demand.vector("append", "positions", positions, I32, rows);
        pages.set("append", sequences, rows, cKv.cols() + kRope.cols());
        CudaKernel append = pages.isBf16() ? appendBf16 : appendF32;
        pages.passTo(append.with());
        append.matrix(cKv).matrix(kRope).vector(positions).number(cKv.cols()).number(kRope.cols());
        append.run(rows);
    }

    @Override
    public void cached(Tensor latent, Tensor rope, LatentPages sequence) {
        int positions = latent.rows();
        Demand.matrix("cached", "latent", latent, F32, positions, latent.cols());
        Demand.matrix("cached", "rope", rope, F32, positions, rope.cols());
        one[0] = sequence;
        pages.set("cached", one, 1, latent.cols() + rope.cols());
        if (positions > pages.positions()) {
            throw new TensorException("cached: latent is %s; the sequence has %d pages of %d positions"
                    .formatted(latent, sequence.pages(), sequence.pageSize()));
        }
        CudaKernel read = pages.isBf16() ? readBf16 : readF32;
        read.with().matrix(latent).matrix(rope);
        pages.passOneTo(read);
        read.number(latent.cols()).number(rope.cols()).run(positions);
    }

    @Override
    public void absorbed(Tensor o, Tensor q, Weight kvB, LatentPages[] sequences, Tensor positions, Shape shape) {
        AttentionChecks.sizes(shape);
        int rows = q.rows();
        Demand.matrix("absorbed", "o", o, F32, rows, shape.heads() * shape.valueDim());
        Demand.matrix("absorbed", "q", q, F32, rows, shape.heads() * shape.keyDim());
        Demand.vector("absorbed", "positions", positions, I32, rows);
        if (kvB.n() != shape.heads() * shape.kvDim()) {
            throw new TensorException("absorbed: kvB is %s; asked for is [%d, latent]"
                    .formatted(kvB.value(), shape.heads() * shape.kvDim()));
        }
        if (rows > MOST_ROWS) {
            throw new TensorException("absorbed: %d rows; at most %d at once".formatted(rows, MOST_ROWS));
        }
        if (kvB.k() > MOST_LATENT) check(shape, kvB.k());
        pages.set("absorbed", sequences, rows, kvB.k() + shape.ropeDim());
        absorbed.attend(o, q, kvB, positions, shape);
    }

    @Override
    public void causalGrad(
            Tensor dq,
            Tensor dkv,
            Tensor dkRope,
            Tensor dO,
            Tensor o,
            Tensor logSumExp,
            Tensor q,
            Tensor kv,
            Tensor kRope,
            Shape shape) {
        throw CudaOps.forwardOnly("causalGrad");
    }
}
