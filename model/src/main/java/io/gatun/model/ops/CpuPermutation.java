package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Permutation;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;

/** Moving rows to their experts and back in blocks of tokens; shapes are checked before. */
final class CpuPermutation {
    private static final int NUMBERS = 1 << 16; // that one task moves: some ten microseconds at the speed of memory

    private final Team team;
    private final Permute permute = new Permute();
    private final Unpermute unpermute = new Unpermute();
    private final UnpermuteGrad unpermuteGrad = new UnpermuteGrad();

    CpuPermutation(Team team) {
        this.team = team;
    }

    void permute(Tensor permuted, Tensor x, Tensor positions) {
        permute.permuted = permuted;
        permute.x = x;
        permute.positions = positions;
        permute.block = block(x, positions);
        team.run(blocks(x, permute.block), permute);
    }

    private static final class Permute implements Team.Job {
        Tensor permuted;
        Tensor x;
        Tensor positions;
        int block;

        @Override
        public void run(int task, int worker) {
            int from = task * block;
            Permutation.permute(
                    permuted.data(),
                    permuted.rowStride(),
                    x.data(),
                    x.rowStride(),
                    positions.data(),
                    positions.rowStride(),
                    from,
                    Math.min(from + block, x.rows()),
                    positions.cols(),
                    x.cols());
        }
    }

    /** {@code weights} null: ones. */
    void unpermute(Tensor y, Tensor permuted, Tensor weights, Tensor positions, Accumulate mode) {
        unpermute.y = y;
        unpermute.permuted = permuted;
        unpermute.weights = weights;
        unpermute.positions = positions;
        unpermute.mode = mode;
        unpermute.block = block(y, positions);
        team.run(blocks(y, unpermute.block), unpermute);
    }

    private static final class Unpermute implements Team.Job {
        Tensor y;
        Tensor permuted;
        Tensor weights;
        Tensor positions;
        Accumulate mode;
        int block;

        @Override
        public void run(int task, int worker) {
            int from = task * block;
            Permutation.unpermute(
                    y.data(),
                    y.rowStride(),
                    permuted.data(),
                    permuted.rowStride(),
                    weights == null ? null : weights.data(),
                    weights == null ? 0 : weights.rowStride(),
                    positions.data(),
                    positions.rowStride(),
                    from,
                    Math.min(from + block, y.rows()),
                    positions.cols(),
                    y.cols(),
                    mode);
        }
    }

    void unpermuteGrad(Tensor dPermuted, Tensor dWeights, Tensor dy, Tensor permuted, Routing routing) {
        unpermuteGrad.dPermuted = dPermuted;
        unpermuteGrad.dWeights = dWeights;
        unpermuteGrad.dy = dy;
        unpermuteGrad.permuted = permuted;
        unpermuteGrad.routing = routing;
        unpermuteGrad.block = block(dy, routing.positions());
        team.run(blocks(dy, unpermuteGrad.block), unpermuteGrad);
    }

    private static final class UnpermuteGrad implements Team.Job {
        Tensor dPermuted;
        Tensor dWeights;
        Tensor dy;
        Tensor permuted;
        Routing routing;
        int block;

        @Override
        public void run(int task, int worker) {
            Tensor weights = routing.weights();
            Tensor positions = routing.positions();
            int from = task * block;
            Permutation.unpermuteGrad(
                    dPermuted.data(),
                    dPermuted.rowStride(),
                    dWeights.data(),
                    dWeights.rowStride(),
                    dy.data(),
                    dy.rowStride(),
                    permuted.data(),
                    permuted.rowStride(),
                    weights.data(),
                    weights.rowStride(),
                    positions.data(),
                    positions.rowStride(),
                    from,
                    Math.min(from + block, dy.rows()),
                    positions.cols(),
                    dy.cols());
        }
    }

    /** Tokens of one task; by the shape only. */
    private static int block(Tensor x, Tensor positions) {
        return (int) Math.max(1, NUMBERS / ((long) Math.max(1, x.cols()) * (positions.cols() + 1)));
    }

    private static int blocks(Tensor x, int block) {
        return (x.rows() + block - 1) / block;
    }
}
