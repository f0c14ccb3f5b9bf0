package io.gatun.kernels;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The gradients of {@link CausalAttention} for one head of one sequence, with the softmax P computed anew from q, k and the saved
 * logarithms of its denominators (Dao et al. 2022, algorithm 4):
 *
 * <pre>
 * P = exp(scale QKᵀ - logSumExp)    dV = Pᵀ dO    dP = dO Vᵀ    D = rowsum(dO ∘ O)
 * dS = scale P ∘ (dP - D)           dQ = dS K     dK = dSᵀ Q
 * </pre>
 *
 * Tiles of P and dS are held transposed, [keys, queries]: then dV and dK read them as they are, and only dQ must turn its own.
 * Sums run over queries (dV, dK) and keys (dQ) in increasing order.
 */
public final class CausalAttentionGrad {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Keys and queries of a tile: whole strips of {@link GemmTile#ROWS} and whole panels, which are 32 wide at 512 bits. */
    private static final int SIDE = 144 % GemmTile.COLUMNS == 0 ? 144 : 96;

    private CausalAttentionGrad() {}

    /** One worker's memory for {@link #backward}. */
    public static final class Workspace {
        private final int nopeDim, ropeDim, valueDim, sequence;
        private final MemorySegment keys; // K [sequence, keyDim]
        private final MemorySegment keyPanels; // for every block of keys, panels of K [SIDE, keyDim]
        private final MemorySegment queriesTurned; // panels of Qᵀ [keyDim, SIDE]
        private final MemorySegment queriesNope; // panels of Q's nope part [SIDE, nopeDim]
        private final MemorySegment queriesRope; // panels of Q's rope part [SIDE, ropeDim]
        private final MemorySegment gradsTurned; // panels of dOᵀ [valueDim, SIDE]
        private final MemorySegment grads; // panels of dO [SIDE, valueDim]
        private final MemorySegment logSumExp; // [SIDE]
        private final MemorySegment d; // D [SIDE]
        private final MemorySegment p; // Pᵀ [SIDE, SIDE]
        private final MemorySegment ds; // dPᵀ, then dSᵀ [SIDE, SIDE]
        private final MemorySegment dsRows; // strips of dS

        private Workspace(int nopeDim, int ropeDim, int valueDim, int sequence) {
            this.nopeDim = nopeDim;
            this.ropeDim = ropeDim;
            this.valueDim = valueDim;
            this.sequence = sequence;
            int keyDim = nopeDim + ropeDim;
            long blocks = (sequence + SIDE - 1) / SIDE;
            Arena arena = Arena.ofAuto();
            keys = floats(arena, (long) sequence * keyDim);
            keyPanels = floats(arena, blocks * Panels.size(SIDE, keyDim));
            queriesTurned = floats(arena, Panels.size(keyDim, SIDE));
            queriesNope = floats(arena, Panels.size(SIDE, nopeDim));
            queriesRope = floats(arena, Panels.size(SIDE, ropeDim));
            gradsTurned = floats(arena, Panels.size(valueDim, SIDE));
            grads = floats(arena, Panels.size(SIDE, valueDim));
            logSumExp = floats(arena, SIDE);
            d = floats(arena, SIDE);
            p = floats(arena, SIDE * SIDE);
            ds = floats(arena, SIDE * SIDE);
            dsRows = floats(arena, Panels.rowsSize(SIDE, SIDE));
        }

        private static MemorySegment floats(Arena arena, long count) {
            return arena.allocate(Math.max(1, count) * Float.BYTES, 64);
        }

        /** {@code before} when it is large enough for {@code x}, else a new one that serves what {@code before} did and {@code x}. */
        public static Workspace covering(CausalOperands x, Workspace before) {
            if (before == null) return new Workspace(x.nopeDim, x.ropeDim, x.valueDim, x.sequence);
            if (x.nopeDim <= before.nopeDim
                    && x.ropeDim <= before.ropeDim
                    && x.valueDim <= before.valueDim
                    && x.sequence <= before.sequence) {
                return before;
            }
            return new Workspace(
                    Math.max(x.nopeDim, before.nopeDim),
                    Math.max(x.ropeDim, before.ropeDim),
                    Math.max(x.valueDim, before.valueDim),
                    Math.max(x.sequence, before.sequence));
        }
    }

    /**
     * Writes {@code dq}, {@code dkv} and this head's {@code dkRopes} for the whole sequence that begins at row {@code first}.
     */
    public static void backward(CausalOperands x, int first, int head, Workspace w) {
        packKeys(x, first, head, w);
        for (int query = 0; query < x.sequence; query += SIDE) {
            int queries = Math.min(SIDE, x.sequence - query);
            packQueries(x, first + query, queries, head, w);
            for (int key = 0; key <= query; key += SIDE) {
                int keys = Math.min(SIDE, x.sequence - key);
                boolean diagonal = key == query;
                products(x, first + key, key, keys, queries, diagonal, head, w);
                softmaxGrad(x.scale, keys, queries, diagonal, w);
                keyGrads(x, first + key, keys, queries, diagonal, head, w);
                queryGrad(x, first + query, queries, key, keys, diagonal, head, w);
            }
        }
    }

