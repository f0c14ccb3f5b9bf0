package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.Weight;
import io.gatun.model.config.Scoring;
import io.gatun.model.ops.Attention.Rotation;
import io.gatun.tensor.Tensor;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Warm verbs of the GPU, those of a decode step, allocate nothing on the heap. */
class CudaOpsAllocationTest extends CudaOpsFixture {
    private static final int CALLS = 30;
    private static final int WARM_UPS = 300;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    @Tag("allocation")
    void warmVerbsAllocateNothing() {
        Random random = new Random(1);
        int rows = 2, dim = 16, ropeDim = 4;
        Attention.Shape shape = new Attention.Shape(1, 4, ropeDim, 8, 1, 1);
        RouterConfig router = RoutingFixture.router(2, 1, 1, 1, Scoring.SIGMOID, false, true, 1);
        Routing routing = new Routing(
                gpu.reals(arena, rows, 2),
                gpu.ints(arena, rows, 1),
                gpu.reals(arena, rows, 1),
                gpu.ints(arena, rows, 1),
                gpu.ints(arena, rows),
                gpu.ints(arena, 3));
        Tensor x = gpu.reals(arena, rows, dim), y = gpu.reals(arena, rows, dim), gain = gpu.reals(arena, dim);
        Tensor rstd = gpu.reals(arena, rows), logits = gpu.reals(arena, rows, 2);
        Tensor q = gpu.reals(arena, rows, shape.keyDim()), o = gpu.reals(arena, rows, shape.valueDim());
        Tensor kRope = gpu.reals(arena, rows, ropeDim), cos = gpu.reals(arena, 64, ropeDim / 2);
        Tensor ids = gpu.ints(arena, rows), positions = gpu.ints(arena, rows);
        Tensor hostIds = gpu.onHost(ids), hostOut = gpu.onHost(y);
        Tensor[] page = {gpu.reals(arena, 64, dim + ropeDim)}, other = {gpu.reals(arena, 64, dim + ropeDim)};
        LatentPages[] pages = {new AbsorbedCase.Pages(64, page), new AbsorbedCase.Pages(64, other)};
        Weight[] experts = new Weight[2];
        for (int e = 0; e < 2; e++) experts[e] = gpu.products().map(normal(random, dim, dim), Format.BF16);
        Weight gate = gpu.products().map(normal(random, 2, dim), Format.F32);
        Weight kvB = gpu.products().map(normal(random, shape.kvDim(), dim), Format.BF16);
        Runnable step = () -> {
            gpu.upload(ids, hostIds);
            gpu.elementwise().embedding(x, y, ids);
            gpu.elementwise().rmsNorm(y, rstd, x, gain, 1e-6f);
            gpu.attention().rope(q, 1, cos, cos, positions, Rotation.FORWARD);
            gpu.attention().append(pages, positions, y, kRope);
            gpu.attention().absorbed(o, q, kvB, pages, positions, shape);
            gpu.products().forward(logits, y, gate, Accumulate.WRITE);
            gpu.experts().route(routing, logits, null, router);
            gpu.experts().permute(x, y, routing);
            gpu.products().forward(y, x, experts, routing.offsets());
            gpu.elementwise().swiGlu(y, y, x);
            gpu.experts().unpermute(x, y, routing, Accumulate.ADD);
            gpu.elementwise().assign(y, x, Accumulate.WRITE);
            gpu.download(hostOut, y);
        };
        long allocated = 1;
        for (int block = 0; block < WARM_UPS && allocated > 0; block++) { // compilers come and go
            allocated = allocatedBy(step);
        }
        assertThat(allocated).as("bytes after %d warm-ups", WARM_UPS).isZero();
    }

    private static long allocatedBy(Runnable step) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < CALLS; i++) step.run();
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
