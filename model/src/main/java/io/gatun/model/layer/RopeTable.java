package io.gatun.model.layer;

import io.gatun.model.ops.Ops;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.function.UnaryOperator;

/**
 * The angles of rotary positions: {@code cos} and {@code sin}, both [positions, dim / 2], what
 * {@link io.gatun.model.ops.Attention#rope} reads. Shared by all layers of a model; it grows with the longest sequence asked for.
 */
public final class RopeTable {
    private final Arena arena;
    private final DType real;
    private final UnaryOperator<Tensor> resident; // brings a table to where it is read
    private final float[] perPair;
    private final int most;
    private Tensor hostCos;
    private Tensor hostSin;
    private Tensor cos;
    private Tensor sin;

    /**
     * A table that begins with {@code positions} positions, in memory of {@code ops} that lives as long as {@code arena}. An angle is
     * {@code position · frequency} rounded to float, as the published code has it; its cosine and sine are exact.
     *
     * @param most positions that it never needs to exceed
     */
    RopeTable(Ops ops, Arena arena, int positions, int most, RopeFrequencies frequencies) {
        this(arena, ops.real(), host -> ops.resident(arena, host), positions, most, frequencies);
    }

    private RopeTable(
            Arena arena,
            DType real,
            UnaryOperator<Tensor> resident,
            int positions,
            int most,
            RopeFrequencies frequencies) {
        this.arena = arena;
        this.real = real;
        this.resident = resident;
        this.most = most;
        perPair = frequencies.perPair();
        hostCos = Tensor.zeros(arena, real, positions, perPair.length);
        hostSin = Tensor.zeros(arena, real, positions, perPair.length);
        fill(0);
    }

    /** The table of positions 0 to {@code positions} (excluded), in host memory; {@code real} is F32 or F64. */
    public static RopeTable of(Arena arena, DType real, int positions, RopeFrequencies frequencies) {
        return new RopeTable(arena, real, host -> host, positions, positions, frequencies);
    }

    /** Covers positions 0 to {@code positions} (excluded), by at least doubling, so that outgrown tables are no more than the last. */
    void cover(int positions) {
        int known = positions();
        if (positions <= known) return;
        long grown = Math.max(positions, Math.min(most, 2L * known));
        hostCos = grown(hostCos, grown);
        hostSin = grown(hostSin, grown);
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
                hostCos.set(p, i, Math.cos(angle));
                hostSin.set(p, i, Math.sin(angle));
            }
        }
        cos = resident.apply(hostCos);
        sin = resident.apply(hostSin);
    }

    public Tensor cos() {
        return cos;
    }

    public Tensor sin() {
        return sin;
    }

    /** How many positions the table has. */
    public int positions() {
        return hostCos.rows();
    }
}
