package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.MIN;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The choice of a token's experts: the {@code topK} best biased scores within the best groups, and their weights (SPEC 2.5).
 *
 * <p>Scores are compared as whole numbers in the same order, which leaves room for two more values below -infinity: an expert
 * that is taken, or out of question, can never be chosen, whatever the scores are. NaN is above +infinity, so that it is
 * chosen and seen in the weights. Of equal scores the lower index wins.
 *
 * <p>Rows {@code from} (included) to {@code to} (excluded); rows lie {@code stride} elements apart.
 */
public final class GroupedTopK {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = LANES.vectorShape().withLanes(int.class);

    private static final int MAGNITUDE = 0x7fffffff;
    private static final int INFINITY = 0x7f800000;
    private static final int NAN = 0x7fc00000;
    private static final int OUT = Integer.MIN_VALUE; // below the key of -infinity

    private GroupedTopK() {}

    /** The bytes that {@link #select} needs to work in. */
    public static long scratchBytes(int experts, int groups) {
        return 4L * (groups * padded(experts / groups) + padded(groups));
    }

    /**
     * Writes {@code ids} i32 [rows, topK], in falling order of biased score.
     *
     * @param scratch {@link #scratchBytes} bytes
     * @param scores [rows, experts]
     * @param bias [experts], added to the scores; zeros for none
     * @param keptGroups how many of the {@code groups} groups of neighbouring experts remain in question
     * @param sumOfTwo whether a group is as good as the sum of its two best biased scores, else as its best one
     */
    public static void select(
            MemorySegment ids,
            long idStride,
            MemorySegment scratch,
            MemorySegment scores,
            long scoreStride,
            MemorySegment bias,
            int from,
            int to,
            int experts,
            int topK,
            int groups,
            int keptGroups,
            boolean sumOfTwo) {
        int size = experts / groups;
        int width = padded(size);
        int groupKeys = groups * width;
        for (int i = 0; i < groupKeys + padded(groups); i++) setKey(scratch, i, OUT); // what pads groups stays so
        for (int row = from; row < to; row++) {
            long in = row * scoreStride * Float.BYTES;
            for (int g = 0; g < groups; g++) {
                keys(scratch, g * width, scores, in + (long) g * size * 4, bias, (long) g * size * 4, size);
            }
            if (keptGroups < groups) {
                for (int g = 0; g < groups; g++) {
                    setKey(scratch, groupKeys + g, groupKey(scratch, g * width, width, sumOfTwo && size > 1));
                }
                for (int i = 0; i < keptGroups; i++) take(scratch, groupKeys, padded(groups));
                for (int g = 0; g < groups; g++) {
                    if (key(scratch, groupKeys + g) != OUT) drop(scratch, g * width, width);
                }
            }
            long out = row * idStride * Integer.BYTES;
            for (int k = 0; k < topK; k++) {
                int at = take(scratch, 0, groupKeys);
                int id = width == size ? at : at / width * size + at % width;
                ids.set(JAVA_INT_UNALIGNED, out + (long) k * 4, id);
            }
        }
    }

    /** Writes {@code weights} [rows, topK]: the chosen scores, divided by their sum + 1e-20 if asked, times {@code scale}. */
    public static void weights(
            MemorySegment weights,
            long weightStride,
            MemorySegment scores,
            long scoreStride,
            MemorySegment ids,
            long idStride,
            int from,
            int to,
            int topK,
            boolean normalise,
            float scale) {
        for (int row = from; row < to; row++) {
            long in = row * scoreStride * Float.BYTES;
            long id = row * idStride * Integer.BYTES;
            long out = row * weightStride * Float.BYTES;
            float factor = normalise ? scale / sumOfChosen(scores, in, ids, id, topK) : scale;
            for (int k = 0; k < topK; k++) {
                weights.set(JAVA_FLOAT_UNALIGNED, out + (long) k * 4, factor * chosen(scores, in, ids, id, k));
            }
        }
    }

    /**
     * The gradient of {@link #weights}: writes {@code dScores} [rows, experts], which is {@code others}, and at the chosen their
     * part of {@code dWeights} [rows, topK] in addition.
     *
     * @param others [rows, experts], the gradient that scores have from elsewhere; null for none
     */
    public static void weightsGrad(
            MemorySegment dScores,
            long dScoreStride,
            MemorySegment others,
            long otherStride,
            MemorySegment dWeights,
            long dWeightStride,
            MemorySegment scores,
            long scoreStride,
            MemorySegment ids,
            long idStride,
            int from,
            int to,
            int experts,
            int topK,
            boolean normalise,
            float scale) {
        for (int row = from; row < to; row++) {
            long in = row * scoreStride * Float.BYTES;
            long id = row * idStride * Integer.BYTES;
            long dIn = row * dWeightStride * Float.BYTES;
            long out = row * dScoreStride * Float.BYTES;
            if (others == null) {
                clear(dScores, out, experts);
            } else {
                MemorySegment.copy(others, row * otherStride * Float.BYTES, dScores, out, 4L * experts);
            }
            float factor = scale;
            float mean = 0; // of dWeights, by the shares of the weights
            if (normalise) {
                float sum = sumOfChosen(scores, in, ids, id, topK);
                factor = scale / sum;
                for (int k = 0; k < topK; k++) {
                    float share = chosen(scores, in, ids, id, k) / sum;
                    mean = Math.fma(share, dWeights.get(JAVA_FLOAT_UNALIGNED, dIn + (long) k * 4), mean);
                }
            }
            for (int k = 0; k < topK; k++) {
                long at = out + (long) ids.get(JAVA_INT_UNALIGNED, id + (long) k * 4) * 4;
                float dw = dWeights.get(JAVA_FLOAT_UNALIGNED, dIn + (long) k * 4);
                dScores.set(JAVA_FLOAT_UNALIGNED, at, dScores.get(JAVA_FLOAT_UNALIGNED, at) + factor * (dw - mean));
            }
        }
    }

