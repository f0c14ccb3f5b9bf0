package io.gatun.jmh;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.gatun.kernels.Roofs;
import java.lang.foreign.MemorySegment;

/** Plain loops over f32 memory that twins are made of: one element after another, as one writes them first. Places count elements. */
final class Scalar {
    private Scalar() {}

    static float get(MemorySegment x, long at) {
        return x.getAtIndex(JAVA_FLOAT, at);
    }

    static void set(MemorySegment x, long at, float value) {
        x.setAtIndex(JAVA_FLOAT, at, value);
    }

    static float dot(MemorySegment a, long aAt, MemorySegment b, long bAt, int count) {
        float sum = 0;
        for (int i = 0; i < count; i++) sum += get(a, aAt + i) * get(b, bAt + i);
        return sum;
    }

    /** {@code y += factor · x}. */
    static void addScaled(MemorySegment y, long yAt, float factor, MemorySegment x, long xAt, int count) {
        for (int i = 0; i < count; i++) set(y, yAt + i, get(y, yAt + i) + factor * get(x, xAt + i));
    }

    static void clear(MemorySegment y, long at, int count) {
        for (int i = 0; i < count; i++) set(y, at + i, 0);
    }

    /** Replaces the first {@code count} scores by their softmax; gives the logarithm of the denominator. */
    static float softmax(MemorySegment scores, int count) {
        float largest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) largest = Math.max(largest, get(scores, i));
        float sum = 0;
        for (int i = 0; i < count; i++) {
            float e = (float) Math.exp(get(scores, i) - largest);
            set(scores, i, e);
            sum += e;
        }
        for (int i = 0; i < count; i++) set(scores, i, get(scores, i) / sum);
        return largest + (float) Math.log(sum);
    }

    /** As many multiply-adds as a product of {@code rows} x {@code k} x {@code n} has, on registers. */
    static float multiplyAdds(long rows, long k, long n) {
        return Roofs.multiplyAdd(Math.toIntExact(Math.ceilDiv(2 * rows * k * n, (long) Roofs.OPERATIONS_PER_ROUND)));
    }
}
