package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.model.config.Scoring;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** permute.cu against the formulas in double. */
class CudaPermuteTest extends CudaFixture {
    private static final Experts EXPERTS = new ReferenceExperts();

    CudaPermuteTest() {
        super("permute");
    }

    private Routing routing(int rows, RouterConfig router) {
        Routing routing = RoutingFixture.routing(arena, DType.F32, rows, router);
        EXPERTS.route(routing, matrix(rows, router.experts(), 0), null, router);
        return routing;
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "1, 16, 4", "63, 3, 2", "64, 300, 8", "5, 700, 6", "150, 300, 6"})
    void sorts(int rows, int experts, int topK) {
        RouterConfig router = RoutingFixture.router(experts, topK, 1, 1, Scoring.SIGMOID, false, true, 1);
        Routing expected = routing(rows, router);
        Tensor positions = ids(rows, topK, 5); // strided; what was there is overwritten
        Tensor tokens = Tensor.zeros(arena, DType.I32, (long) rows * topK);
        Tensor offsets = Tensor.zeros(arena, DType.I32, experts + 1);
        int blocks = Math.ceilDiv(rows, 64);
        Tensor counts = Tensor.zeros(arena, DType.I32, blocks, experts);
        Strided ids = rows(expected.ids());
        launch("count_choices", blocks(blocks, 1).of(256, 4L * experts), counts, ids, rows, topK, experts);
        launch("place_experts", blocks(1, 1), offsets, counts, blocks, experts);
        launch(
                "place_choices",
                blocks(blocks, 1).of(256, 4L * 64 * topK),
                rows(positions),
                tokens,
                offsets,
                counts,
                ids,
                rows,
                topK,
                experts);
        assertSame(offsets, expected.offsets());
        assertSame(positions, expected.positions());
        assertSame(tokens, expected.tokens());
        if (rows > 64) return;
        positions = ids(rows, topK, 5);
        tokens.clear();
        offsets.clear();
        Grid one = blocks(1, 1).of(256, 4L * rows * topK);
        launch("place_few", one, rows(positions), tokens, offsets, ids, rows, topK, experts);
        assertSame(offsets, expected.offsets());
        assertSame(positions, expected.positions());
        assertSame(tokens, expected.tokens());
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1, WRITE", "7, 5, 3, 30, ADD", "20, 16, 4, 300, WRITE"})
    void movesAndReturns(int rows, int experts, int topK, int dim, Accumulate mode) {
        RouterConfig router = RoutingFixture.router(experts, topK, 1, 1, Scoring.SIGMOID, false, true, 2.5f);
        Routing routing = routing(rows, router);
        int add = mode == Accumulate.ADD ? 1 : 0, choices = rows * topK;
        Tensor x = matrix(rows, dim, 1), permuted = matrix(choices, dim, 1), expected = copy(permuted);
        EXPERTS.permute(expected, x, routing);
        launch("permute", blocks(choices, 1), rows(permuted), rows(x), routing.tokens(), dim);
        assertSame(permuted, expected);

        Tensor y = matrix(rows, dim, 2), yTwin = twin(y);
        EXPERTS.unpermute(yTwin, permuted, routing, mode);
        Strided positions = rows(routing.positions()), weights = rows(routing.weights());
        launch("unpermute", blocks(rows, 1), rows(y), rows(permuted), weights, positions, topK, dim, add);
        assertClose(y, yTwin, 2e-6);
        yTwin = twin(y);
        EXPERTS.permuteGrad(yTwin, permuted, routing, mode);
        launch("unpermute", blocks(rows, 1), rows(y), rows(permuted), null, 0L, positions, topK, dim, add);
        assertClose(y, yTwin, 2e-6);

        Tensor dy = matrix(rows, dim, 1), dPermuted = matrix(choices, dim, 0), dWeights = matrix(rows, topK, 1);
        Tensor dPermutedTwin = twin(dPermuted), dWeightsTwin = twin(dWeights);
        EXPERTS.unpermuteGrad(dPermutedTwin, dWeightsTwin, dy, permuted, routing);
        Strided dw = rows(dWeights);
        launch(
                "unpermute_grad",
                blocks(choices, 1),
                rows(dPermuted),
                dw,
                rows(dy),
                rows(permuted),
                weights,
                positions,
                topK,
                dim);
        assertClose(dPermuted, dPermutedTwin, 2e-7);
        assertClose(dWeights, dWeightsTwin, 1e-5);
        launch(
                "unpermute_grad",
                blocks(choices, 1),
                rows(permuted),
                dw,
                rows(dy),
                rows(permuted),
                weights,
                positions,
                topK,
                dim);
        assertSame(permuted, dPermuted);
    }
}
