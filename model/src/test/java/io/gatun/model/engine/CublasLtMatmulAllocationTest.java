package io.gatun.model.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import io.gatun.ffm.StandIn;
import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.Weight;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Warm products allocate nothing on the heap. */
class CublasLtMatmulAllocationTest {
    private static final int CALLS = 300;
    private static final int WARM_UPS = 100;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @ParameterizedTest
    @EnumSource(names = {"BF16", "FP8"})
    @Tag("allocation")
    void warmCallsAllocateNothing(Format format) {
        try (CudaDevice device = StandIn.device()) {
            assumeTrue(CublasLt.why().isEmpty(), CublasLt.why());
            try (CublasLt library = CublasLt.open(device).orElseThrow();
                    Team team = new Team(1);
                    Arena arena = Arena.ofShared();
                    CublasLtMatmul engine = new CublasLtMatmul(library, team)) {
                assumeTrue(format != Format.FP8 || library.whyNotBlockScaled().isEmpty(), library.whyNotBlockScaled());
                Random random = new Random(5);
                Weight[] experts = new Weight[2];
                for (int e = 0; e < experts.length; e++) {
                    experts[e] =
                            engine.prepare(arena, normal(arena, random, 24, 40), normal(arena, random, 24, 40), format);
                }
                Tensor x = normal(arena, random, 5, 40), y = normal(arena, random, 5, 24);
                Tensor offsets = Tensor.zeros(arena, DType.I32, 3);
                offsets.set(1, 2);
                offsets.set(2, 5);
                Runnable step = () -> {
                    engine.forward(y, x, experts[0], Accumulate.ADD);
                    engine.forward(y, x, experts, offsets);
                    engine.inputGrad(x, y, experts, offsets, Accumulate.WRITE);
                    engine.weightGrad(experts, y, x, offsets);
                };
                long allocated = 1;
                for (int block = 0; block < WARM_UPS && allocated > 0; block++) { // compilers come and go
                    allocated = allocatedBy(step);
                }
                assertThat(allocated).as("bytes after %d warm-ups", WARM_UPS).isZero();
            }
        }
    }

    private static Tensor normal(Arena arena, Random random, int rows, int cols) {
        Tensor tensor = Tensor.zeros(arena, DType.F32, rows, cols);
        for (long i = 0; i < tensor.count(); i++) tensor.set(i, random.nextGaussian());
        return tensor;
    }

    private static long allocatedBy(Runnable step) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < CALLS; i++) step.run();
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
