package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.gatun.kernels.Rope;
import io.gatun.model.ops.Attention.Rotation;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** {@link Attention#rope} on a team, of positions that follow each other and of positions given row by row. */
final class CpuRope implements Team.Job {
    private static final int ROWS = 64; // of a task

    private final Team team;
    private MemorySegment x, cos, sin;
    private MemorySegment positions; // null where they follow each other
    private long xStride, cosStride, sinStride;
    private int rows, heads, headDim, pairs, start, sequence;
    private float sign;

    CpuRope(Team team) {
        this.team = team;
    }

    void turn(Tensor x, int heads, Tensor cos, Tensor sin, int start, int sequence, Rotation rotation) {
        AttentionChecks.rope(x, heads, cos, sin, start, sequence);
        this.start = start;
        this.sequence = sequence;
        positions = null;
        turn(x, heads, cos, sin, rotation);
    }

    void turn(Tensor x, int heads, Tensor cos, Tensor sin, Tensor positions, Rotation rotation) {
        AttentionChecks.rope(x, heads, cos, sin, positions);
        this.positions = positions.data();
        turn(x, heads, cos, sin, rotation);
    }

    private void turn(Tensor x, int heads, Tensor cos, Tensor sin, Rotation rotation) {
        this.x = x.data();
        this.cos = cos.data();
        this.sin = sin.data();
        this.heads = heads;
        xStride = x.rowStride();
        cosStride = cos.rowStride();
        sinStride = sin.rowStride();
        rows = x.rows();
        headDim = x.cols() / heads;
        pairs = cos.cols();
        sign = rotation == Rotation.FORWARD ? 1 : -1;
        team.run((rows + ROWS - 1) / ROWS, this);
    }

    @Override
    public void run(int task, int worker) {
        int to = Math.min(rows, (task + 1) * ROWS);
        for (int row = task * ROWS; row < to; row++) {
            long position = positions == null ? start + row % sequence : positions.getAtIndex(JAVA_INT_UNALIGNED, row);
            Rope.turn(
                    x,
                    row * xStride,
                    cos,
                    position * cosStride,
                    sin,
                    position * sinStride,
                    heads,
                    headDim,
                    headDim - 2 * pairs,
                    pairs,
                    sign);
        }
    }
}
