package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.RmsNorm;
import io.gatun.kernels.Rows;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** {@link Elementwise#rmsNorm} and its gradients on a team. */
final class CpuRmsNorm {
    private final Team team;
    private final Forward forward = new Forward();
    private final InputGrad inputGrad = new InputGrad();
    private final GainGrad gainGrad = new GainGrad();

    CpuRmsNorm(Team team) {
        this.team = team;
    }

    void forward(Tensor y, Tensor rstd, Tensor x, Tensor gain, float eps) {
        int rows = x.rows();
        int dim = x.cols();
        Demand.matrix("rmsNorm", "x", x, DType.F32, rows, dim);
        Demand.matrix("rmsNorm", "y", y, DType.F32, rows, dim);
        Demand.vector("rmsNorm", "rstd", rstd, DType.F32, rows);
        Demand.vector("rmsNorm", "gain", gain, DType.F32, dim);
        forward.y = y;
        forward.rstd = rstd;
        forward.x = x;
        forward.gain = gain;
        forward.eps = eps;
        team.run(Math.ceilDiv(rows, Cut.rows(dim)), forward);
    }

    private static final class Forward implements Team.Job {
        private Tensor y, rstd, x, gain;
        private float eps;

        @Override
        public void run(int task, int worker) {
            int dim = x.cols();
            int from = task * Cut.rows(dim);
            int to = Math.min(x.rows(), from + Cut.rows(dim));
            RmsNorm.forward(
                    y.data(), y.rowStride(), rstd.data(), x.data(), x.rowStride(), gain.data(), from, to, dim, eps);
        }
    }

    void inputGrad(Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor gain, Accumulate mode) {
        int rows = x.rows();
        int dim = x.cols();
        Demand.matrix("rmsNormInputGrad", "x", x, DType.F32, rows, dim);
        Demand.matrix("rmsNormInputGrad", "dx", dx, DType.F32, rows, dim);
        Demand.matrix("rmsNormInputGrad", "dy", dy, DType.F32, rows, dim);
        Demand.vector("rmsNormInputGrad", "rstd", rstd, DType.F32, rows);
        Demand.vector("rmsNormInputGrad", "gain", gain, DType.F32, dim);
        inputGrad.dx = dx;
        inputGrad.dy = dy;
        inputGrad.x = x;
        inputGrad.rstd = rstd;
        inputGrad.gain = gain;
        inputGrad.mode = mode;
        team.run(Math.ceilDiv(rows, Cut.rows(dim)), inputGrad);
    }

    private static final class InputGrad implements Team.Job {
        private Tensor dx, dy, x, rstd, gain;
        private Accumulate mode;

        @Override
        public void run(int task, int worker) {
            int dim = x.cols();
            int from = task * Cut.rows(dim);
            int to = Math.min(x.rows(), from + Cut.rows(dim));
            RmsNorm.inputGrad(
                    dx.data(),
                    dx.rowStride(),
                    dy.data(),
                    dy.rowStride(),
                    x.data(),
                    x.rowStride(),
                    rstd.data(),
                    gain.data(),
                    from,
                    to,
                    dim,
                    mode);
        }
    }

    void gainGrad(Tensor dGain, Tensor dy, Tensor x, Tensor rstd) {
        int rows = x.rows();
        int dim = x.cols();
        Demand.matrix("rmsNormGainGrad", "x", x, DType.F32, rows, dim);
        Demand.matrix("rmsNormGainGrad", "dy", dy, DType.F32, rows, dim);
        Demand.vector("rmsNormGainGrad", "rstd", rstd, DType.F32, rows);
        Demand.vector("rmsNormGainGrad", "dGain", dGain, DType.F32, dim);
        int chunks = Math.ceilDiv(rows, GainGrad.rows(dim));
        gainGrad.dy = dy;
        gainGrad.x = x;
        gainGrad.rstd = rstd;
        gainGrad.reserve((long) chunks * dim * Float.BYTES);
        team.run(chunks, gainGrad);
        for (int chunk = 0; chunk < chunks; chunk++) {
            Rows.add(dGain.data(), 0, gainGrad.sums, (long) chunk * dim * Float.BYTES, dim);
        }
    }

    /** Each chunk of rows has sums of its own; they are added in the order of the chunks. */
    private static final class GainGrad implements Team.Job {
        private Tensor dy, x, rstd;
        private MemorySegment sums = MemorySegment.NULL; // [chunks, dim] f32

        /** Rows of one chunk: enough that writing the sums costs little beside reading the rows. */
        static int rows(int dim) {
            return Math.max(64, Cut.rows(dim));
        }

        void reserve(long bytes) {
            if (sums.byteSize() < bytes) sums = Arena.ofAuto().allocate(bytes, 64);
        }

        @Override
        public void run(int task, int worker) {
            int dim = x.cols();
            int from = task * rows(dim);
            int to = Math.min(x.rows(), from + rows(dim));
            long at = (long) task * dim * Float.BYTES;
            for (int c = 0; c < dim; c++) sums.set(JAVA_FLOAT, at + 4L * c, 0); // they hold the last call's
            RmsNorm.gainGrad(sums, at, dy.data(), dy.rowStride(), x.data(), x.rowStride(), rstd.data(), from, to, dim);
        }
    }
}
