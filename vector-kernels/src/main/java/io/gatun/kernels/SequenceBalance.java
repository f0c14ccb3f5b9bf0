package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The sequence-wise balance loss {@code Σ_e f_e P_e} of one sequence of T tokens (SPEC 3.2): {@code f_e = E / (K T) · Σ_t [e is
 * among the K best raw scores of t]} and {@code P_e = 1/T · Σ_t s_te / Σ_j s_tj}. Only P has a gradient.
 *
 * <p>Since {@code Σ_e f_e P_e = 1/T · Σ_t Σ_e f_e s_te / Σ_j s_tj}, each token has a share of the loss of its own, and tokens
 * can be cut into blocks.
 */
public final class SequenceBalance {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

    private SequenceBalance() {}

    /**
     * Writes {@code f} f32 [experts] at element {@code at}.
     *
     * @param counts i32 [blocks, experts] from element {@code countsAt}: how often each block's tokens choose each expert
     */
    public static void load(
            MemorySegment f,
            long at,
            MemorySegment counts,
            long countsAt,
            int blocks,
            int experts,
            int topK,
            int tokens) {
        double even = (double) experts / ((double) topK * tokens);
        for (int e = 0; e < experts; e++) {
            int count = 0;
            for (int b = 0; b < blocks; b++) {
                count += counts.get(JAVA_INT_UNALIGNED, (countsAt + (long) b * experts + e) * 4);
            }
            f.set(JAVA_FLOAT_UNALIGNED, (at + e) * 4, (float) (even * count));
        }
    }

    /**
     * Writes {@code dScores = factor / Z · (f - m)} with {@code Z = Σ_j s_j + 1e-20} and {@code m = Σ_e f_e s_e / Z} of rows {@code
     * from} (included) to {@code to} (excluded), and gives the sum of their {@code m}.
     *
     * @param dScores, scores f32 [rows, experts]
     * @param f [experts] from element {@code at}
     * @param factor of the loss, divided by T
     */
    public static double grad(
            MemorySegment dScores,
            long dStride,
            MemorySegment scores,
            long stride,
            MemorySegment f,
            long at,
            int from,
            int to,
            int experts,
            float factor) {
        double shares = 0;
        for (int row = from; row < to; row++) {
            long in = row * stride * 4;
            float sum = RowSums.sum(scores, in, experts) + 1e-20f; // as where weights are normalised
            float mean = RowSums.dot(scores, in, f, at * 4, experts) / sum;
            centred(dScores, row * dStride * 4, f, at * 4, mean, factor / sum, experts);
            shares += mean;
        }
        return shares;
    }

    /** {@code y = (x - mean) · factor}. */
    private static void centred(MemorySegment y, long out, MemorySegment x, long in, float mean, float factor, int n) {
        int step = LANES.length(), i = 0;
        for (; i <= n - step; i += step) {
            FloatVector.fromMemorySegment(LANES, x, in + (long) i * 4, LITTLE_ENDIAN)
                    .sub(mean)
                    .mul(factor)
                    .intoMemorySegment(y, out + (long) i * 4, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float v = x.get(JAVA_FLOAT_UNALIGNED, in + (long) i * 4);
            y.set(JAVA_FLOAT_UNALIGNED, out + (long) i * 4, (v - mean) * factor);
        }
    }
}
