package io.gatun.model.ops;

import static io.gatun.model.ops.RoutingFixture.normal;
import static io.gatun.model.ops.RoutingFixture.router;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Warm routing allocates nothing. */
class CpuExpertsAllocationTest {
    private static final int CALLS = 300;
    private static final int WARM_UPS = 200;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @Test
    @Tag("allocation")
    void warmCallsAllocateNothing() {
        RouterConfig router = router(20, 4, 4, 2, Scoring.SIGMOID, true, true, 2.5f);
        int rows = 66;
        try (Team team = new Team(1);
                Arena arena = Arena.ofShared()) {
            Experts experts = new CpuExperts(team);
            Routing routing = RoutingFixture.routing(arena, DType.F32, rows, router);
            Tensor logits = normal(arena, DType.F32, 1, 1, rows, 20);
            Tensor bias = normal(arena, DType.F32, 2, 0.1, 20);
            Tensor x = normal(arena, DType.F32, 3, 1, rows, 40);
            Tensor y = Tensor.zeros(arena, DType.F32, rows, 40);
            Tensor permuted = Tensor.zeros(arena, DType.F32, rows * 4, 40);
            Tensor dPermuted = Tensor.zeros(arena, DType.F32, rows * 4, 40);
            Tensor dWeights = Tensor.zeros(arena, DType.F32, rows, 4);
            Tensor dScores = Tensor.zeros(arena, DType.F32, rows, 20);
            Tensor dLogits = Tensor.zeros(arena, DType.F32, rows, 20);
            Tensor loss = Tensor.zeros(arena, DType.F32, 2);
            Runnable step = () -> {
                experts.route(routing, logits, bias, router);
                experts.permute(permuted, x, routing);
                experts.unpermute(y, permuted, routing, Accumulate.ADD);
                experts.unpermuteGrad(dPermuted, dWeights, x, permuted, routing);
                experts.permuteGrad(y, dPermuted, routing, Accumulate.WRITE);
                experts.sequenceBalance(loss, dScores, routing.scores(), router, rows / 2, 1e-4f);
                experts.routeGrad(dLogits, dWeights, dScores, routing, router);
            };
            long allocated = 1;
            for (int block = 0; block < WARM_UPS && allocated > 0; block++) { // compilers come and go
                allocated = allocatedBy(step);
            }
            assertThat(allocated).as("bytes after %d warm-ups", WARM_UPS).isZero();
        }
    }

    private static long allocatedBy(Runnable step) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < CALLS; i++) step.run();
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
