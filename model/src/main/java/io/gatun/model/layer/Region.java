package io.gatun.model.layer;

import io.gatun.model.ops.Ops;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory that one pass after another uses: tensors lie one behind the other, and the plan of the next layer, or of another number
 * of rows, begins again at a {@link #mark}. It grows to what the largest plan needs.
 */
public final class Region {
    private static final int ALIGNMENT = 16; // elements: 64 bytes of 32 bits
    private static final long CHUNK = 1 << 20; // elements

    private final Lane reals;
    private final Lane ints;

    /** An empty region whose memory lives as long as {@code arena}. */
    public Region(Ops ops, Arena arena) {
        reals = new Lane(elements -> ops.reals(arena, elements));
        ints = new Lane(elements -> ops.ints(arena, elements));
    }

    /** Where a region stood. */
    record Mark(int realChunk, long realsUsed, int intChunk, long intsUsed) {}

    Tensor reals(long... shape) {
        return reals.take(shape);
    }

    Tensor ints(long... shape) {
        return ints.take(shape);
    }

    Mark mark() {
        return new Mark(reals.chunk, reals.used, ints.chunk, ints.used);
    }

    /** What was taken since {@code mark} may be given out again. */
    void rewind(Mark mark) {
        reals.chunk = mark.realChunk;
        reals.used = mark.realsUsed;
        ints.chunk = mark.intChunk;
        ints.used = mark.intsUsed;
    }

    /** Makes the tensors of a plan begin at the start. */
    void restart() {
        rewind(new Mark(0, 0, 0, 0));
    }

    private interface Source {
        Tensor allocate(long elements);
    }

    private static final class Lane {
        private final Source source;
        private final List<Tensor> chunks = new ArrayList<>();
        private int chunk;
        private long used;

        private Lane(Source source) {
            this.source = source;
        }

        Tensor take(long... shape) {
            long count = 1;
            for (long size : shape) count = Math.multiplyExact(count, size);
            while (chunk < chunks.size() && used + count > chunks.get(chunk).count()) {
                chunk++;
                used = 0;
            }
            if (chunk == chunks.size()) chunks.add(source.allocate(Math.max(CHUNK, count)));
            Tensor part = chunks.get(chunk).slice(used, used + count).reshape(shape);
            used += Math.ceilDiv(count, ALIGNMENT) * ALIGNMENT;
            return part;
        }
    }
}
