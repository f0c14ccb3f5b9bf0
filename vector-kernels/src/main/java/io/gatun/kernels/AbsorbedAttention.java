package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Attention of one query against a latent cache, in absorbed form (SPEC 2.2): {@code q̃ = W_UKᵀ q_C},
 * {@code p = softmax(scale (q̃·c_j + q_R·k_R,j))}, {@code o = W_UV Σ_j p_j c_j}. Heads share the cache, so several are taken together
 * over a block of positions that stays in the caches. A head's bits depend on its position and widths only.
 */
public final class AbsorbedAttention {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final long VECTOR = (long) Float.BYTES * LANES.length();
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Positions of a block: 64 KiB of the cache at a latent width of 512. */
    private static final int BLOCK = 32;

    private AbsorbedAttention() {}

    /** The matrices and sizes of one call: f32, strides in elements. Mutable, so that steady calls allocate nothing. */
    public static final class Operands {
        /** [rows, heads * valueDim] */
        public MemorySegment o;

        /** [rows, heads * (nopeDim + ropeDim)], rotated. */
        public MemorySegment q;

        /** [heads * (nopeDim + valueDim), latentDim]: each head's W_UK rows, then its W_UV rows. */
        public MemorySegment kvB;

        /** [positions, latentDim] */
        public MemorySegment latent;

        /** [positions, ropeDim], rotated. */
        public MemorySegment rope;

        public long oStride, qStride, kvBStride, latentStride, ropeStride;
        public int nopeDim, ropeDim, valueDim, latentDim;

        /** Factor on the scores, positive. */
        public float scale;

        private long queryAt(int row, int head) {
            return Float.BYTES * (row * qStride + (long) head * (nopeDim + ropeDim));
        }

        private long weightAt(int head, int row) {
            return Float.BYTES * (((long) head * (nopeDim + valueDim) + row) * kvBStride);
        }
    }

    /** One worker's memory. */
    public static final class Workspace {
        private final int heads, latentDim;
        private final MemorySegment queries; // q̃ [heads, latentDim]
        private final MemorySegment contexts; // Σ p c [heads, latentDim]
        private final MemorySegment scores; // [heads, BLOCK]
        private final MemorySegment maxima; // [heads]
        private final MemorySegment sums; // [heads]
        private final MemorySegment lanes; // eight vectors

        private Workspace(int heads, int latentDim) {
            this.heads = heads;
            this.latentDim = latentDim;
            Arena arena = Arena.ofAuto();
            queries = arena.allocate((long) Float.BYTES * heads * latentDim, 64);
            contexts = arena.allocate((long) Float.BYTES * heads * latentDim, 64);
            scores = arena.allocate((long) Float.BYTES * heads * BLOCK, 64);
            maxima = arena.allocate((long) Float.BYTES * heads, 64);
            sums = arena.allocate((long) Float.BYTES * heads, 64);
            lanes = arena.allocate(8 * VECTOR, 64);
        }

        /** {@code before} when it is large enough, else a new one that serves what {@code before} did and these sizes. */
        public static Workspace covering(int heads, int latentDim, Workspace before) {
            if (before == null) return new Workspace(heads, latentDim);
            if (heads <= before.heads && latentDim <= before.latentDim) return before;
            return new Workspace(Math.max(heads, before.heads), Math.max(latentDim, before.latentDim));
        }
    }

