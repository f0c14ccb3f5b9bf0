package io.gatun.model.ops;

import static io.gatun.model.ops.RoutingFixture.assertClose;
import static io.gatun.model.ops.RoutingFixture.assertSame;
import static io.gatun.model.ops.RoutingFixture.normal;
import static io.gatun.model.ops.RoutingFixture.router;
import static io.gatun.model.ops.RoutingFixture.strided;
import static io.gatun.model.ops.RoutingFixture.wide;
import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Routing on the CPU against its twin. */
class CpuExpertsTest {
    private static final RouterConfig SMALL = router(16, 4, 4, 2, Scoring.SIGMOID, true, true, 2.5f);

    private final Team team = new Team(2);
    private final Experts cpu = new CpuExperts(team);
    private final Experts reference = new ReferenceExperts();
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        team.close();
        arena.close();
    }

    static Stream<RouterConfig> routers() {
        return RoutingFixture.routers();
    }

    @ParameterizedTest
    @MethodSource("routers")
    void routesAsItsReference(RouterConfig router) {
        for (int rows : new int[] {0, 1, 63, 64, 65, 130}) {
            Tensor logits = normal(arena, DType.F32, 100 + rows, 2, rows, router.experts());
            Tensor bias = router.biased() ? normal(arena, DType.F32, 7, 0.3, router.experts()) : null;
            Routing actual = RoutingFixture.routing(arena, DType.F32, rows, router);
            Routing expected = RoutingFixture.routing(arena, DType.F64, rows, router);
            cpu.route(actual, logits, bias, router);
            reference.route(expected, wide(arena, logits), bias == null ? null : wide(arena, bias), router);
            assertRouted(actual, expected, router);
        }
    }

    @ParameterizedTest
    @MethodSource("routers")
    void gradientsEqualTheirReference(RouterConfig router) {
        int rows = 130;
        int sequence = 65; // one token more than a block
        Tensor logits = normal(arena, DType.F32, 1, 2, rows, router.experts());
        Tensor bias = router.biased() ? normal(arena, DType.F32, 2, 0.3, router.experts()) : null;
        Tensor dWeights = normal(arena, DType.F32, 3, 1, rows, router.topK());
        Routing routing = RoutingFixture.routing(arena, DType.F32, rows, router);
        cpu.route(routing, logits, bias, router);

        Tensor loss = Tensor.zeros(arena, DType.F32, 2);
        Tensor dScores = Tensor.zeros(arena, DType.F32, rows, router.experts());
        Tensor expectedLoss = Tensor.zeros(arena, DType.F64, 2);
        Tensor expectedScores = Tensor.zeros(arena, DType.F64, rows, router.experts());
        cpu.sequenceBalance(loss, dScores, routing.scores(), router, sequence, 0.7f);
        reference.sequenceBalance(expectedLoss, expectedScores, routing.scores(), router, sequence, 0.7f);
        assertClose("loss", loss, expectedLoss, 1e-6);
        assertClose("dScores", dScores, expectedScores, 1e-6);

        Tensor dLogits = normal(arena, DType.F32, 4, 1, rows, router.experts()); // must be overwritten
        Tensor expected = Tensor.zeros(arena, DType.F64, rows, router.experts());
        cpu.routeGrad(dLogits, dWeights, dScores, routing, router);
        reference.routeGrad(expected, dWeights, dScores, routing, router);
        assertClose("dLogits", dLogits, expected, 3e-6);
        cpu.routeGrad(dLogits, dWeights, null, routing, router);
        reference.routeGrad(expected, dWeights, null, routing, router);
        assertClose("dLogits without a balance loss", dLogits, expected, 3e-6);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 1030})
    void movesRowsAsItsReference(int dim) {
        int rows = 67;
        Routing routing = RoutingFixture.routing(arena, DType.F32, rows, SMALL);
        cpu.route(routing, normal(arena, DType.F32, 1, 2, rows, 16), normal(arena, DType.F32, 2, 0.3, 16), SMALL);
        Tensor x = normal(arena, DType.F32, 3, 1, rows, dim);
        Tensor permuted = Tensor.zeros(arena, DType.F32, rows * 4, dim);
        Tensor expectedPermuted = Tensor.zeros(arena, DType.F64, rows * 4, dim);
        cpu.permute(permuted, x, routing);
        reference.permute(expectedPermuted, x, routing);
        assertSame("permuted", permuted, expectedPermuted);

        Tensor experts = normal(arena, DType.F32, 4, 1, rows * 4, dim);
        for (Accumulate mode : Accumulate.values()) {
            Tensor y = normal(arena, DType.F32, 5, 1, rows, dim);
            Tensor expected = wide(arena, y);
            cpu.unpermute(y, experts, routing, mode);
            reference.unpermute(expected, experts, routing, mode);
            assertClose("y", y, expected, 1e-6);
            cpu.permuteGrad(y, experts, routing, mode);
            expected.copyFrom(wide(arena, expected));
            reference.permuteGrad(expected, experts, routing, mode);
            assertClose("dx", y, expected, 2e-6);
        }

        Tensor dy = normal(arena, DType.F32, 6, 1, rows, dim);
        Tensor dPermuted = Tensor.zeros(arena, DType.F32, rows * 4, dim);
        Tensor dWeights = Tensor.zeros(arena, DType.F32, rows, 4);
        Tensor expectedRows = Tensor.zeros(arena, DType.F64, rows * 4, dim);
        Tensor expectedWeights = Tensor.zeros(arena, DType.F64, rows, 4);
        cpu.unpermuteGrad(dPermuted, dWeights, dy, experts, routing);
        reference.unpermuteGrad(expectedRows, expectedWeights, dy, experts, routing);
        assertClose("dPermuted", dPermuted, expectedRows, 1e-7);
        assertClose("dWeights", dWeights, expectedWeights, 2e-7 * Math.sqrt(dim) + 1e-7);
    }

    @Test
    void stridedRowsGiveTheSameBitsAndTheirNeighboursStay() {
        int rows = 70;
        int dim = 19;
        Tensor logits = normal(arena, DType.F32, 1, 2, rows, 16);
        Tensor bias = normal(arena, DType.F32, 2, 0.3, 16);
        Routing tight = RoutingFixture.routing(arena, DType.F32, rows, SMALL);
        Routing loose = new Routing(
                strided(arena, tight.scores(), 9),
                strided(arena, tight.ids(), 9),
                strided(arena, tight.weights(), 9),
                strided(arena, tight.positions(), 9),
                Tensor.zeros(arena, DType.I32, rows * 4),
                Tensor.zeros(arena, DType.I32, 17));
        cpu.route(tight, logits, bias, SMALL);
        cpu.route(loose, strided(arena, logits, Double.NaN), bias, SMALL);
        assertSame("scores", loose.scores(), tight.scores());
        assertSame("ids", loose.ids(), tight.ids());
        assertSame("weights", loose.weights(), tight.weights());
        assertSame("positions", loose.positions(), tight.positions());
        assertSame("tokens", loose.tokens(), tight.tokens());

        Tensor x = normal(arena, DType.F32, 3, 1, rows, dim);
        Tensor dWeights = normal(arena, DType.F32, 4, 1, rows, 4);
        Tensor[] a = everyVerb(new CpuExperts(team), tight, x, dWeights, false);
        Tensor[] b = everyVerb(new CpuExperts(team), loose, x, dWeights, true);
        for (int i = 0; i < a.length; i++) assertSame("result " + i, b[i], a[i]);
    }

    /** The results of all verbs but route; with {@code views}, of and into column ranges. */
    private Tensor[] everyVerb(Experts experts, Routing routing, Tensor x, Tensor dWeights, boolean views) {
        int rows = x.rows();
        Tensor permuted = matrix(views, rows * 4, x.cols());
        Tensor y = matrix(views, rows, x.cols());
        Tensor dx = matrix(views, rows, x.cols());
        Tensor dPermuted = matrix(views, rows * 4, x.cols());
        Tensor dw = matrix(views, rows, 4);
        Tensor dScores = matrix(views, rows, 16);
        Tensor dLogits = matrix(views, rows, 16);
        Tensor loss = Tensor.zeros(arena, DType.F32, 2);
        Tensor in = views ? strided(arena, x, Double.NaN) : x;
        experts.permute(permuted, in, routing);
        experts.unpermute(y, permuted, routing, Accumulate.ADD);
        experts.permuteGrad(dx, permuted, routing, Accumulate.WRITE);
        experts.unpermuteGrad(dPermuted, dw, in, permuted, routing);
        experts.sequenceBalance(loss, dScores, routing.scores(), SMALL, rows / 2, 0.5f);
        experts.routeGrad(dLogits, views ? strided(arena, dWeights, 9) : dWeights, dScores, routing, SMALL);
        return new Tensor[] {permuted, y, dx, dPermuted, dw, dScores, dLogits, loss};
    }

    private Tensor matrix(boolean view, int rows, int cols) {
        Tensor zeros = Tensor.zeros(arena, DType.F32, rows, cols);
        return view ? strided(arena, zeros, 9) : zeros;
    }

    @Test
    void bitsDoNotDependOnThreads() {
        int rows = 330;
        RouterConfig router = SMALL;
        Tensor logits = normal(arena, DType.F32, 1, 2, rows, 16);
        Tensor bias = normal(arena, DType.F32, 2, 0.3, 16);
        Tensor x = normal(arena, DType.F32, 3, 1, rows, 1100);
        Tensor dWeights = normal(arena, DType.F32, 4, 1, rows, 4);
        Tensor[] expected = null;
        for (int threads = 1; threads <= 3; threads++) {
            try (Team some = new Team(threads)) {
                Experts experts = new CpuExperts(some);
                Routing routing = RoutingFixture.routing(arena, DType.F32, rows, router);
                experts.route(routing, logits, bias, router);
                Tensor[] results = everyVerb(experts, routing, x, dWeights, false);
                if (expected == null) expected = results;
                for (int i = 0; i < results.length; i++) assertSame("result " + i, results[i], expected[i]);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("routers")
    void equalScoresGoToTheLowerIndex(RouterConfig router) {
        int rows = 50;
        Random random = new Random(5);
        double[] levels = {-2, 0, 1}; // no two sums of two of their scores are equal
        Tensor logits = Tensor.zeros(arena, DType.F32, rows, router.experts());
        for (long i = 0; i < logits.count(); i++) logits.set(i, levels[random.nextInt(3)]);
        Tensor bias = router.biased() ? Tensor.zeros(arena, DType.F32, router.experts()) : null;
        Routing actual = RoutingFixture.routing(arena, DType.F32, rows, router);
        Routing expected = RoutingFixture.routing(arena, DType.F64, rows, router);
        cpu.route(actual, logits, bias, router);
        reference.route(expected, wide(arena, logits), bias == null ? null : wide(arena, bias), router);
        assertRouted(actual, expected, router);
    }

    @ParameterizedTest
    @MethodSource("routers")
    void brokenLogitsGiveValidIdsAndWeightsThatTell(RouterConfig router) {
        float[] broken = {Float.NaN, Float.intBitsToFloat(0xffc12345), Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY
        };
        int rows = 40;
        Random random = new Random(6);
        Tensor logits = normal(arena, DType.F32, 7, 2, rows, router.experts());
        for (int t = 0; t < rows; t++) {
            int count = t < 4 ? router.experts() : 1 + random.nextInt(router.experts());
            for (int i = 0; i < count; i++) {
                int e = t < 4 ? i : random.nextInt(router.experts());
                logits.set(t, e, broken[t % 4]);
            }
        }
        Tensor bias = router.biased() ? normal(arena, DType.F32, 8, 0.3, router.experts()) : null;
        Routing routing = RoutingFixture.routing(arena, DType.F32, rows, router);
        cpu.route(routing, logits, bias, router);
        for (int t = 0; t < rows; t++) {
            Set<Integer> ids = new HashSet<>();
            boolean anyNaN = false;
            for (int k = 0; k < router.topK(); k++) {
                int id = (int) routing.ids().get(t, k);
                assertThat(id).isBetween(0, router.experts() - 1);
                ids.add(id);
                anyNaN |= Double.isNaN(routing.weights().get(t, k));
            }
            assertThat(ids).hasSize(router.topK());
            if (t % 4 < 2) assertThat(anyNaN).as("row %d tells of its NaN", t).isTrue();
        }
        assertThat(routing.offsets().get(router.experts())).isEqualTo(rows * router.topK());
    }

    @Test
    void scoresThatUnderflowGiveNoNaN() {
        RouterConfig router = router(20, 3, 1, 1, Scoring.SIGMOID, false, true, 2);
        Tensor logits = Tensor.zeros(arena, DType.F32, 4, 20);
        for (long i = 0; i < logits.count(); i++) logits.set(i, -500);
        Routing routing = RoutingFixture.routing(arena, DType.F32, 4, router);
        Tensor dScores = Tensor.zeros(arena, DType.F32, 4, 20);
        Tensor loss = Tensor.zeros(arena, DType.F32, 1);
        Tensor dLogits = normal(arena, DType.F32, 1, 1, 4, 20);
        cpu.route(routing, logits, null, router);
        cpu.sequenceBalance(loss, dScores, routing.scores(), router, 4, 1e-4f);
        cpu.routeGrad(dLogits, normal(arena, DType.F32, 2, 1, 4, 3), dScores, routing, router);
        for (long i = 0; i < 12; i++) assertThat(routing.weights().get(i)).isZero();
        for (long i = 0; i < 80; i++) assertThat(dLogits.get(i)).isZero();
    }

    private void assertRouted(Routing actual, Routing expected, RouterConfig router) {
        assertClose("scores", actual.scores(), expected.scores(), 3e-7);
        assertSame("ids", actual.ids(), expected.ids());
        assertClose("weights", actual.weights(), expected.weights(), 1e-6);
        assertSame("positions", actual.positions(), expected.positions());
        assertSame("tokens", actual.tokens(), expected.tokens());
        assertSame("offsets", actual.offsets(), expected.offsets());
    }
}
