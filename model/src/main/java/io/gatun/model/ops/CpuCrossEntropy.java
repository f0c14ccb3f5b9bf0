package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.gatun.kernels.CrossEntropy;
import io.gatun.kernels.Embedding;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;

/** {@link Elementwise#crossEntropy} on a team. */
final class CpuCrossEntropy implements Team.Job {
    private final Team team;
    private Tensor losses, logits, targets;
    private float factor;

    CpuCrossEntropy(Team team) {
        this.team = team;
    }

    void crossEntropy(Tensor losses, Tensor logits, Tensor targets, float factor) {
        int rows = logits.rows();
        int vocabulary = logits.cols();
        Demand.matrix("crossEntropy", "logits", logits, DType.F32, rows, vocabulary);
        Demand.vector("crossEntropy", "losses", losses, DType.F32, rows);
        Demand.ids("crossEntropy", "targets", targets, rows, vocabulary);
        this.losses = losses;
        this.logits = logits;
        this.targets = targets;
        this.factor = factor;
        team.run(Math.ceilDiv(rows, Cut.rows(vocabulary)), this);
    }

    @Override
    public void run(int task, int worker) {
        int vocabulary = logits.cols();
        int from = task * Cut.rows(vocabulary);
        int to = Math.min(logits.rows(), from + Cut.rows(vocabulary));
        for (int row = from; row < to; row++) {
            int target = Embedding.id(targets.data(), targets.cols(), targets.rowStride(), row);
            long at = row * logits.rowStride() * Float.BYTES;
            double loss = CrossEntropy.row(logits.data(), at, vocabulary, target, factor);
            losses.data().set(JAVA_FLOAT_UNALIGNED, (long) row * Float.BYTES, (float) loss);
        }
    }
}
