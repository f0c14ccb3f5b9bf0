package io.gatun.model.layer;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * The angles of rotary positions: {@code cos} and {@code sin}, both [positions, dim / 2], what
 * {@link io.gatun.model.ops.Attention#rope} reads. Shared by all layers of a model; it grows with the longest sequence asked for.
 */
public final class RopeTable {
    private final Arena arena;
    private final DType real;
    private final float[] perPair;
    private final int most;
    private Tensor cos;
    private Tensor sin;

    /**
     * A table that begins with {@code positions} positions, in host memory that lives as long as {@code arena}. An angle is
     * {@code position · frequency} rounded to float, as the published code has it; its cosine and sine are exact.
     *
     * @param real element type, F32 or F64
     * @param most positions that it never needs to exceed
     */
    RopeTable(Arena arena, DType real, int positions, int most, RopeFrequencies frequencies) {
        this.arena = arena;
        this.real = real;
        this.most = most;
        perPair = frequencies.perPair();
        cos = Tensor.zeros(arena, real, positions, perPair.length);
        sin = Tensor.zeros(arena, real, positions, perPair.length);
        fill(0);
    }

    /** The table of positions 0 to {@code positions} (excluded). */
    public static RopeTable of(Arena arena, DType real, int positions, RopeFrequencies frequencies) {
        return new RopeTable(arena, real, positions, positions, frequencies);
    }

    /** Covers positions 0 to {@code positions} (excluded), by at least doubling, so that outgrown tables are no more than the last. */
    void cover(int positions) {
        int known = positions();
        if (positions <= known) return;
        long grown = Math.max(positions, Math.min(most, 2L * known));
        cos = grown(cos, grown);
        sin = grown(sin, grown);
        fill(known);
    }

    private Tensor grown(Tensor before, long positions) {
        Tensor grown = Tensor.zeros(arena, real, positions, perPair.length);
        grown.slice(0, before.rows()).copyFrom(before);
        return grown;
    }

    private void fill(int from) {
        for (int p = from; p < positions(); p++) {
            for (int i = 0; i < perPair.length; i++) {
                float angle = p * perPair[i];
                cos.set(p, i, Math.cos(angle));
                sin.set(p, i, Math.sin(angle));
            }
        }
    }

    public Tensor cos() {
        return cos;
    }

    public Tensor sin() {
        return sin;
    }

    /** How many positions the table has. */
    public int positions() {
        return cos.rows();
    }
}
