package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Moving rows of tokens to their experts and back: a counting sort of the choices {@code ids} i32 [rows, topK] into the order
 * of experts, in token order within each, and the rows that follow it.
 *
 * <p>The sort is cut into blocks of rows: {@link #count} each block, {@link #starts} once, {@link #place} each block. Rows
 * {@code from} (included) to {@code to} (excluded); strides and {@code at} count elements.
 */
public final class Permutation {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

    private Permutation() {}

    /** Writes how often each expert is chosen by these rows: i32 [experts] at element {@code at} of {@code counts}. */
    public static void count(
            MemorySegment counts, long at, MemorySegment ids, long idStride, int from, int to, int topK, int experts) {
        for (int e = 0; e < experts; e++) counts.set(JAVA_INT_UNALIGNED, (at + e) * 4, 0);
        for (int row = from; row < to; row++) {
            for (int k = 0; k < topK; k++) {
                long slot = (at + ids.get(JAVA_INT_UNALIGNED, (row * idStride + k) * 4)) * 4;
                counts.set(JAVA_INT_UNALIGNED, slot, counts.get(JAVA_INT_UNALIGNED, slot) + 1);
            }
        }
    }

    /**
     * Writes {@code offsets} i32 [experts + 1], the first permuted row of each expert, and turns {@code counts} i32 [blocks,
     * experts] into the first permuted row of each block's choices of each expert.
     */
    public static void starts(MemorySegment offsets, MemorySegment counts, int blocks, int experts) {
        for (int e = 0; e <= experts; e++) offsets.set(JAVA_INT_UNALIGNED, e * 4L, 0);
        for (int b = 0; b < blocks; b++) {
            for (int e = 0; e < experts; e++) { // how many of this expert lie in earlier blocks
                long slot = ((long) b * experts + e) * 4;
                int before = offsets.get(JAVA_INT_UNALIGNED, (e + 1) * 4L);
                offsets.set(JAVA_INT_UNALIGNED, (e + 1) * 4L, before + counts.get(JAVA_INT_UNALIGNED, slot));
                counts.set(JAVA_INT_UNALIGNED, slot, before);
            }
        }
        for (int e = 0; e < experts; e++) {
            int end = offsets.get(JAVA_INT_UNALIGNED, e * 4L) + offsets.get(JAVA_INT_UNALIGNED, (e + 1) * 4L);
            offsets.set(JAVA_INT_UNALIGNED, (e + 1) * 4L, end);
        }
    }

    /**
     * Writes the permuted row of each choice, {@code positions} i32 [rows, topK], and its inverse {@code tokens} i32 [all rows *
     * topK].
     *
     * @param starts what {@link #starts} left for this block at element {@code at}; used up
     */
    public static void place(
            MemorySegment positions,
            long positionStride,
            MemorySegment tokens,
            MemorySegment starts,
            long at,
            MemorySegment offsets,
            MemorySegment ids,
            long idStride,
            int from,
            int to,
            int topK) {
        for (int row = from; row < to; row++) {
            for (int k = 0; k < topK; k++) {
                int id = ids.get(JAVA_INT_UNALIGNED, (row * idStride + k) * 4);
                long slot = (at + id) * 4;
                int before = starts.get(JAVA_INT_UNALIGNED, slot);
                int position = offsets.get(JAVA_INT_UNALIGNED, id * 4L) + before;
                starts.set(JAVA_INT_UNALIGNED, slot, before + 1);
                positions.set(JAVA_INT_UNALIGNED, (row * positionStride + k) * 4, position);
                tokens.set(JAVA_INT_UNALIGNED, position * 4L, row);
            }
        }
    }

    /** Copies each row of {@code x} [rows, dim] to its {@code topK} places in {@code permuted} [all rows * topK, dim]. */
    public static void permute(
            MemorySegment permuted,
            long permutedStride,
            MemorySegment x,
            long xStride,
            MemorySegment positions,
            long positionStride,
            int from,
            int to,
            int topK,
            int dim) {
        for (int row = from; row < to; row++) {
            for (int k = 0; k < topK; k++) { // the row stays in the cache for all of its copies
                long out = position(positions, positionStride, row, k) * permutedStride;
                MemorySegment.copy(x, row * xStride * 4, permuted, out * 4, dim * 4L);
            }
        }
    }

    /**
     * Writes or adds {@code y[t] = Σ_k weights[t, k] · permuted[positions[t, k]]}, in the order of k.
     *
     * @param y [rows, dim]
     * @param weights [rows, topK]; null for ones, which makes this the gradient of {@link #permute}
     */
    public static void unpermute(
            MemorySegment y,
            long yStride,
            MemorySegment permuted,
            long permutedStride,
            MemorySegment weights,
            long weightStride,
            MemorySegment positions,
            long positionStride,
            int from,
            int to,
            int topK,
            int dim,
            Accumulate mode) {
        for (int row = from; row < to; row++) {
            long out = row * yStride * 4;
            for (int k = 0; k < topK; k++) {
                long in = position(positions, positionStride, row, k) * permutedStride * 4;
                float weight = weights == null ? 1 : weights.get(JAVA_FLOAT_UNALIGNED, (row * weightStride + k) * 4);
                if (k == 0 && mode == Accumulate.WRITE) {
                    scaled(y, out, permuted, in, weight, dim);
                } else {
                    addScaled(y, out, permuted, in, weight, dim);
                }
            }
        }
    }

    /**
     * The gradients of {@link #unpermute}: writes {@code dPermuted[p] = weights[t, k] · dy[t]} and {@code dWeights[t, k] = dy[t] ·
     * permuted[p]} with {@code p = positions[t, k]}. {@code dPermuted} may be {@code permuted}.
     */
    public static void unpermuteGrad(
            MemorySegment dPermuted,
            long dPermutedStride,
            MemorySegment dWeights,
            long dWeightStride,
            MemorySegment dy,
            long dyStride,
            MemorySegment permuted,
            long permutedStride,
            MemorySegment weights,
            long weightStride,
            MemorySegment positions,
            long positionStride,
            int from,
            int to,
            int topK,
            int dim) {
        for (int row = from; row < to; row++) {
            for (int k = 0; k < topK; k++) {
                long p = position(positions, positionStride, row, k);
                float weight = weights.get(JAVA_FLOAT_UNALIGNED, (row * weightStride + k) * 4);
                float dot = scaledAndDot(
                        dPermuted,
                        p * dPermutedStride * 4,
                        dy,
                        row * dyStride * 4,
                        permuted,
                        p * permutedStride * 4,
                        weight,
                        dim);
                dWeights.set(JAVA_FLOAT_UNALIGNED, (row * dWeightStride + k) * 4, dot);
            }
        }
    }

    private static long position(MemorySegment positions, long stride, int row, int k) {
        return positions.get(JAVA_INT_UNALIGNED, (row * stride + k) * 4);
    }

    private static void scaled(MemorySegment y, long out, MemorySegment x, long in, float weight, int n) {
        int step = LANES.length(), i = 0;
        for (; i <= n - step; i += step) {
            FloatVector.fromMemorySegment(LANES, x, in + (long) i * 4, LITTLE_ENDIAN)
                    .mul(weight)
                    .intoMemorySegment(y, out + (long) i * 4, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            y.set(JAVA_FLOAT_UNALIGNED, out + (long) i * 4, x.get(JAVA_FLOAT_UNALIGNED, in + (long) i * 4) * weight);
        }
    }

    private static void addScaled(MemorySegment y, long out, MemorySegment x, long in, float weight, int n) {
        int step = LANES.length(), i = 0;
        var w = FloatVector.broadcast(LANES, weight);
        for (; i <= n - step; i += step) {
            FloatVector.fromMemorySegment(LANES, x, in + (long) i * 4, LITTLE_ENDIAN)
                    .fma(w, FloatVector.fromMemorySegment(LANES, y, out + (long) i * 4, LITTLE_ENDIAN))
                    .intoMemorySegment(y, out + (long) i * 4, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float sum = y.get(JAVA_FLOAT_UNALIGNED, out + (long) i * 4);
            float v = x.get(JAVA_FLOAT_UNALIGNED, in + (long) i * 4);
            y.set(JAVA_FLOAT_UNALIGNED, out + (long) i * 4, Math.fma(v, weight, sum));
        }
    }

    private static float scaledAndDot(
            MemorySegment y, long out, MemorySegment dy, long dyAt, MemorySegment x, long xAt, float weight, int n) {
        int step = LANES.length(), i = 0;
        var even = FloatVector.zero(LANES); // two chains hide the latency of FMA
        var odd = even;
        for (; i <= n - 2 * step; i += 2 * step) {
            var a = FloatVector.fromMemorySegment(LANES, dy, dyAt + (long) i * 4, LITTLE_ENDIAN);
            var b = FloatVector.fromMemorySegment(LANES, dy, dyAt + (long) (i + step) * 4, LITTLE_ENDIAN);
            even = FloatVector.fromMemorySegment(LANES, x, xAt + (long) i * 4, LITTLE_ENDIAN)
                    .fma(a, even);
            odd = FloatVector.fromMemorySegment(LANES, x, xAt + (long) (i + step) * 4, LITTLE_ENDIAN)
                    .fma(b, odd);
            a.mul(weight).intoMemorySegment(y, out + (long) i * 4, LITTLE_ENDIAN);
            b.mul(weight).intoMemorySegment(y, out + (long) (i + step) * 4, LITTLE_ENDIAN);
        }
        float dot = LaneSum.of(even.add(odd));
        for (; i < n; i++) {
            float d = dy.get(JAVA_FLOAT_UNALIGNED, dyAt + (long) i * 4);
            dot = Math.fma(d, x.get(JAVA_FLOAT_UNALIGNED, xAt + (long) i * 4), dot);
            y.set(JAVA_FLOAT_UNALIGNED, out + (long) i * 4, d * weight);
        }
        return dot;
    }
}
