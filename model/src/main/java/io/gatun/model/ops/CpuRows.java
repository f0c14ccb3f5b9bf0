package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Rows;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;

/** {@link Elementwise#sequenceRows} on a team. */
final class CpuRows implements Team.Job {
    private final Team team;
    private Tensor y, x;
    private int yPeriod, xPeriod;
    private Accumulate mode;

    CpuRows(Team team) {
        this.team = team;
    }

    void sequenceRows(Tensor y, int yPeriod, Tensor x, int xPeriod, Accumulate mode) {
        int dim = x.cols();
        sameSequences(y, yPeriod, x, xPeriod);
        Demand.matrix("sequenceRows", "x", x, DType.F32, x.rows(), dim);
        Demand.matrix("sequenceRows", "y", y, DType.F32, y.rows(), dim);
        this.y = y;
        this.yPeriod = yPeriod;
        this.x = x;
        this.xPeriod = xPeriod;
        this.mode = mode;
        team.run(Math.ceilDiv(rows(), Cut.rows(dim)), this);
    }

    static void sameSequences(Tensor y, int yPeriod, Tensor x, int xPeriod) {
        int sequences = sequences("x", x, xPeriod);
        if (sequences("y", y, yPeriod) == sequences) return;
        throw new TensorException("sequenceRows: y %s holds %d sequences of %d rows, x %s holds %d of %d"
                .formatted(y, sequences("y", y, yPeriod), yPeriod, x, sequences, xPeriod));
    }

    static int sequences(String name, Tensor tensor, int period) {
        int rows = tensor.rows();
        if (rows == 0) return 0;
        if (period < 1 || rows % period != 0) {
            throw new TensorException("sequenceRows: %s is %s; its %d rows are not whole sequences of %d"
                    .formatted(name, tensor, rows, period));
        }
        return rows / period;
    }

    /** How many rows are moved. */
    private int rows() {
        return x.rows() == 0 ? 0 : x.rows() / xPeriod * Math.min(xPeriod, yPeriod);
    }

    @Override
    public void run(int task, int worker) {
        int dim = x.cols();
        int taken = Math.min(xPeriod, yPeriod);
        int from = task * Cut.rows(dim);
        int to = Math.min(rows(), from + Cut.rows(dim));
        for (int row = from; row < to; row++) {
            int sequence = row / taken;
            int place = row % taken;
            long yRow = ((long) sequence * yPeriod + place) * y.rowStride() * Float.BYTES;
            long xRow = ((long) sequence * xPeriod + place) * x.rowStride() * Float.BYTES;
            Rows.assign(y.data(), yRow, x.data(), xRow, dim, mode);
        }
    }
}
