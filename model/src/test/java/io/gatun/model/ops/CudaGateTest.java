package io.gatun.model.ops;

import io.gatun.kernels.GroupedTopK;
import io.gatun.model.config.Scoring;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** gate.cu against the formulas in double. */
class CudaGateTest extends CudaFixture {
    private static final Experts EXPERTS = new ReferenceExperts();

    CudaGateTest() {
        super("gate");
    }

    private static Stream<RouterConfig> routers() {
        return RoutingFixture.routers();
    }

    private void route(Routing routing, Tensor logits, Tensor bias, RouterConfig router) {
        int rows = logits.rows();
        launch(
                "route",
                blocks(Math.ceilDiv(rows, 4), 1).of(128, 16L * (router.experts() + router.groups())),
                rows(routing.scores()),
                rows(routing.ids()),
                rows(routing.weights()),
                rows(logits),
                bias,
                rows,
                router.experts(),
                router.topK(),
                router.groups(),
                router.keptGroups(),
                router.biased() ? 1 : 0,
                router.scoring() == Scoring.SOFTMAX ? 1 : 0,
                router.normalise() ? 1 : 0,
                router.scale());
    }

    @ParameterizedTest
    @MethodSource("routers")
    void routes(RouterConfig router) {
        int rows = 9;
        Tensor logits = matrix(rows, router.experts(), 1);
        Tensor bias = router.biased() ? vector(router.experts()) : null;
        for (int e = 0; e < router.experts(); e++) {
            logits.set(0, e, 40 * logits.get(0, e)); // saturated, so that there are ties
            logits.set(1, e, e % 3);
            logits.set(2, e, 7);
            if (bias != null) bias.set(e, e % 2 == 0 ? -1 : 0.5);
        }
        Routing actual = RoutingFixture.routing(arena, DType.F32, rows, router);
        Routing expected = RoutingFixture.routing(arena, DType.F32, rows, router);
        EXPERTS.route(expected, logits, bias, router);
        route(actual, logits, bias, router);
        assertClose(actual.scores(), expected.scores(), 5e-7);
        choose(expected, actual.scores(), bias, router);
        assertSame(actual.ids(), expected.ids());
        assertClose(actual.weights(), expected.weights(), 3e-7);
    }

    /** What the CPU's kernel makes of the same scores: sums with the bias may tie in f32 that do not in double. */
    private void choose(Routing routing, Tensor scores, Tensor bias, RouterConfig router) {
        int rows = scores.rows(), experts = router.experts(), topK = router.topK();
        MemorySegment scratch = arena.allocate(GroupedTopK.scratchBytes(experts, router.groups()), 64);
        MemorySegment biases = bias == null ? arena.allocate(4L * experts, 64) : bias.data();
        MemorySegment ids = routing.ids().data();
        GroupedTopK.select(
                ids,
                topK,
                scratch,
                scores.data(),
                experts,
                biases,
                0,
                rows,
                experts,
                topK,
                router.groups(),
                router.keptGroups(),
                router.biased());
        GroupedTopK.weights(
                routing.weights().data(),
                topK,
                scores.data(),
                experts,
                ids,
                topK,
                0,
                rows,
                topK,
                router.normalise(),
                router.scale());
    }

    @Test
    void notANumberIsChosen() {
        RouterConfig router = RoutingFixture.router(8, 2, 4, 2, Scoring.SIGMOID, true, true, 1);
        Tensor logits = matrix(1, 8, 0), bias = vector(8);
        logits.set(0, 5, Double.NaN);
        Routing routing = RoutingFixture.routing(arena, DType.F32, 1, router);
        route(routing, logits, bias, router);
        Tensor expected = Tensor.zeros(arena, DType.I32, 1, 1);
        expected.set(0, 5);
        assertSame(routing.ids(), expected);
    }

    @ParameterizedTest
    @MethodSource("routers")
    void gradient(RouterConfig router) {
        int rows = 6;
        Tensor logits = matrix(rows, router.experts(), 0), dLogits = matrix(rows, router.experts(), 2);
        Tensor dWeights = matrix(rows, router.topK(), 1), dScores = matrix(rows, router.experts(), 1);
        Routing routing = RoutingFixture.routing(arena, DType.F32, rows, router);
        EXPERTS.route(routing, logits, null, router);
        for (Tensor others : new Tensor[] {null, dScores}) {
            Tensor expected = twin(dLogits);
            EXPERTS.routeGrad(expected, dWeights, others, routing, router);
            launch(
                    "route_grad",
                    blocks(2, 1).of(128, 0),
                    rows(dLogits),
                    rows(dWeights),
                    others,
                    others == null ? 0L : others.rowStride(),
                    rows(routing.scores()),
                    rows(routing.ids()),
                    rows,
                    router.experts(),
                    router.topK(),
                    router.scoring() == Scoring.SOFTMAX ? 1 : 0,
                    router.normalise() ? 1 : 0,
                    router.scale());
            assertClose(dLogits, expected, 1e-5);
        }
    }

    @ParameterizedTest
    @MethodSource("routers")
    void balance(RouterConfig router) {
        int sequences = 3, sequence = 7, rows = sequences * sequence, experts = router.experts();
        Tensor scores = matrix(rows, experts, 1);
        for (int r = 0; r < rows; r++) {
            for (int e = 0; e < experts; e++) scores.set(r, e, 1 / (1 + Math.exp(scores.get(r, e))));
        }
        Tensor loss = vector(sequences), dScores = matrix(rows, experts, 1);
        Tensor lossTwin = twin(loss), dTwin = twin(dScores);
        EXPERTS.sequenceBalance(lossTwin, dTwin, scores, router, sequence, 0.5f);
        Tensor counts = Tensor.zeros(arena, DType.I32, sequences, experts), shares = vector(rows);
        launch(
                "balance_counts",
                blocks(Math.ceilDiv(rows, 4), 1).of(128, 16L * (experts + router.topK())),
                counts,
                rows(scores),
                rows,
                sequence,
                experts,
                router.topK());
        launch(
                "balance_grad",
                blocks(Math.ceilDiv(rows, 4), 1).of(128, 0),
                rows(dScores),
                shares,
                rows(scores),
                counts,
                rows,
                sequence,
                experts,
                (float) (experts / ((double) router.topK() * sequence)),
                0.5f / sequence);
        launch("balance_loss", blocks(sequences, 1), loss, shares, sequence);
        assertClose(loss, lossTwin, 2e-6);
        assertClose(dScores, dTwin, 2e-6);
    }
}
