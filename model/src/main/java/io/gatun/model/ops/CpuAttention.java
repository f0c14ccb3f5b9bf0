package io.gatun.model.ops;

import io.gatun.kernels.CausalAttention;
import io.gatun.kernels.CausalAttentionGrad;
import io.gatun.kernels.CausalOperands;
import io.gatun.kernels.DotLoops;
import io.gatun.kernels.JitDirectives;
import io.gatun.kernels.Weight;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Attention with the Vector API on the threads of a {@link Team}. How a call is cut into tasks depends on its shape only. Memory
 * for each thread grows on first use and is then reused; calls come from one thread at a time.
 */
final class CpuAttention implements Attention {
    private static final int ROWS = 64; // of a task that works row by row
    private static final int CHUNK = 240; // positions of a task of causal attention, where whole sequences are too few
    private static final int ENOUGH = 32; // tasks that keep all threads busy to the end

    private final Team team;
    private final CpuRope ropes;
    private final CausalJob causal;
    private final GradJob grads;
    private final HeadSumJob headSums = new HeadSumJob();
    private final CpuLatentPages pages;
    private final CpuAbsorbed absorbed;
    private final CausalOperands operands = new CausalOperands();
    private MemorySegment ropeGrads = MemorySegment.NULL; // [heads, rows, ropeDim]

    CpuAttention(Team team, DotLoops loops) {
        JitDirectives.ensure();
        this.team = team;
        causal = new CausalJob(operands, team.threads());
        grads = new GradJob(operands, team.threads());
        ropes = new CpuRope(team);
        pages = new CpuLatentPages(team);
        absorbed = new CpuAbsorbed(team, loops);
    }

    @Override
    public void rope(Tensor x, int heads, Tensor cos, Tensor sin, int start, int sequence, Rotation rotation) {
        ropes.turn(x, heads, cos, sin, start, sequence, rotation);
    }

    @Override
    public void rope(Tensor x, int heads, Tensor cos, Tensor sin, Tensor positions, Rotation rotation) {
        ropes.turn(x, heads, cos, sin, positions, rotation);
    }

    @Override
    public void causal(Tensor o, Tensor logSumExp, Tensor q, Tensor kv, Tensor kRope, Shape shape) {
        AttentionChecks.causal(o, logSumExp, q, kv, kRope, shape);
        fill(o, q, kv, kRope, 0, shape.sequence(), shape);
        keep(logSumExp);
        int whole = shape.heads() * (operands.rows / shape.sequence());
        causal.cut(shape.heads(), whole >= ENOUGH ? shape.sequence() : CHUNK);
        team.run(causal.chunks * whole, causal);
    }

    @Override
    public void causal(Tensor o, Tensor q, Tensor kv, Tensor kRope, int start, Shape shape) {
        AttentionChecks.causal(o, q, kv, kRope, start, shape);
        fill(o, q, kv, kRope, start, start + q.rows(), shape);
        operands.logSumExp = null;
        causal.cut(shape.heads(), shape.heads() >= ENOUGH ? q.rows() : CHUNK);
        team.run(causal.chunks * shape.heads(), causal);
    }

    @Override
    public void causalGrad(
            Tensor dq,
            Tensor dkv,
            Tensor dkRope,
            Tensor dO,
            Tensor o,
            Tensor logSumExp,
            Tensor q,
            Tensor kv,
            Tensor kRope,
            Shape shape) {
        AttentionChecks.causal(o, logSumExp, q, kv, kRope, shape);
        AttentionChecks.causalGrad(dq, dkv, dkRope, dO, q.rows(), shape);
        fill(o, q, kv, kRope, 0, shape.sequence(), shape);
        keep(logSumExp);
        CausalOperands x = operands;
        x.dO = dO.data();
        x.dOStride = dO.rowStride();
        x.dq = dq.data();
        x.dqStride = dq.rowStride();
        x.dkv = dkv.data();
        x.dkvStride = dkv.rowStride();
        long bytes = (long) Float.BYTES * shape.heads() * x.rows * x.ropeDim;
        if (ropeGrads.byteSize() < bytes) ropeGrads = Arena.ofAuto().allocate(bytes, 64);
        x.dkRopes = ropeGrads;
        grads.heads = shape.heads();
        grads.reserve();
        team.run(shape.heads() * (x.rows / shape.sequence()), grads);
        headSums.operands = x;
        headSums.heads = shape.heads();
        headSums.dkRope = dkRope.data();
        headSums.stride = dkRope.rowStride();
        team.run((x.rows + ROWS - 1) / ROWS, headSums);
    }

