package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Routing and moving of the GPU against those of the CPU, on either side of what one block sorts. */
class CudaOpsExpertsTest extends CudaOpsFixture {
    private Routing empty(Ops ops, int rows, RouterConfig router) {
        return new Routing(
                ops.reals(arena, rows, router.experts()),
                ops.ints(arena, rows, router.topK()),
                ops.reals(arena, rows, router.topK()),
                ops.ints(arena, rows, router.topK()),
                ops.ints(arena, (long) rows * router.topK()),
                ops.ints(arena, router.experts() + 1L));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 64, 65, 130})
    void equalThoseOfTheCpu(int rows) {
        RoutingFixture.routers().forEach(router -> {
            Random random = new Random(rows);
            Tensor logits = normal(random, rows, router.experts());
            Tensor bias = router.biased() ? vector(random, router.experts()) : null;
            Routing expected = empty(cpu, rows, router), routing = empty(gpu, rows, router);
            cpu.experts().route(expected, logits, bias, router);
            gpu.experts().check(router);
            gpu.experts().route(routing, onGpu(logits), bias == null ? null : onGpu(bias), router);
            assertClose("scores", routing.scores(), expected.scores(), 1e-6);
            assertClose("ids", routing.ids(), expected.ids(), 0);
            assertClose("weights", routing.weights(), expected.weights(), 2e-6);
            assertClose("positions", routing.positions(), expected.positions(), 0);
            assertClose("tokens", routing.tokens(), expected.tokens(), 0);
            assertClose("offsets", routing.offsets(), expected.offsets(), 0);

            Tensor x = normal(random, rows, 21), y = normal(random, rows, 21);
            Tensor permuted = normal(random, rows * router.topK(), 21);
            Tensor yGpu = onGpu(y), permutedGpu = onGpu(permuted);
            cpu.experts().permute(permuted, x, expected);
            gpu.experts().permute(permutedGpu, onGpu(x), routing);
            assertClose("permuted", permutedGpu, permuted, 0);
            for (Accumulate mode : Accumulate.values()) {
                cpu.experts().unpermute(y, permuted, expected, mode);
                gpu.experts().unpermute(yGpu, permutedGpu, routing, mode);
                assertClose("y", yGpu, y, 1e-5);
            }
        });
    }

    @Test
    void refusesRoutersThatDoNotFit() {
        RouterConfig huge = RoutingFixture.router(20000, 8, 1, 1, Scoring.SIGMOID, false, true, 1);
        assertThatThrownBy(() -> gpu.experts().check(huge))
                .isInstanceOf(TensorException.class)
                .hasMessageStartingWith("top 8 of 20000 experts in 1 groups need 320016 bytes of shared memory");
        RouterConfig biased = RoutingFixture.router(4, 2, 1, 1, Scoring.SIGMOID, true, true, 1);
        Tensor logits = gpu.reals(arena, 3, 4);
        assertThatThrownBy(() -> gpu.experts().route(empty(gpu, 3, biased), logits, null, biased))
                .isInstanceOf(TensorException.class)
                .hasMessage("the router is biased; a bias f32[4] is missing");
        Tensor onHost = Tensor.zeros(arena, DType.F32, 3, 4);
        assertThatThrownBy(() ->
                        gpu.experts().route(empty(gpu, 3, biased), onHost, Tensor.zeros(arena, DType.F32, 4), biased))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("lies in host memory");
    }
}
