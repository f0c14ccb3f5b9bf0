package io.gatun.model.ops;

import io.gatun.kernels.Embedding;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;

/** {@link Elementwise#embedding}, from tables of F32 or BF16, and its gradient on a team. */
final class CpuEmbedding {
    private final Team team;
    private final Forward forward = new Forward();
    private final Grad grad = new Grad();

    CpuEmbedding(Team team) {
        this.team = team;
    }

    void forward(Tensor y, Tensor table, Tensor ids) {
        int rows = y.rows();
        int dim = y.cols();
        DType stored = table.dtype() == DType.BF16 ? DType.BF16 : DType.F32;
        Demand.matrix("embedding", "y", y, DType.F32, rows, dim);
        Demand.matrix("embedding", "table", table, stored, table.rows(), dim);
        Demand.ids("embedding", "ids", ids, rows, table.rows());
        forward.y = y;
        forward.table = table;
        forward.ids = ids;
        team.run(Math.ceilDiv(rows, Cut.rows(dim)), forward);
    }

    private static final class Forward implements Team.Job {
        private Tensor y, table, ids;

        @Override
        public void run(int task, int worker) {
            int dim = y.cols();
            int from = task * Cut.rows(dim);
            int to = Math.min(y.rows(), from + Cut.rows(dim));
            var out = y.data();
            var in = table.data();
            if (table.dtype() == DType.BF16) {
                Embedding.forwardBf16(
                        out,
                        y.rowStride(),
                        in,
                        table.rowStride(),
                        ids.data(),
                        ids.cols(),
                        ids.rowStride(),
                        from,
                        to,
                        dim);
            } else {
                Embedding.forward(
                        out,
                        y.rowStride(),
                        in,
                        table.rowStride(),
                        ids.data(),
                        ids.cols(),
                        ids.rowStride(),
                        from,
                        to,
                        dim);
            }
        }
    }

    void grad(Tensor dTable, Tensor dy, Tensor ids) {
        int rows = dy.rows();
        int dim = dy.cols();
        Demand.matrix("embeddingGrad", "dy", dy, DType.F32, rows, dim);
        Demand.matrix("embeddingGrad", "dTable", dTable, DType.F32, dTable.rows(), dim);
        Demand.ids("embeddingGrad", "ids", ids, rows, dTable.rows());
        if (rows == 0) return;
        grad.dTable = dTable;
        grad.dy = dy;
        grad.ids = ids;
        grad.width = Math.max(Math.ceilDiv(dim, 16), Math.max(64, Cut.ELEMENTS / rows));
        team.run(Math.ceilDiv(dim, grad.width), grad);
    }

    /** Tasks are ranges of columns: two rows may have one id, and their order must be kept. */
    private static final class Grad implements Team.Job {
        private Tensor dTable, dy, ids;
        private int width;

        @Override
        public void run(int task, int worker) {
            int column = task * width;
            Embedding.grad(
                    dTable.data(),
                    dTable.rowStride(),
                    dy.data(),
                    dy.rowStride(),
                    ids.data(),
                    ids.cols(),
                    ids.rowStride(),
                    dy.rows(),
                    column,
                    Math.min(width, dy.cols() - column));
        }
    }
}
