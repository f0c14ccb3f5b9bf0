package io.gatun.model.ops;

import static io.gatun.model.ops.RoutingFixture.normal;
import static io.gatun.model.ops.RoutingFixture.router;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.function.DoubleSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradients of the twin against central differences, and the balance loss where its value is known. */
class ReferenceExpertsTest {
    private final Experts experts = new ReferenceExperts();

    static Stream<RouterConfig> routers() {
        return RoutingFixture.routers().filter(r -> r.experts() <= 64);
    }

    @ParameterizedTest
    @MethodSource("routers")
    void routeGradIsTheSlopeOfWeightsAndBalance(RouterConfig router) {
        try (Arena arena = Arena.ofConfined()) {
            int rows = 6;
            int sequence = 3;
            float factor = 0.5f;
            Tensor logits = normal(arena, DType.F64, 11, 1.5, rows, router.experts());
            Tensor bias = router.biased() ? normal(arena, DType.F64, 12, 0.1, router.experts()) : null;
            Tensor dWeights = normal(arena, DType.F64, 13, 1, rows, router.topK());
            Tensor dScores = Tensor.zeros(arena, DType.F64, rows, router.experts());
            Tensor loss = Tensor.zeros(arena, DType.F64, rows / sequence);
            Routing routing = RoutingFixture.routing(arena, DType.F64, rows, router);
            DoubleSupplier objective = () -> {
                experts.route(routing, logits, bias, router);
                experts.sequenceBalance(loss, dScores, routing.scores(), router, sequence, factor);
                double sum = factor * (loss.get(0) + loss.get(1));
                for (long i = 0; i < dWeights.count(); i++)
                    sum += dWeights.get(i) * routing.weights().get(i);
                return sum;
            };
            objective.getAsDouble();
            Tensor dLogits = Tensor.zeros(arena, DType.F64, rows, router.experts());
            experts.routeGrad(dLogits, dWeights, dScores, routing, router);
            assertIsSlope("dLogits", dLogits, logits, objective);
        }
    }

    @Test
    void unpermuteGradIsTheSlopeOfUnpermute() {
        try (Arena arena = Arena.ofConfined()) {
            RouterConfig router = router(5, 2, 1, 1, Scoring.SIGMOID, false, true, 2);
            Routing routing = RoutingFixture.routing(arena, DType.F64, 4, router);
            experts.route(routing, normal(arena, DType.F64, 21, 1, 4, 5), null, router);
            Tensor permuted = normal(arena, DType.F64, 22, 1, 8, 3);
            Tensor dy = normal(arena, DType.F64, 23, 1, 4, 3);
            Tensor y = Tensor.zeros(arena, DType.F64, 4, 3);
            DoubleSupplier objective = () -> {
                experts.unpermute(y, permuted, routing, Accumulate.WRITE);
                return dot(y, dy);
            };
            Tensor dPermuted = Tensor.zeros(arena, DType.F64, 8, 3);
            Tensor dWeights = Tensor.zeros(arena, DType.F64, 4, 2);
            experts.unpermuteGrad(dPermuted, dWeights, dy, permuted, routing);
            assertIsSlope("dPermuted", dPermuted, permuted, objective);
            assertIsSlope("dWeights", dWeights, routing.weights(), objective);
        }
    }

    @Test
    void permuteGradIsTheSlopeOfPermute() {
        try (Arena arena = Arena.ofConfined()) {
            RouterConfig router = router(5, 3, 1, 1, Scoring.SOFTMAX, false, false, 1);
            Routing routing = RoutingFixture.routing(arena, DType.F64, 4, router);
            experts.route(routing, normal(arena, DType.F64, 31, 1, 4, 5), null, router);
            Tensor x = normal(arena, DType.F64, 32, 1, 4, 3);
            Tensor dPermuted = normal(arena, DType.F64, 33, 1, 12, 3);
            Tensor permuted = Tensor.zeros(arena, DType.F64, 12, 3);
            Tensor dx = Tensor.zeros(arena, DType.F64, 4, 3);
            experts.permuteGrad(dx, dPermuted, routing, Accumulate.WRITE);
            assertIsSlope("dx", dx, x, () -> {
                experts.permute(permuted, x, routing);
                return dot(permuted, dPermuted);
            });
        }
    }

    @Test
    void balanceLossIsOneWhenExpertsShareEvenlyAndGrowsWithTheLoadOfOne() {
        try (Arena arena = Arena.ofConfined()) {
            RouterConfig router = router(4, 1, 1, 1, Scoring.SIGMOID, false, true, 1);
            Tensor scores = Tensor.zeros(arena, DType.F64, 8, 4);
            for (int t = 0; t < 4; t++)
                scores.set(t, t, 0.5); // each token of the first sequence has an expert of its own
            for (int t = 4; t < 8; t++) scores.set(t, 2, 0.5);
            Tensor loss = Tensor.zeros(arena, DType.F64, 2);
            experts.sequenceBalance(loss, Tensor.zeros(arena, DType.F64, 8, 4), scores, router, 4, 1);
            assertThat(loss.get(0)).isCloseTo(1, within(1e-12));
            assertThat(loss.get(1)).isCloseTo(4, within(1e-12));
        }
    }

    private static void assertIsSlope(String name, Tensor gradient, Tensor x, DoubleSupplier objective) {
        double h = 1e-5;
        for (long i = 0; i < x.count(); i++) {
            double centre = x.get(i);
            x.set(i, centre + h);
            double above = objective.getAsDouble();
            x.set(i, centre - h);
            double below = objective.getAsDouble();
            x.set(i, centre);
            double slope = (above - below) / (2 * h);
            assertThat(gradient.get(i)).as("%s[%d]", name, i).isCloseTo(slope, within(1e-8 * (1 + Math.abs(slope))));
        }
    }

    private static double dot(Tensor a, Tensor b) {
        double sum = 0;
        for (long i = 0; i < a.count(); i++) sum += a.get(i) * b.get(i);
        return sum;
    }
}
