package io.gatun.model.ops;

import static io.gatun.model.ops.RoutingShapes.matrix;
import static io.gatun.model.ops.RoutingShapes.vector;
import static io.gatun.tensor.DType.F32;
import static io.gatun.tensor.DType.I32;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.JitDirectives;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** Routing on the CPU: checks shapes, then leaves the work to {@link CpuRouter} and {@link CpuPermutation}. One caller at a time. */
final class CpuExperts implements Experts {
    private final CpuRouter router;
    private final CpuPermutation permutation;

    CpuExperts(Team team) {
        JitDirectives.ensure();
        router = new CpuRouter(team);
        permutation = new CpuPermutation(team);
    }

    @Override
    public void route(Routing routing, Tensor logits, Tensor bias, RouterConfig config) {
        matrix("logits", logits, F32, logits.rows(), config.experts());
        RoutingShapes.bias(bias, config);
        RoutingShapes.routing(routing, logits.rows(), config);
        router.route(routing, logits, bias, config);
    }

    @Override
    public void routeGrad(Tensor dLogits, Tensor dWeights, Tensor dScores, Routing routing, RouterConfig config) {
        int rows = dLogits.rows();
        matrix("dLogits", dLogits, F32, rows, config.experts());
        matrix("dWeights", dWeights, F32, rows, config.topK());
        if (dScores != null) matrix("dScores", dScores, F32, rows, config.experts());
        matrix("scores", routing.scores(), F32, rows, config.experts());
        matrix("ids", routing.ids(), I32, rows, config.topK());
        router.routeGrad(dLogits, dWeights, dScores, routing, config);
    }

    @Override
    public void sequenceBalance(
            Tensor loss, Tensor dScores, Tensor scores, RouterConfig config, int sequence, float factor) {
        int rows = scores.rows();
        matrix("scores", scores, F32, rows, config.experts());
        matrix("dScores", dScores, F32, rows, config.experts());
        if (sequence < 1 || rows % sequence != 0) {
            throw new TensorException("%d rows do not divide into sequences of %d tokens".formatted(rows, sequence));
        }
        vector("loss", loss, F32, rows / sequence);
        router.sequenceBalance(loss, dScores, scores, config, sequence, factor);
    }

    @Override
    public void permute(Tensor permuted, Tensor x, Routing routing) {
        moved("permuted", permuted, "x", x, routing);
        permutation.permute(permuted, x, routing.positions());
    }

    @Override
    public void permuteGrad(Tensor dx, Tensor dPermuted, Routing routing, Accumulate mode) {
        moved("dPermuted", dPermuted, "dx", dx, routing);
        permutation.unpermute(dx, dPermuted, null, routing.positions(), mode);
    }

    @Override
    public void unpermute(Tensor y, Tensor permuted, Routing routing, Accumulate mode) {
        moved("permuted", permuted, "y", y, routing);
        matrix("weights", routing.weights(), F32, y.rows(), routing.positions().cols());
        permutation.unpermute(y, permuted, routing.weights(), routing.positions(), mode);
    }

    @Override
    public void unpermuteGrad(Tensor dPermuted, Tensor dWeights, Tensor dy, Tensor permuted, Routing routing) {
        moved("permuted", permuted, "dy", dy, routing);
        moved("dPermuted", dPermuted, "dy", dy, routing);
        matrix("weights", routing.weights(), F32, dy.rows(), routing.positions().cols());
        matrix("dWeights", dWeights, F32, dy.rows(), routing.positions().cols());
        permutation.unpermuteGrad(dPermuted, dWeights, dy, permuted, routing);
    }

    private static void moved(String permutedName, Tensor permuted, String name, Tensor x, Routing routing) {
        int topK = routing.positions().cols();
        matrix(name, x, F32, x.rows(), x.cols());
        matrix("positions", routing.positions(), I32, x.rows(), topK);
        matrix(permutedName, permuted, F32, (long) x.rows() * topK, x.cols());
    }
}
