package io.gatun.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Causal attention of one head over one sequence: {@code o_i = Σ_{j ≤ i} softmax_j(scale q_i·k_j) v_j} (SPEC 2.2), with the
 * softmax taken online over blocks of keys (Milakov and Gimelshein 2018, Dao et al. 2022), so that only a tile of scores exists
 * at any time. A row's bits depend on its position, not on the length of the sequence nor on how its rows are cut.
 */
public final class CausalAttention {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Keys of a tile: their panels and a tile of scores fit the second cache at the widths of DeepSeek-V3. */
    private static final int KEYS = 256;

    /** Queries of a tile: so many that a panel of keys is mostly read from the first cache. */
    private static final int QUERIES = 8 * GemmTile.ROWS;

    private CausalAttention() {}

    /** One worker's memory for {@link #forward}. */
    public static final class Workspace {
        private final int keyDim, valueDim, positions;
        private final MemorySegment keys; // panels of Kᵀ [keyDim, KEYS]
        private final MemorySegment values; // panels of V [KEYS, valueDim]
        private final MemorySegment scores; // [QUERIES, KEYS]
        private final MemorySegment maxima; // [positions], from x.start on
        private final MemorySegment sums; // [positions]

        private Workspace(int keyDim, int valueDim, int positions) {
            this.keyDim = keyDim;
            this.valueDim = valueDim;
            this.positions = positions;
            Arena arena = Arena.ofAuto();
            keys = arena.allocate(Float.BYTES * Panels.size(keyDim, KEYS), 64);
            values = arena.allocate(Float.BYTES * Panels.size(KEYS, valueDim), 64);
            scores = arena.allocate(Float.BYTES * QUERIES * KEYS, 64);
            maxima = arena.allocate(Float.BYTES * (long) positions, 64);
            sums = arena.allocate(Float.BYTES * (long) positions, 64);
        }

        /** {@code before} when it is large enough for {@code x}, else a new one that serves what {@code before} did and {@code x}. */
        public static Workspace covering(CausalOperands x, Workspace before) {
            int positions = x.sequence - x.start;
            if (before == null) return new Workspace(x.keyDim(), x.valueDim, positions);
            if (x.keyDim() <= before.keyDim && x.valueDim <= before.valueDim && positions <= before.positions) {
                return before;
            }
            return new Workspace(
                    Math.max(x.keyDim(), before.keyDim),
                    Math.max(x.valueDim, before.valueDim),
                    Math.max(positions, before.positions));
        }
    }

    /**
     * Writes {@code o} and, where it is kept, {@code logSumExp} of one head for the positions {@code from} (included) to {@code to}
     * (excluded) of the sequence that begins at row {@code first}. Keys are taken from position 0 on, so that the bits of a position
     * are the same in a whole sequence and in any chunk of it.
     */
    public static void forward(CausalOperands x, int first, int head, int from, int to, Workspace w) {
        for (int key = 0; key < to; key += KEYS) {
            int keys = Math.min(KEYS, to - key);
            pack(x, first + key, keys, head, w);
            for (int query = Math.max(from, key); query < to; query += QUERIES) {
                int queries = Math.min(QUERIES, to - query);
                scores(x, first + query, queries, query - key, keys, head, w);
                softmax(x, first, query, queries, key, keys, head, w);
                values(x, first, query, queries, key, keys, head, w);
            }
        }
        for (int i = from; i < to; i++) {
            float max = w.maxima.getAtIndex(FLOAT, i - x.start);
            float sum = w.sums.getAtIndex(FLOAT, i - x.start);
            OnlineSoftmax.multiply(x.o, Float.BYTES * x.outputAt(first + i, head), x.valueDim, 1 / sum);
            if (x.logSumExp == null) continue;
            x.logSumExp.setAtIndex(FLOAT, head * x.logSumExpStride + first + i, max + (float) Math.log(sum));
        }
    }

