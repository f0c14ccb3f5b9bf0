package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.gatun.kernels.DotLoops;
import io.gatun.kernels.LatentAttention;
import io.gatun.kernels.Weight;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Absorbed attention against latent pages on a team, in three regions: weights from the left, the caches, weights from the right. */
final class CpuAbsorbed {
    private static final int MOST_ROWS = 64; // at a time, which bounds the memory between the regions
    private static final int MOST_HEADS =
            16; // of a task: they share one reading of the cache, which outweighs the first cache

    private final Team team;
    private final LatentAttention.Operands operands = new LatentAttention.Operands();
    private final LatentAttention.Workspace[] workspaces;
    private final Team.Job absorb = this::absorb;
    private final Team.Job attend = this::attend;
    private final Team.Job expand = this::expand;
    private LatentPages[] sequences;
    private MemorySegment positions;
    private int first, group;

    CpuAbsorbed(Team team, DotLoops loops) {
        this.team = team;
        operands.loops = loops;
        workspaces = new LatentAttention.Workspace[team.threads()];
    }

    void run(Tensor o, Tensor q, Weight kvB, LatentPages[] sequences, Tensor positions, Attention.Shape shape) {
        AttentionChecks.absorbed(o, q, kvB, sequences, positions, shape);
        LatentAttention.Operands x = operands;
        x.o = o.data();
        x.oStride = o.rowStride();
        x.q = q.data();
        x.qStride = q.rowStride();
        x.kvB = kvB;
        x.heads = shape.heads();
        x.nopeDim = shape.nopeDim();
        x.ropeDim = shape.ropeDim();
        x.valueDim = shape.valueDim();
        x.latentDim = kvB.k();
        x.scale = shape.scale();
        this.sequences = sequences;
        this.positions = positions.data();
        for (first = 0; first < q.rows(); first += MOST_ROWS) {
            x.first = first;
            x.rows = Math.min(MOST_ROWS, q.rows() - first);
            x.reserve();
            group = group(x.rows, x.heads);
            for (int i = 0; i < workspaces.length; i++) {
                workspaces[i] = LatentAttention.Workspace.covering(x, group, workspaces[i]);
            }
            team.run(x.heads, absorb);
            team.run(x.rows * Math.ceilDiv(x.heads, group), attend);
            team.run(x.heads, expand);
        }
        this.sequences = null;
    }

    /** Heads of a task: fewer where there would be a thread without any; a head's bits do not depend on it. */
    private int group(int rows, int heads) {
        int group = MOST_HEADS;
        while (group > 2 && rows * Math.ceilDiv(heads, group) < team.threads()) group /= 2;
        return Math.min(group, heads);
    }

    private void absorb(int head, int worker) {
        LatentAttention.absorb(operands, head, workspaces[worker]);
    }

    private void expand(int head, int worker) {
        LatentAttention.expand(operands, head, workspaces[worker]);
    }

    private void attend(int task, int worker) {
        int groups = Math.ceilDiv(operands.heads, group);
        int row = task / groups; // neighbouring tasks read the same cache
        int from = task % groups * group;
        int to = Math.min(operands.heads, from + group);
        LatentPages sequence = sequences[first + row];
        int positions = this.positions.getAtIndex(JAVA_INT_UNALIGNED, first + row) + 1;
        LatentAttention.Workspace w = workspaces[worker];
        LatentAttention.begin(operands, row, from, to, sequence.page(0).dtype(), w);
        for (int position = 0; position < positions; position += LatentAttention.BLOCK) {
            Tensor page = sequence.page(position / sequence.pageSize());
            long at = position
                    % sequence.pageSize()
                    * page.rowStride()
                    * page.dtype().bytes();
            int count = Math.min(LatentAttention.BLOCK, positions - position);
            LatentAttention.block(operands, row, from, to, page.data(), page.dtype(), at, page.rowStride(), count, w);
        }
        LatentAttention.end(operands, row, from, to, w);
    }
}