    private static void clear(MemorySegment x, long at, int n) {
        int step = LANES.length(), i = 0;
        for (; i <= n - step; i += step) {
            FloatVector.zero(LANES).intoMemorySegment(x, at + (long) i * 4, LITTLE_ENDIAN);
        }
        for (; i < n; i++) x.set(JAVA_FLOAT_UNALIGNED, at + (long) i * 4, 0);
    }

    private static float sumOfChosen(MemorySegment scores, long row, MemorySegment ids, long idRow, int topK) {
        float sum = 0;
        for (int k = 0; k < topK; k++) sum += chosen(scores, row, ids, idRow, k);
        return sum + 1e-20f;
    }

    private static float chosen(MemorySegment scores, long row, MemorySegment ids, long idRow, int k) {
        return scores.get(JAVA_FLOAT_UNALIGNED, row + (long) ids.get(JAVA_INT_UNALIGNED, idRow + (long) k * 4) * 4);
    }

    /** Writes the keys of one group's biased scores. */
    private static void keys(
            MemorySegment keys, int first, MemorySegment scores, long scoreAt, MemorySegment bias, long biasAt, int n) {
        int step = LANES.length(), i = 0;
        for (; i <= n - step; i += step) {
            var bits = FloatVector.fromMemorySegment(LANES, scores, scoreAt + (long) i * 4, LITTLE_ENDIAN)
                    .add(FloatVector.fromMemorySegment(LANES, bias, biasAt + (long) i * 4, LITTLE_ENDIAN))
                    .reinterpretAsInts();
            var flip = bits.lanewise(ASHR, 31).lanewise(LSHR, 1); // the magnitude of negative numbers counts down
            bits.lanewise(XOR, flip)
                    .blend(NAN, bits.and(MAGNITUDE).compare(GT, INFINITY))
                    .intoMemorySegment(keys, (long) (first + i) * 4, LITTLE_ENDIAN);
        }
        for (; i < n; i++) {
            float score = scores.get(JAVA_FLOAT_UNALIGNED, scoreAt + (long) i * 4);
            setKey(keys, first + i, keyOf(score + bias.get(JAVA_FLOAT_UNALIGNED, biasAt + (long) i * 4)));
        }
    }

    /** The key of a group's score, of the keys {@code first} to {@code first + n}. */
    private static int groupKey(MemorySegment keys, int first, int n, boolean sumOfTwo) {
        int step = INTS.length();
        var best = IntVector.fromMemorySegment(INTS, keys, (long) first * 4, LITTLE_ENDIAN);
        var second = IntVector.broadcast(INTS, OUT);
        for (int i = step; i < n; i += step) {
            var v = IntVector.fromMemorySegment(INTS, keys, (long) (first + i) * 4, LITTLE_ENDIAN);
            second = second.max(best.min(v));
            best = best.max(v);
        }
        int first1 = best.reduceLanes(MAX);
        if (!sumOfTwo) return first1;
        var lanes = best.compare(EQ, first1);
        int second1 = lanes.trueCount() > 1 ? first1 : best.blend(second, lanes).reduceLanes(MAX);
        return keyOf(valueOf(first1) + valueOf(second1));
    }

    /** Puts the keys {@code first} to {@code first + n} out of question. */
    private static void drop(MemorySegment keys, int first, int n) {
        for (int i = 0; i < n; i += INTS.length()) {
            IntVector.broadcast(INTS, OUT).intoMemorySegment(keys, (long) (first + i) * 4, LITTLE_ENDIAN);
        }
    }

    /** Finds the largest of the keys {@code first} to {@code first + n}, puts it out of question and gives its place among them. */
    private static int take(MemorySegment keys, int first, int n) {
        int step = INTS.length();
        var best = IntVector.fromMemorySegment(INTS, keys, (long) first * 4, LITTLE_ENDIAN);
        var here =
                IntVector.zero(INTS).addIndex(1); // made here: a constant object would be boxed where the loop merges
        var where = here;
        for (int i = step; i < n; i += step) {
            here = here.add(step);
            var v = IntVector.fromMemorySegment(INTS, keys, (long) (first + i) * 4, LITTLE_ENDIAN);
            var better = v.compare(GT, best);
            best = best.blend(v, better);
            where = where.blend(here, better);
        }
        int largest = best.reduceLanes(MAX);
        int at = where.blend(Integer.MAX_VALUE, best.compare(NE, largest)).reduceLanes(MIN);
        setKey(keys, first + at, OUT);
        return at;
    }

    private static int keyOf(float score) {
        int bits = Float.floatToIntBits(score);
        return bits ^ (bits >> 31 >>> 1);
    }

    private static float valueOf(int key) {
        return Float.intBitsToFloat(key ^ (key >> 31 >>> 1));
    }

    private static int key(MemorySegment keys, int i) {
        return keys.get(JAVA_INT_UNALIGNED, (long) i * 4);
    }

    private static void setKey(MemorySegment keys, int i, int key) {
        keys.set(JAVA_INT_UNALIGNED, (long) i * 4, key);
    }

    /** {@code n} rounded up to whole vectors. */
    private static int padded(int n) {
        int step = INTS.length();
        return (n + step - 1) / step * step;
    }
}