    private static void packKeys(CausalOperands x, int first, int head, Workspace w) {
        int keyDim = x.keyDim();
        for (int j = 0; j < x.sequence; j++) {
            long at = (long) j * keyDim;
            copy(w.keys, at, x.kv, x.keyAt(first + j, head), x.nopeDim);
            copy(w.keys, at + x.nopeDim, x.kRope, (first + j) * x.kRopeStride, x.ropeDim);
        }
        for (int key = 0; key < x.sequence; key += SIDE) {
            int keys = Math.min(SIDE, x.sequence - key);
            long at = (long) key * keyDim;
            Panels.packColumns(w.keyPanels, keyPanelsAt(x, key), w.keys, at, keyDim, keys, keyDim, false);
        }
    }

    private static long keyPanelsAt(CausalOperands x, int key) {
        return key / SIDE * Panels.size(SIDE, x.keyDim());
    }

    private static void packQueries(CausalOperands x, int row, int queries, int head, Workspace w) {
        long q = x.queryAt(row, head);
        long dO = x.outputGradAt(row, head);
        Panels.packTransposed(w.queriesTurned, 0, x.q, q, x.qStride, x.keyDim(), queries, false);
        Panels.packColumns(w.queriesNope, 0, x.q, q, x.qStride, queries, x.nopeDim, false);
        Panels.packColumns(w.queriesRope, 0, x.q, q + x.nopeDim, x.qStride, queries, x.ropeDim, false);
        Panels.packTransposed(w.gradsTurned, 0, x.dO, dO, x.dOStride, x.valueDim, queries, false);
        Panels.packColumns(w.grads, 0, x.dO, dO, x.dOStride, queries, x.valueDim, false);
        copy(w.logSumExp, 0, x.logSumExp, head * x.logSumExpStride + row, queries);
        for (int i = 0; i < queries; i++) {
            float d = dot(x.dO, x.outputGradAt(row + i, head), x.o, x.outputAt(row + i, head), x.valueDim);
            w.d.setAtIndex(FLOAT, i, d);
        }
    }

    /** Tiles of {@code KQᵀ} and {@code V dOᵀ}; of a tile on the diagonal, only the keys that a panel of queries sees. */
    private static void products(
            CausalOperands x, int row, int key, int keys, int queries, boolean diagonal, int head, Workspace w) {
        int keyDim = x.keyDim();
        for (int i = 0; i < queries; i += GemmTile.COLUMNS) {
            int seen = diagonal ? Math.min(keys, i + GemmTile.COLUMNS) : keys;
            long k = (long) key * keyDim;
            long qPanel = (long) i * keyDim;
            GemmTile.run(
                    w.p, i, SIDE, w.keys, k, keyDim, w.queriesTurned, qPanel, seen, GemmTile.COLUMNS, keyDim, false);
            long v = x.valueAt(row, head);
            long oPanel = (long) i * x.valueDim;
            GemmTile.run(
                    w.ds,
                    i,
                    SIDE,
                    x.kv,
                    v,
                    x.kvStride,
                    w.gradsTurned,
                    oPanel,
                    seen,
                    GemmTile.COLUMNS,
                    x.valueDim,
                    false);
        }
    }

    /** Turns the two products into P and dS. On the diagonal, key j of a strip is 0 for the strip's queries before j. */
    private static void softmaxGrad(float scale, int keys, int queries, boolean diagonal, Workspace w) {
        for (int j = 0; j < keys; j++) {
            int strip = j / GemmTile.ROWS * GemmTile.ROWS;
            int from = diagonal ? strip / LANES.length() * LANES.length() : 0;
            int width = (queries - from + LANES.length() - 1) / LANES.length() * LANES.length();
            long at = (long) Float.BYTES * (j * SIDE + from);
            OnlineSoftmax.gradient(w.p, w.ds, at, w.logSumExp, w.d, 4L * from, width, scale);
            if (!diagonal) continue;
            for (int i = strip; i < j; i++) {
                w.p.setAtIndex(FLOAT, j * SIDE + i, 0);
                w.ds.setAtIndex(FLOAT, j * SIDE + i, 0);
            }
        }
    }

