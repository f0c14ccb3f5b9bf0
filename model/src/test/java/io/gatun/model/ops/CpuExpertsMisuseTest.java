package io.gatun.model.ops;

import static io.gatun.model.ops.RoutingFixture.router;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a caller is told who gives routing the wrong tensors. */
class CpuExpertsMisuseTest {
    private static final RouterConfig BIASED = router(8, 2, 1, 1, Scoring.SIGMOID, true, true, 1);
    private static final RouterConfig UNBIASED = router(8, 2, 1, 1, Scoring.SOFTMAX, false, false, 1);

    private final Team team = new Team(1);
    private final Arena arena = Arena.ofConfined();
    private final CpuExperts experts = new CpuExperts(team);
    private final Routing routing = RoutingFixture.routing(arena, DType.F32, 3, BIASED);

    @AfterEach
    void close() {
        team.close();
        arena.close();
    }

    @Test
    void routeNamesTheTensorThatDoesNotFit() {
        Tensor bias = f32(8);
        says(() -> experts.route(routing, f32(3, 7), bias, BIASED), "logits is f32[3, 7]; expected f32[3, 8]");
        says(() -> experts.route(routing, f32(4, 8), bias, BIASED), "scores is f32[3, 8]; expected f32[4, 8]");
        says(() -> experts.route(routing, f32(3, 8), f32(9), BIASED), "bias is f32[9]; expected f32[8], contiguous");
        says(() -> experts.route(routing, f32(3, 8), null, BIASED), "the router is biased; a bias f32[8] is missing");
        says(() -> experts.route(routing, f32(3, 8), bias, UNBIASED), "the router has no bias; f32[8] was given");
        Tensor wide = Tensor.zeros(arena, DType.F64, 3, 8);
        says(() -> experts.route(routing, wide, bias, BIASED), "logits is f64[3, 8]; expected f32[3, 8]");
        Tensor device = Tensor.onDevice(4096, DType.F32, 3, 8);
        says(() -> experts.route(routing, device, bias, BIASED), "f32[3, 8] lies in GPU memory");
    }

    @Test
    void gradientsNameTheTensorThatDoesNotFit() {
        says(
                () -> experts.routeGrad(f32(3, 8), f32(3, 3), null, routing, BIASED),
                "dWeights is f32[3, 3]; expected f32[3, 2]");
        says(
                () -> experts.routeGrad(f32(3, 8), f32(3, 2), f32(3, 9), routing, BIASED),
                "dScores is f32[3, 9]; expected f32[3, 8]");
        says(
                () -> experts.sequenceBalance(f32(1), f32(3, 8), f32(3, 8), BIASED, 2, 1),
                "3 rows do not divide into sequences of 2 tokens");
        says(
                () -> experts.sequenceBalance(f32(1), f32(3, 8), f32(3, 8), BIASED, 0, 1),
                "3 rows do not divide into sequences of 0 tokens");
        says(
                () -> experts.sequenceBalance(f32(3), f32(3, 8), f32(3, 8), BIASED, 3, 1),
                "loss is f32[3]; expected f32[1], contiguous");
    }

    @Test
    void movesNameTheTensorThatDoesNotFit() {
        says(() -> experts.permute(f32(5, 4), f32(3, 4), routing), "permuted is f32[5, 4]; expected f32[6, 4]");
        says(
                () -> experts.permuteGrad(f32(3, 4), f32(6, 5), routing, Accumulate.ADD),
                "dPermuted is f32[6, 5]; expected f32[6, 4]");
        says(
                () -> experts.unpermute(f32(2, 4), f32(6, 4), routing, Accumulate.ADD),
                "positions is i32[3, 2]; expected i32[2, 2]");
        says(
                () -> experts.unpermuteGrad(f32(6, 4), f32(3, 1), f32(3, 4), f32(6, 4), routing),
                "dWeights is f32[3, 1]; expected f32[3, 2]");
    }

    private Tensor f32(long... shape) {
        return Tensor.zeros(arena, DType.F32, shape);
    }

    private static void says(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(TensorException.class).hasMessageContaining(message);
    }
}
