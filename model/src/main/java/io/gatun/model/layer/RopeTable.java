package io.gatun.model.layer;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * The angles of rotary positions: {@code cos} and {@code sin}, both [positions, dim / 2], what
 * {@link io.gatun.model.ops.Attention#rope} reads. Shared by all layers of a model; never changes.
 */
public record RopeTable(Tensor cos, Tensor sin) {
    /**
     * The table of positions 0 to {@code positions} (excluded) in host memory that lives as long as {@code arena}. An angle is
     * {@code position · frequency} rounded to float, as the published code has it; its cosine and sine are exact.
     *
     * @param real element type, F32 or F64
     */
    public static RopeTable of(Arena arena, DType real, int positions, RopeFrequencies frequencies) {
        float[] perPair = frequencies.perPair();
        Tensor cos = Tensor.zeros(arena, real, positions, perPair.length);
        Tensor sin = Tensor.zeros(arena, real, positions, perPair.length);
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < perPair.length; i++) {
                float angle = p * perPair[i];
                cos.set(p, i, Math.cos(angle));
                sin.set(p, i, Math.sin(angle));
            }
        }
        return new RopeTable(cos, sin);
    }

    /** How many positions the table has. */
    public int positions() {
        return cos.rows();
    }
}