    /** {@code dV (+)= Pᵀ dO} and {@code dK (+)= dSᵀ Q}: a key's first tile is the one on the diagonal. */
    private static void keyGrads(
            CausalOperands x, int row, int keys, int queries, boolean diagonal, int head, Workspace w) {
        long dk = x.keyGradAt(row, head);
        long dkRope = x.ropeGradAt(row, head);
        keyGrad(x.dkv, dk + x.nopeDim, x.dkvStride, w.p, w.grads, keys, queries, x.valueDim, diagonal);
        keyGrad(x.dkv, dk, x.dkvStride, w.ds, w.queriesNope, keys, queries, x.nopeDim, diagonal);
        keyGrad(x.dkRopes, dkRope, x.ropeDim, w.ds, w.queriesRope, keys, queries, x.ropeDim, diagonal);
    }

    private static void keyGrad(
            MemorySegment c,
            long c0,
            long cStride,
            MemorySegment tile,
            MemorySegment panels,
            int keys,
            int queries,
            int dim,
            boolean diagonal) {
        if (!diagonal) {
            GemmTile.run(c, c0, cStride, tile, 0, SIDE, panels, 0, keys, dim, queries, true);
            return;
        }
        for (int col = 0; col < dim; col += GemmTile.COLUMNS) {
            for (int j = 0; j < keys; j += GemmTile.ROWS) { // queries before j do not see these keys
                GemmTile.run(
                        c,
                        c0 + j * cStride + col,
                        cStride,
                        tile,
                        (long) j * SIDE + j,
                        SIDE,
                        panels,
                        (long) col * queries + (long) j * GemmTile.COLUMNS,
                        Math.min(GemmTile.ROWS, keys - j),
                        Math.min(GemmTile.COLUMNS, dim - col),
                        queries - j,
                        false);
            }
        }
    }

    /** {@code dQ (+)= dS K}: the first tile of every query is that of the first keys. */
    private static void queryGrad(
            CausalOperands x, int row, int queries, int key, int keys, boolean diagonal, int head, Workspace w) {
        Panels.packRows(w.dsRows, 0, w.ds, 0, SIDE, keys, queries, false);
        for (int col = 0; col < x.keyDim(); col += GemmTile.COLUMNS) {
            for (int i = 0; i < queries; i += GemmTile.ROWS) {
                GemmTile.runTransposed(
                        x.dq,
                        x.queryGradAt(row + i, head) + col,
                        x.dqStride,
                        w.dsRows,
                        Panels.rowsSize(keys, i),
                        w.keyPanels,
                        keyPanelsAt(x, key) + (long) col * keys,
                        Math.min(GemmTile.ROWS, queries - i),
                        Math.min(GemmTile.COLUMNS, x.keyDim() - col),
                        diagonal ? Math.min(keys, i + GemmTile.ROWS) : keys,
                        key > 0);
            }
        }
    }

    private static void copy(MemorySegment to, long to0, MemorySegment from, long from0, int count) {
        MemorySegment.copy(from, Float.BYTES * from0, to, Float.BYTES * to0, (long) Float.BYTES * count);
    }

    private static float dot(MemorySegment a, long a0, MemorySegment b, long b0, int dim) {
        var sum = FloatVector.zero(LANES);
        int i = 0;
        for (; i <= dim - LANES.length(); i += LANES.length()) {
            sum = FloatVector.fromMemorySegment(LANES, a, Float.BYTES * (a0 + i), LITTLE_ENDIAN)
                    .fma(FloatVector.fromMemorySegment(LANES, b, Float.BYTES * (b0 + i), LITTLE_ENDIAN), sum);
        }
        float all = LaneSum.of(sum);
        for (; i < dim; i++) {
            all = Math.fma(a.getAtIndex(FLOAT, a0 + i), b.getAtIndex(FLOAT, b0 + i), all);
        }
        return all;
    }

    /** {@code dkRope = Σ_h dkRopes_h} for rows {@code from} to {@code to}, in the order of heads. */
    public static void sumHeads(MemorySegment dkRope, long stride, CausalOperands x, int heads, int from, int to) {
        for (int row = from; row < to; row++) {
            copy(dkRope, row * stride, x.dkRopes, x.ropeGradAt(row, 0), x.ropeDim);
            for (int h = 1; h < heads; h++) add(dkRope, row * stride, x.dkRopes, x.ropeGradAt(row, h), x.ropeDim);
        }
    }

    private static void add(MemorySegment y, long y0, MemorySegment x, long x0, int dim) {
        int i = 0;
        for (; i <= dim - LANES.length(); i += LANES.length()) {
            FloatVector.fromMemorySegment(LANES, y, Float.BYTES * (y0 + i), LITTLE_ENDIAN)
                    .add(FloatVector.fromMemorySegment(LANES, x, Float.BYTES * (x0 + i), LITTLE_ENDIAN))
                    .intoMemorySegment(y, Float.BYTES * (y0 + i), LITTLE_ENDIAN);
        }
        for (; i < dim; i++) y.setAtIndex(FLOAT, y0 + i, y.getAtIndex(FLOAT, y0 + i) + x.getAtIndex(FLOAT, x0 + i));
    }
}