    /** Writes {@code o} of heads {@code from} to {@code to} of one row, which attends to the first {@code positions} of the cache. */
    public static void attend(Operands x, int row, int from, int to, int positions, Workspace w) {
        int heads = to - from;
        long bytes = (long) Float.BYTES * x.latentDim;
        for (int h = 0; h < heads; h++) {
            clear(w.queries, h * bytes, x.latentDim);
            clear(w.contexts, h * bytes, x.latentDim);
            absorb(w.queries, h * bytes, x, row, from + h);
            w.maxima.setAtIndex(FLOAT, h, Float.NEGATIVE_INFINITY);
            w.sums.setAtIndex(FLOAT, h, 0);
        }
        for (int position = 0; position < positions; position += BLOCK) {
            int count = Math.min(BLOCK, positions - position);
            for (int h = 0; h < heads; h += 2) {
                int other = Math.min(h + 1, heads - 1); // of a last odd head, both of the pair are the same
                scores(x, row, from, h, other, position, count, w);
                float shrunk = softmax(x, h, count, w);
                float otherShrunk = other == h ? shrunk : softmax(x, other, count, w);
                context(x, h, other, position, count, shrunk, otherShrunk, w);
            }
        }
        for (int h = 0; h < heads; h++) {
            long at = Float.BYTES * (row * x.oStride + (long) (from + h) * x.valueDim);
            expand(x.o, at, x, from + h, w.contexts, h * bytes, 1 / w.sums.getAtIndex(FLOAT, h));
        }
    }

    private static void clear(MemorySegment to, long at, int dim) {
        for (int i = 0; i < dim; i++) to.set(FLOAT, at + 4L * i, 0);
    }

    /** {@code q̃ += W_UKᵀ q_C}: one row of the weight after another, since each is read once from memory. */
    private static void absorb(MemorySegment absorbed, long at, Operands x, int row, int head) {
        long q = x.queryAt(row, head);
        for (int d = 0; d < x.nopeDim; d++) {
            axpy(absorbed, at, x.q.get(FLOAT, q + 4L * d), x.kvB, x.weightAt(head, d), x.latentDim);
        }
    }