    private void keep(Tensor logSumExp) {
        operands.logSumExp = logSumExp.data();
        operands.logSumExpStride = logSumExp.rowStride();
    }

    private void fill(Tensor o, Tensor q, Tensor kv, Tensor kRope, int start, int sequence, Shape shape) {
        CausalOperands x = operands;
        x.o = o.data();
        x.oStride = o.rowStride();
        x.q = q.data();
        x.qStride = q.rowStride();
        x.kv = kv.data();
        x.kvStride = kv.rowStride();
        x.kRope = kRope.data();
        x.kRopeStride = kRope.rowStride();
        x.rows = q.rows();
        x.start = start;
        x.sequence = sequence;
        x.nopeDim = shape.nopeDim();
        x.ropeDim = shape.ropeDim();
        x.valueDim = shape.valueDim();
        x.scale = shape.scale();
    }

    @Override
    public void append(LatentPages[] sequences, Tensor positions, Tensor cKv, Tensor kRope) {
        pages.append(sequences, positions, cKv, kRope);
    }

    @Override
    public void cached(Tensor latent, Tensor rope, LatentPages sequence) {
        pages.cached(latent, rope, sequence);
    }

    @Override
    public void absorbed(
            Tensor o, Tensor q, Weight kvB, LatentPages[] sequences, Tensor positions, Attention.Shape shape) {
        absorbed.run(o, q, kvB, sequences, positions, shape);
    }

    private static final class CausalJob implements Team.Job {
        private final CausalOperands operands;
        private final CausalAttention.Workspace[] workspaces;
        private int heads, chunk, chunks;

        CausalJob(CausalOperands operands, int threads) {
            this.operands = operands;
            workspaces = new CausalAttention.Workspace[threads];
        }

        /** Cuts the positions of {@code operands} into chunks of at most {@code most} positions. */
        void cut(int heads, int most) {
            this.heads = heads;
            chunk = most;
            chunks = Math.ceilDiv(operands.sequence - operands.start, chunk);
            for (int i = 0; i < workspaces.length; i++) {
                workspaces[i] = CausalAttention.Workspace.covering(operands, workspaces[i]);
            }
        }

        @Override
        public void run(int task, int worker) {
            int whole = task / chunks;
            int from = operands.start
                    + (chunks - 1 - task % chunks) * chunk; // later positions are more work: they go first
            int to = Math.min(operands.sequence, from + chunk);
            int first = whole / heads * operands.sequence;
            CausalAttention.forward(operands, first, whole % heads, from, to, workspaces[worker]);
        }
    }

    private static final class GradJob implements Team.Job {
        private final CausalOperands operands;
        private final CausalAttentionGrad.Workspace[] workspaces;
        private int heads;

        GradJob(CausalOperands operands, int threads) {
            this.operands = operands;
            workspaces = new CausalAttentionGrad.Workspace[threads];
        }

        void reserve() {
            for (int i = 0; i < workspaces.length; i++) {
                workspaces[i] = CausalAttentionGrad.Workspace.covering(operands, workspaces[i]);
            }
        }

        @Override
        public void run(int task, int worker) {
            int first = task / heads * operands.sequence;
            CausalAttentionGrad.backward(operands, first, task % heads, workspaces[worker]);
        }
    }

    private static final class HeadSumJob implements Team.Job {
        private CausalOperands operands;
        private MemorySegment dkRope;
        private long stride;
        private int heads;

        @Override
        public void run(int task, int worker) {
            int to = Math.min(operands.rows, (task + 1) * ROWS);
            CausalAttentionGrad.sumHeads(dkRope, stride, operands, heads, task * ROWS, to);
        }
    }
}