    /** Packs keys as columns, in each panel the shared part below the head's own, and values as rows. */
    private static void pack(CausalOperands x, int row, int keys, int head, Workspace w) {
        for (int j = 0; j < keys; j += GemmTile.COLUMNS) {
            int width = Math.min(GemmTile.COLUMNS, keys - j);
            long nope = (long) j * x.keyDim();
            long rope = nope + (long) GemmTile.COLUMNS * x.nopeDim;
            long shared = (row + j) * x.kRopeStride;
            Panels.packTransposed(w.keys, nope, x.kv, x.keyAt(row + j, head), x.kvStride, x.nopeDim, width, false);
            Panels.packTransposed(w.keys, rope, x.kRope, shared, x.kRopeStride, x.ropeDim, width, false);
        }
        Panels.packColumns(w.values, 0, x.kv, x.valueAt(row, head), x.kvStride, keys, x.valueDim, false);
    }

    /** A tile of {@code QKᵀ}, whose first query lies {@code ahead} positions after its first key; only panels that are seen. */
    private static void scores(CausalOperands x, int row, int queries, int ahead, int keys, int head, Workspace w) {
        for (int j = 0; j < keys; j += GemmTile.COLUMNS) {
            int blind = Math.max(0, j - ahead); // queries before the first key of this panel
            if (blind >= queries) return;
            GemmTile.run(
                    w.scores,
                    (long) blind * KEYS + j,
                    KEYS,
                    x.q,
                    x.queryAt(row + blind, head),
                    x.qStride,
                    w.keys,
                    (long) j * x.keyDim(),
                    queries - blind,
                    GemmTile.COLUMNS,
                    x.keyDim(),
                    false);
        }
    }

    /** Replaces scores by {@code exp(scale s - max)}, 0 for later keys; updates maxima and sums, and outputs to the new maxima. */
    private static void softmax(
            CausalOperands x, int first, int query, int queries, int key, int keys, int head, Workspace w) {
        for (int i = 0; i < queries; i++) {
            long at = (long) Float.BYTES * i * KEYS;
            int place = query + i - x.start;
            int valid = Math.min(keys, query + i + 1 - key);
            int width = OnlineSoftmax.mask(w.scores, at, valid, seen(query - key + i, keys));
            float max = x.scale * OnlineSoftmax.max(w.scores, at, width);
            if (key == 0) {
                w.sums.setAtIndex(FLOAT, place, OnlineSoftmax.exponentials(w.scores, at, width, x.scale, max));
            } else {
                float before = w.maxima.getAtIndex(FLOAT, place);
                max = Math.max(max, before);
                float shrunk = (float) Math.exp(before - max);
                float sum = OnlineSoftmax.exponentials(w.scores, at, width, x.scale, max);
                sum = Math.fma(shrunk, w.sums.getAtIndex(FLOAT, place), sum);
                w.sums.setAtIndex(FLOAT, place, sum);
                OnlineSoftmax.multiply(x.o, Float.BYTES * x.outputAt(first + query + i, head), x.valueDim, shrunk);
            }
            w.maxima.setAtIndex(FLOAT, place, max);
        }
    }

    /** {@code o (+)= PV} for a tile, strip by strip, since each strip of queries sees a few keys more than the one before. */
    private static void values(
            CausalOperands x, int first, int query, int queries, int key, int keys, int head, Workspace w) {
        for (int c = 0; c < x.valueDim; c += GemmTile.COLUMNS) {
            for (int i = 0; i < queries; i += GemmTile.ROWS) {
                GemmTile.run(
                        x.o,
                        x.outputAt(first + query + i, head) + c,
                        x.oStride,
                        w.scores,
                        (long) i * KEYS,
                        KEYS,
                        w.values,
                        (long) c * keys,
                        Math.min(GemmTile.ROWS, queries - i),
                        Math.min(GemmTile.COLUMNS, x.valueDim - c),
                        seen(query - key + i, keys),
                        key > 0);
            }
        }
    }

    /** How many keys of a tile any query of a strip sees, when one of them lies {@code ahead} positions after the first key. */
    private static int seen(int ahead, int keys) {
        return Math.min(keys, ahead + GemmTile.ROWS);
    }
}
