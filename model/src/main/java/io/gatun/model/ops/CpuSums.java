package io.gatun.model.ops;

import io.gatun.kernels.Sums;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;

/** {@link Elementwise#sum} and {@link Elementwise#sumOfSquares} on a team: a partial sum for each chunk, added in their order. */
final class CpuSums implements Team.Job {
    private final Team team;
    private double[] partial = {};
    private Tensor x;
    private boolean squares;

    CpuSums(Team team) {
        this.team = team;
    }

    double sum(Tensor x) {
        return sum("sum", x, false);
    }

    double sumOfSquares(Tensor x) {
        return sum("sumOfSquares", x, true);
    }

    private double sum(String verb, Tensor x, boolean squares) {
        int chunks;
        if (x.isContiguous()) { // one flat range, which may be longer than an int
            Demand.vector(verb, "x", x, DType.F32, x.count());
            chunks = Math.toIntExact(Math.ceilDiv(x.count(), Cut.ELEMENTS));
        } else {
            Demand.matrix(verb, "x", x, DType.F32, x.rows(), x.cols());
            chunks = Math.ceilDiv(x.rows(), Cut.rows(x.cols()));
        }
        this.x = x;
        this.squares = squares;
        if (partial.length < chunks) partial = new double[chunks];
        team.run(chunks, this);
        double sum = 0;
        for (int chunk = 0; chunk < chunks; chunk++) sum += partial[chunk];
        return sum;
    }

    @Override
    public void run(int task, int worker) {
        if (x.isContiguous()) {
            long from = (long) task * Cut.ELEMENTS;
            partial[task] = part(from, (int) Math.min(Cut.ELEMENTS, x.count() - from));
            return;
        }
        int from = task * Cut.rows(x.cols());
        int to = Math.min(x.rows(), from + Cut.rows(x.cols()));
        double sum = 0;
        for (int row = from; row < to; row++) sum += part(row * x.rowStride(), x.cols());
        partial[task] = sum;
    }

    private double part(long from, int count) {
        long at = from * Float.BYTES;
        return squares ? Sums.sumOfSquares(x.data(), at, count) : Sums.sum(x.data(), at, count);
    }
}
