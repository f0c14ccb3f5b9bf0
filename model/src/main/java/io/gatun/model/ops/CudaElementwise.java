package io.gatun.model.ops;

import io.gatun.kernels.Accumulate;
import io.gatun.model.engine.CudaKernel;
import io.gatun.model.engine.CudaKernels;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;

/**
 * {@link Elementwise} on a GPU, forward. Ids are not checked here, since only the GPU sees them: callers know that they are of the
 * vocabulary.
 */
final class CudaElementwise implements Elementwise {
    private static final int SUM_COLS = 16384; // of a flat range that one block adds

    private final DeviceArena memory;
    private final CudaKernel rmsNorm;
    private final CudaKernel swiGlu;
    private final CudaKernel sequenceRows;
    private final CudaKernel embeddingF32;
    private final CudaKernel embeddingBf16;
    private final CudaKernel crossEntropy;
    private final CudaKernel partialSums;
    private final CudaKernel totalSum;
    private final Tensor total; // f64 [1]
    private final Tensor totalOnHost;
    private Tensor partial; // f64, grows

    CudaElementwise(CudaKernels kernels, DeviceArena memory) {
        this.memory = memory;
        rmsNorm = kernels.kernel("norm", "rms_norm");
        swiGlu = kernels.kernel("elementwise", "swiglu");
        sequenceRows = kernels.kernel("elementwise", "sequence_rows");
        embeddingF32 = kernels.kernel("elementwise", "embedding_f32");
        embeddingBf16 = kernels.kernel("elementwise", "embedding_bf16");
        crossEntropy = kernels.kernel("loss", "cross_entropy");
        partialSums = kernels.kernel("optimizer", "partial_sums");
        totalSum = kernels.kernel("optimizer", "total_sum");
        total = memory.zeros(Arena.ofAuto(), DType.F64, 1);
        totalOnHost = Tensor.zeros(Arena.ofAuto(), DType.F64, 1);
    }

    @Override
    public void rmsNorm(Tensor y, Tensor rstd, Tensor x, Tensor gain, float eps) {
        int rows = x.rows(), dim = x.cols();
        Demand.matrix("rmsNorm", "x", x, DType.F32, rows, dim);
        Demand.matrix("rmsNorm", "y", y, DType.F32, rows, dim);
        Demand.vector("rmsNorm", "rstd", rstd, DType.F32, rows);
        Demand.vector("rmsNorm", "gain", gain, DType.F32, dim);
        rmsNorm.with().matrix(y).vector(rstd).matrix(x).vector(gain).number(dim).number(eps);
        rmsNorm.run(rows);
    }

    @Override
    public void swiGlu(Tensor h, Tensor gate, Tensor up) {
        int rows = gate.rows(), dim = gate.cols();
        Demand.matrix("swiGlu", "gate", gate, DType.F32, rows, dim);
        Demand.matrix("swiGlu", "up", up, DType.F32, rows, dim);
        Demand.matrix("swiGlu", "h", h, DType.F32, rows, dim);
        swiGlu.with().matrix(h).matrix(gate).matrix(up).number(dim);
        swiGlu.run(rows);
    }

    @Override
    public void sequenceRows(Tensor y, int yPeriod, Tensor x, int xPeriod, Accumulate mode) {
        int sequences = CpuRows.sequences("x", x, xPeriod);
        CpuRows.sameSequences(y, yPeriod, x, xPeriod);
        Demand.matrix("sequenceRows", "x", x, DType.F32, x.rows(), x.cols());
        Demand.matrix("sequenceRows", "y", y, DType.F32, y.rows(), x.cols());
        sequenceRows.with().matrix(y).number(yPeriod).matrix(x).number(xPeriod);
        sequenceRows.number(x.cols()).number(mode == Accumulate.ADD ? 1 : 0);
        sequenceRows.run(sequences * Math.min(yPeriod, xPeriod));
    }

    @Override
    public void embedding(Tensor y, Tensor table, Tensor ids) {
        int rows = y.rows(), dim = y.cols();
        boolean bf16 = table.dtype() == DType.BF16;
        Demand.matrix("embedding", "y", y, DType.F32, rows, dim);
        Demand.matrix("embedding", "table", table, bf16 ? DType.BF16 : DType.F32, table.rows(), dim);
        ids("embedding", "ids", ids, rows);
        CudaKernel embedding = bf16 ? embeddingBf16 : embeddingF32;
        embedding.with().matrix(y).matrix(table).vector(ids).number(ids.cols()).number(ids.rowStride());
        embedding.number(dim).run(rows);
    }

    @Override
    public void crossEntropy(Tensor losses, Tensor logits, Tensor targets, float factor) {
        int rows = logits.rows(), vocabulary = logits.cols();
        Demand.matrix("crossEntropy", "logits", logits, DType.F32, rows, vocabulary);
        Demand.vector("crossEntropy", "losses", losses, DType.F32, rows);
        ids("crossEntropy", "targets", targets, rows);
        crossEntropy.with().vector(losses).matrix(logits).vector(targets);
        crossEntropy.number(targets.cols()).number(targets.rowStride());
        crossEntropy.number(vocabulary).number(factor).run(rows);
    }

    private static void ids(String verb, String name, Tensor ids, int rows) {
        if (ids.dtype() != DType.I32 || ids.count() != rows) {
            throw new TensorException(
                    "%s: %s is %s; the other arguments ask for %d of i32".formatted(verb, name, ids, rows));
        }
    }

    @Override
    public double sum(Tensor x) {
        return sum("sum", x, 0);
    }

    @Override
    public double sumOfSquares(Tensor x) {
        return sum("sumOfSquares", x, 1);
    }

    private double sum(String verb, Tensor x, int squares) {
        Demand.matrix(verb, "x", x, DType.F32, x.rows(), x.cols());
        if (x.count() == 0) return 0;
        boolean flat = x.isContiguous();
        int cols = flat ? SUM_COLS : x.cols();
        int rows = flat ? Math.toIntExact(Math.ceilDiv(x.count(), SUM_COLS)) : x.rows();
        partial = memory.atLeast(partial, DType.F64, rows);
        partialSums.with().vector(partial).address(x.deviceAddress()).number(flat ? cols : x.rowStride());
        partialSums.number(cols).number(x.count()).number(squares).run(rows);
        totalSum.with().vector(total).vector(partial).number(rows).number(0).run(1);
        memory.download(totalOnHost, total);
        return totalOnHost.get(0);
    }

    @Override
    public void rmsNormInputGrad(Tensor dx, Tensor dy, Tensor x, Tensor rstd, Tensor gain, Accumulate mode) {
        throw CudaOps.forwardOnly("rmsNormInputGrad");
    }

    @Override
    public void rmsNormGainGrad(Tensor dGain, Tensor dy, Tensor x, Tensor rstd) {
        throw CudaOps.forwardOnly("rmsNormGainGrad");
    }

    @Override
    public void swiGluGrad(Tensor dGate, Tensor dUp, Tensor dh, Tensor gate, Tensor up) {
        throw CudaOps.forwardOnly("swiGluGrad");
    }

    @Override
    public void embeddingGrad(Tensor dTable, Tensor dy, Tensor ids) {
        throw CudaOps.forwardOnly("embeddingGrad");
    }

    @Override
    public void adamW(Tensor w, Tensor grad, Tensor m, Tensor v, AdamW step) {
        throw CudaOps.forwardOnly("adamW");
    }
}
