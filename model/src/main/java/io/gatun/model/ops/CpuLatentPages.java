package io.gatun.model.ops;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.gatun.kernels.Bf16;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** {@link Attention#append} and {@link Attention#cached} on a team. */
final class CpuLatentPages {
    private final Team team;
    private final Append append = new Append();
    private final Cached cached = new Cached();

    CpuLatentPages(Team team) {
        this.team = team;
    }

    void append(LatentPages[] sequences, Tensor positions, Tensor cKv, Tensor kRope) {
        AttentionChecks.append(sequences, positions, cKv, kRope);
        append.sequences = sequences;
        append.positions = positions.data();
        append.cKv = cKv;
        append.kRope = kRope;
        team.run(Math.ceilDiv(cKv.rows(), Cut.rows(cKv.cols())), append);
        append.sequences = null;
    }

    void cached(Tensor latent, Tensor rope, LatentPages sequence) {
        AttentionChecks.cached(latent, rope, sequence);
        cached.sequence = sequence;
        cached.latent = latent;
        cached.rope = rope;
        team.run(Math.ceilDiv(latent.rows(), Cut.rows(latent.cols())), cached);
        cached.sequence = null;
    }

    private static final class Append implements Team.Job {
        private LatentPages[] sequences;
        private MemorySegment positions;
        private Tensor cKv, kRope;

        @Override
        public void run(int task, int worker) {
            int step = Cut.rows(cKv.cols());
            int to = Math.min(cKv.rows(), (task + 1) * step);
            for (int row = task * step; row < to; row++) {
                int position = positions.getAtIndex(JAVA_INT_UNALIGNED, row);
                int pageSize = sequences[row].pageSize();
                Tensor page = sequences[row].page(position / pageSize);
                long start = position % pageSize * page.rowStride();
                write(page, start, cKv, row);
                write(page, start + cKv.cols(), kRope, row);
            }
        }

        private static void write(Tensor page, long element, Tensor x, int row) {
            long from = row * x.rowStride() * Float.BYTES;
            if (page.dtype() == DType.BF16) {
                Bf16.encode(page.data(), element * Short.BYTES, x.data(), from, x.cols());
            } else {
                MemorySegment.copy(x.data(), from, page.data(), element * Float.BYTES, (long) Float.BYTES * x.cols());
            }
        }
    }

    private static final class Cached implements Team.Job {
        private LatentPages sequence;
        private Tensor latent, rope;

        @Override
        public void run(int task, int worker) {
            int step = Cut.rows(latent.cols());
            int to = Math.min(latent.rows(), (task + 1) * step);
            for (int position = task * step; position < to; position++) {
                Tensor page = sequence.page(position / sequence.pageSize());
                long start = position % sequence.pageSize() * page.rowStride();
                read(latent, position, page, start);
                read(rope, position, page, start + latent.cols());
            }
        }

        private static void read(Tensor y, int row, Tensor page, long element) {
            long to = row * y.rowStride() * Float.BYTES;
            if (page.dtype() == DType.BF16) {
                Bf16.decode(y.data(), to, page.data(), element * Short.BYTES, y.cols());
            } else {
                MemorySegment.copy(page.data(), element * Float.BYTES, y.data(), to, (long) Float.BYTES * y.cols());
            }
        }
    }
}