    private static void axpy(MemorySegment y, long yAt, float a, MemorySegment w, long wAt, int dim) {
        var factor = FloatVector.broadcast(LANES, a);
        int i = 0;
        for (; i <= dim - LANES.length(); i += LANES.length()) {
            var sum = FloatVector.fromMemorySegment(LANES, y, yAt + 4L * i, LITTLE_ENDIAN);
            factor.fma(FloatVector.fromMemorySegment(LANES, w, wAt + 4L * i, LITTLE_ENDIAN), sum)
                    .intoMemorySegment(y, yAt + 4L * i, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            y.set(FLOAT, yAt + 4L * i, Math.fma(a, w.get(FLOAT, wAt + 4L * i), y.get(FLOAT, yAt + 4L * i)));
        }
    }

    /** Scores, not yet scaled, of two heads at a block of positions: four at a time, the last one repeated where they end. */
    private static void scores(Operands x, int row, int from, int h, int other, int position, int count, Workspace w) {
        int whole = LANES.loopBound(x.latentDim);
        int wholeRope = LANES.loopBound(x.ropeDim);
        long q0 = (long) Float.BYTES * h * x.latentDim;
        long q1 = (long) Float.BYTES * other * x.latentDim;
        long r0 = x.queryAt(row, from + h) + (long) Float.BYTES * x.nopeDim;
        long r1 = x.queryAt(row, from + other) + (long) Float.BYTES * x.nopeDim;
        long s0 = (long) Float.BYTES * h * BLOCK;
        long s1 = (long) Float.BYTES * other * BLOCK;
        for (int j = 0; j < count; j += 4) {
            long c = Float.BYTES * ((position + j) * x.latentStride);
            long k = Float.BYTES * ((position + j) * x.ropeStride);
            int last = count - 1 - j;
            dots(
                    w.scores,
                    s0 + 4L * j,
                    s1 + 4L * j,
                    w.queries,
                    q0,
                    q1,
                    x.latent,
                    c,
                    Float.BYTES * x.latentStride,
                    last,
                    whole,
                    false,
                    w.lanes);
            dots(
                    w.scores,
                    s0 + 4L * j,
                    s1 + 4L * j,
                    x.q,
                    r0,
                    r1,
                    x.rope,
                    k,
                    Float.BYTES * x.ropeStride,
                    last,
                    wholeRope,
                    true,
                    w.lanes);
        }
        if (whole == x.latentDim && wholeRope == x.ropeDim) return;
        for (int j = 0; j < count; j++) {
            long c = Float.BYTES * ((position + j) * x.latentStride);
            long k = Float.BYTES * ((position + j) * x.ropeStride);
            addDot(w.scores, s0 + 4L * j, w.queries, q0, x.latent, c, whole, x.latentDim);
            addDot(w.scores, s0 + 4L * j, x.q, r0, x.rope, k, wholeRope, x.ropeDim);
            if (other == h) continue;
            addDot(w.scores, s1 + 4L * j, w.queries, q1, x.latent, c, whole, x.latentDim);
            addDot(w.scores, s1 + 4L * j, x.q, r1, x.rope, k, wholeRope, x.ropeDim);
        }
    }

    /** Eight dot products over {@code dim} numbers, whole vectors: of two queries with rows 0 to 3 of c, none past {@code last}. */
    private static void dots(
            MemorySegment s,
            long s0,
            long s1,
            MemorySegment q,
            long q0,
            long q1,
            MemorySegment c,
            long c0,
            long step,
            int last,
            int dim,
            boolean add,
            MemorySegment lanes) {
        long c1 = c0 + Math.min(1, last) * step;
        long c2 = c0 + Math.min(2, last) * step;
        long c3 = c0 + Math.min(3, last) * step;
        var a0 = FloatVector.zero(LANES);
        FloatVector a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        for (int i = 0; i < dim; i += LANES.length()) {
            var u = FloatVector.fromMemorySegment(LANES, q, q0 + 4L * i, LITTLE_ENDIAN);
            var v = FloatVector.fromMemorySegment(LANES, q, q1 + 4L * i, LITTLE_ENDIAN);
            var x = FloatVector.fromMemorySegment(LANES, c, c0 + 4L * i, LITTLE_ENDIAN);
            a0 = u.fma(x, a0);
            b0 = v.fma(x, b0);
            x = FloatVector.fromMemorySegment(LANES, c, c1 + 4L * i, LITTLE_ENDIAN);
            a1 = u.fma(x, a1);
            b1 = v.fma(x, b1);
            x = FloatVector.fromMemorySegment(LANES, c, c2 + 4L * i, LITTLE_ENDIAN);
            a2 = u.fma(x, a2);
            b2 = v.fma(x, b2);
            x = FloatVector.fromMemorySegment(LANES, c, c3 + 4L * i, LITTLE_ENDIAN);
            a3 = u.fma(x, a3);
            b3 = v.fma(x, b3);
        }
        a0.intoMemorySegment(lanes, 0 * VECTOR, LITTLE_ENDIAN);
        a1.intoMemorySegment(lanes, 1 * VECTOR, LITTLE_ENDIAN);
        a2.intoMemorySegment(lanes, 2 * VECTOR, LITTLE_ENDIAN);
        a3.intoMemorySegment(lanes, 3 * VECTOR, LITTLE_ENDIAN);
        b0.intoMemorySegment(lanes, 4 * VECTOR, LITTLE_ENDIAN);
        b1.intoMemorySegment(lanes, 5 * VECTOR, LITTLE_ENDIAN);
        b2.intoMemorySegment(lanes, 6 * VECTOR, LITTLE_ENDIAN);
        b3.intoMemorySegment(lanes, 7 * VECTOR, LITTLE_ENDIAN);
        for (int i = 0; i < 4; i++) {
            store(s, s0 + 4L * i, LaneSum.of(lanes, i * VECTOR), add);
            if (s1 != s0) store(s, s1 + 4L * i, LaneSum.of(lanes, (4 + i) * VECTOR), add);
        }
    }

    private static void store(MemorySegment s, long at, float sum, boolean add) {
        s.set(FLOAT, at, add ? s.get(FLOAT, at) + sum : sum);
    }

    /** Adds what whole vectors left out. */
    private static void addDot(
            MemorySegment s, long at, MemorySegment q, long q0, MemorySegment c, long c0, int i, int dim) {
        float sum = s.get(FLOAT, at);
        for (; i < dim; i++) sum = Math.fma(q.get(FLOAT, q0 + 4L * i), c.get(FLOAT, c0 + 4L * i), sum);
        s.set(FLOAT, at, sum);
    }

    /** Replaces a block's scores by their exponentials; returns by how much what was summed before shrinks. */
    private static float softmax(Operands x, int h, int count, Workspace w) {
        long at = (long) Float.BYTES * h * BLOCK;
        int width = OnlineSoftmax.mask(w.scores, at, count, count);
        float before = w.maxima.getAtIndex(FLOAT, h);
        float max = Math.max(before, x.scale * OnlineSoftmax.max(w.scores, at, width));
        float shrunk = (float) Math.exp(before - max);
        float sum = OnlineSoftmax.exponentials(w.scores, at, width, x.scale, max);
        w.maxima.setAtIndex(FLOAT, h, max);
        w.sums.setAtIndex(FLOAT, h, Math.fma(shrunk, w.sums.getAtIndex(FLOAT, h), sum));
        return shrunk;
    }

    /** {@code contexts = shrunk · contexts + Σ_j p_j c_j} of two heads over a block of positions. */
    private static void context(
            Operands x, int h, int other, int position, int count, float shrunk, float otherShrunk, Workspace w) {
        long c = Float.BYTES * (position * x.latentStride);
        long step = Float.BYTES * x.latentStride;
        long y0 = (long) Float.BYTES * h * x.latentDim;
        long y1 = (long) Float.BYTES * other * x.latentDim;
        long p0 = (long) Float.BYTES * h * BLOCK;
        long p1 = (long) Float.BYTES * other * BLOCK;
        int i = 0;
        for (; i <= x.latentDim - 4 * LANES.length(); i += 4 * LANES.length()) {
            weigh(
                    w.contexts,
                    y0 + 4L * i,
                    y1 + 4L * i,
                    shrunk,
                    otherShrunk,
                    w.scores,
                    p0,
                    p1,
                    x.latent,
                    c + 4L * i,
                    step,
                    count);
        }
        for (; i < x.latentDim; i++) {
            weighOne(w.contexts, y0 + 4L * i, shrunk, w.scores, p0, x.latent, c + 4L * i, step, count);
            if (other != h)
                weighOne(w.contexts, y1 + 4L * i, otherShrunk, w.scores, p1, x.latent, c + 4L * i, step, count);
        }
    }

    /** Four vectors of two heads' contexts. */
    private static void weigh(
            MemorySegment y,
            long y0,
            long y1,
            float shrunk,
            float otherShrunk,
            MemorySegment p,
            long p0,
            long p1,
            MemorySegment c,
            long c0,
            long step,
            int count) {
        int lane = LANES.vectorByteSize();
        var a0 = FloatVector.fromMemorySegment(LANES, y, y0, LITTLE_ENDIAN).mul(shrunk);
        var a1 = FloatVector.fromMemorySegment(LANES, y, y0 + lane, LITTLE_ENDIAN)
                .mul(shrunk);
        var a2 = FloatVector.fromMemorySegment(LANES, y, y0 + 2 * lane, LITTLE_ENDIAN)
                .mul(shrunk);
        var a3 = FloatVector.fromMemorySegment(LANES, y, y0 + 3 * lane, LITTLE_ENDIAN)
                .mul(shrunk);
        var b0 = FloatVector.fromMemorySegment(LANES, y, y1, LITTLE_ENDIAN).mul(otherShrunk);
        var b1 = FloatVector.fromMemorySegment(LANES, y, y1 + lane, LITTLE_ENDIAN)
                .mul(otherShrunk);
        var b2 = FloatVector.fromMemorySegment(LANES, y, y1 + 2 * lane, LITTLE_ENDIAN)
                .mul(otherShrunk);
        var b3 = FloatVector.fromMemorySegment(LANES, y, y1 + 3 * lane, LITTLE_ENDIAN)
                .mul(otherShrunk);
        for (int j = 0; j < count; j++) {
            long at = c0 + j * step;
            var u = FloatVector.broadcast(LANES, p.get(FLOAT, p0 + 4L * j));
            var v = FloatVector.broadcast(LANES, p.get(FLOAT, p1 + 4L * j));
            var x = FloatVector.fromMemorySegment(LANES, c, at, LITTLE_ENDIAN);
            a0 = u.fma(x, a0);
            b0 = v.fma(x, b0);
            x = FloatVector.fromMemorySegment(LANES, c, at + lane, LITTLE_ENDIAN);
            a1 = u.fma(x, a1);
            b1 = v.fma(x, b1);
            x = FloatVector.fromMemorySegment(LANES, c, at + 2 * lane, LITTLE_ENDIAN);
            a2 = u.fma(x, a2);
            b2 = v.fma(x, b2);
            x = FloatVector.fromMemorySegment(LANES, c, at + 3 * lane, LITTLE_ENDIAN);
            a3 = u.fma(x, a3);
            b3 = v.fma(x, b3);
        }
        a0.intoMemorySegment(y, y0, LITTLE_ENDIAN);
        a1.intoMemorySegment(y, y0 + lane, LITTLE_ENDIAN);
        a2.intoMemorySegment(y, y0 + 2 * lane, LITTLE_ENDIAN);
        a3.intoMemorySegment(y, y0 + 3 * lane, LITTLE_ENDIAN);
        b0.intoMemorySegment(y, y1, LITTLE_ENDIAN);
        b1.intoMemorySegment(y, y1 + lane, LITTLE_ENDIAN);
        b2.intoMemorySegment(y, y1 + 2 * lane, LITTLE_ENDIAN);
        b3.intoMemorySegment(y, y1 + 3 * lane, LITTLE_ENDIAN);
    }

    private static void weighOne(
            MemorySegment y,
            long at,
            float shrunk,
            MemorySegment p,
            long p0,
            MemorySegment c,
            long c0,
            long step,
            int count) {
        float sum = shrunk * y.get(FLOAT, at);
        for (int j = 0; j < count; j++) {
            sum = Math.fma(p.get(FLOAT, p0 + 4L * j), c.get(FLOAT, c0 + j * step), sum);
        }
        y.set(FLOAT, at, sum);
    }

    /** {@code o = factor · W_UV context}, row after row. */
    private static void expand(
            MemorySegment o, long at, Operands x, int head, MemorySegment context, long contextAt, float factor) {
        for (int v = 0; v < x.valueDim; v++) {
            long weight = x.weightAt(head, x.nopeDim + v);
            o.set(FLOAT, at + 4L * v, factor * dot(context, contextAt, x.kvB, weight, x.latentDim));
        }
    }

    private static float dot(MemorySegment x, long xAt, MemorySegment w, long wAt, int dim) {
        var sum = FloatVector.zero(LANES);
        int i = 0;
        for (; i <= dim - LANES.length(); i += LANES.length()) {
            sum = FloatVector.fromMemorySegment(LANES, x, xAt + 4L * i, LITTLE_ENDIAN)
                    .fma(FloatVector.fromMemorySegment(LANES, w, wAt + 4L * i, LITTLE_ENDIAN), sum);
        }
        float all = LaneSum.of(sum);
        for (; i < dim; i++) all = Math.fma(x.get(FLOAT, xAt + 4L * i), w.get(FLOAT, wAt + 4L * i), all);
        return all;
    }
}
