package io.gatun.model.ops;

import io.gatun.kernels.Format;
import io.gatun.kernels.Weight;
import io.gatun.model.engine.CudaKernel;
import io.gatun.model.engine.CudaKernels;
import io.gatun.model.engine.DeviceMatmul;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.util.Locale;

/**
 * {@link Attention#absorbed} on a GPU: q through W_UK, splits of the positions, their sum in order, then W_UV. The splits' length is fixed,
 * so that a row's bits depend on nothing but its own positions.
 */
final class CudaAbsorbed {
    private static final int SPLIT = 256; // positions
    private static final int TOKENS = 8; // rows that share one reading of the weight
    private static final int HEADS = 16; // that share one reading of the cache

    private final DeviceMatmul products;
    private final DeviceArena memory;
    private final DevicePages pages;
    private final CudaKernel[] absorb; // by format of the weight
    private final CudaKernel attendF32, attendBf16;
    private final CudaKernel combine;
    private final CudaKernel[] expand;
    private Tensor latentQuery; // [rows, heads, latentDim]
    private Tensor context; //     [rows, heads, latentDim]
    private Tensor partial; //     [rows, splits, heads, latentDim]
    private Tensor softmax; //     [rows, splits, heads, 2]

    CudaAbsorbed(DeviceMatmul products, DeviceArena memory, DevicePages pages) {
        this.products = products;
        this.memory = memory;
        this.pages = pages;
        CudaKernels kernels = products.kernels();
        absorb = byFormat(kernels, "absorb_query_");
        attendF32 = kernels.kernel("attention_decode", "latent_attention_f32");
        attendBf16 = kernels.kernel("attention_decode", "latent_attention_bf16");
        combine = kernels.kernel("attention_decode", "latent_combine");
        expand = byFormat(kernels, "expand_context_");
    }

    private static CudaKernel[] byFormat(CudaKernels kernels, String name) {
        CudaKernel[] all = new CudaKernel[Format.values().length];
        for (Format format : Format.values()) {
            all[format.ordinal()] =
                    kernels.kernel("attention_decode", name + format.name().toLowerCase(Locale.ROOT));
        }
        return all;
    }

    /** Most bytes of shared memory that a block needs. */
    static long bytes(Attention.Shape shape, int latentDim) {
        long own = Math.max(shape.nopeDim(), latentDim);
        return Math.max(attendBytes(shape, latentDim), Float.BYTES * TOKENS * own);
    }

    private static long attendBytes(Attention.Shape shape, int latentDim) {
        return 4L * (48L * CudaAttention.tileStride(latentDim + shape.ropeDim()) + 560);
    }

    /** Rows attend to {@link DevicePages} that are set; arguments fit. */
    void attend(Tensor o, Tensor q, Weight kvB, Tensor positions, Attention.Shape shape) {
        int rows = q.rows(), heads = shape.heads(), latentDim = kvB.k();
        int splits = Math.ceilDiv(pages.positions(), SPLIT), groups = Math.ceilDiv(rows, TOKENS);
        reserve((long) rows * heads, splits, latentDim);

        CudaKernel absorb = this.absorb[kvB.format().ordinal()];
        products.pass(absorb.with().vector(latentQuery).matrix(q), kvB).number(rows);
        absorb.number(shape.nopeDim())
                .number(shape.ropeDim())
                .number(shape.valueDim())
                .number(latentDim);
        absorb.run(Math.ceilDiv(latentDim, 128), heads, groups, 128, (long) Float.BYTES * TOKENS * shape.nopeDim());

        CudaKernel attend = pages.isBf16() ? attendBf16 : attendF32;
        attend.with().vector(partial).vector(softmax).vector(latentQuery).matrix(q);
        pages.passTo(attend);
        attend.vector(positions).number(heads).number(shape.nopeDim()).number(shape.ropeDim());
        attend.number(latentDim).number(SPLIT).number(shape.scale());
        attend.run(splits, Math.ceilDiv(heads, HEADS), rows, CudaKernel.THREADS, attendBytes(shape, latentDim));

        combine.with().vector(context).vector(partial).vector(softmax).vector(positions);
        combine.number(latentDim).number(splits).number(SPLIT).run(heads, rows, 1, CudaKernel.THREADS, 0);

        CudaKernel expand = this.expand[kvB.format().ordinal()];
        products.pass(expand.with().matrix(o).vector(context), kvB).number(rows);
        expand.number(shape.nopeDim()).number(shape.valueDim()).number(latentDim);
        long bytes = (long) Float.BYTES * TOKENS * latentDim;
        expand.run(Math.ceilDiv(shape.valueDim(), 8), heads, groups, CudaKernel.THREADS, bytes);
    }

    private void reserve(long rowHeads, int splits, int latentDim) {
        latentQuery = memory.atLeast(latentQuery, DType.F32, rowHeads * latentDim);
        context = memory.atLeast(context, DType.F32, rowHeads * latentDim);
        partial = memory.atLeast(partial, DType.F32, rowHeads * splits * latentDim);
        softmax = memory.atLeast(softmax, DType.F32, rowHeads * splits * 2);
    }
}
