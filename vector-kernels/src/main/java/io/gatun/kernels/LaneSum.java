package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The sum of a vector's lanes in one order: halves are folded until one lane is left. {@code reduceLanes(ADD)} may add in another
 * order once it is compiled than before, and then the bits of a result would depend on when that happened.
 */
final class LaneSum {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;
    private static final VectorShuffle<Float> F8 = swapped(FLOATS, 8);
    private static final VectorShuffle<Float> F4 = swapped(FLOATS, 4);
    private static final VectorShuffle<Float> F2 = swapped(FLOATS, 2);
    private static final VectorShuffle<Float> F1 = swapped(FLOATS, 1);
    private static final VectorShuffle<Double> D4 = swapped(DOUBLES, 4);
    private static final VectorShuffle<Double> D2 = swapped(DOUBLES, 2);
    private static final VectorShuffle<Double> D1 = swapped(DOUBLES, 1);

    private LaneSum() {}

    private static <E> VectorShuffle<E> swapped(VectorSpecies<E> species, int distance) {
        return VectorShuffle.fromOp(species, lane -> (lane ^ distance) % species.length());
    }

    /** The sum of all lanes of a vector of the preferred width. */
    static float of(FloatVector v) {
        if (FLOATS.length() > 8) v = v.add(v.rearrange(F8));
        if (FLOATS.length() > 4) v = v.add(v.rearrange(F4));
        v = v.add(v.rearrange(F2));
        v = v.add(v.rearrange(F1));
        return v.lane(0);
    }

    /** The sum of all lanes of a vector of the preferred width. */
    static double of(DoubleVector v) {
        if (DOUBLES.length() > 4) v = v.add(v.rearrange(D4));
        if (DOUBLES.length() > 2) v = v.add(v.rearrange(D2));
        v = v.add(v.rearrange(D1));
        return v.lane(0);
    }

    /**
     * The sum of one vector's lanes that lie in memory from byte {@code at}, which are used up: the same bits as {@link
     * #of(FloatVector)}, for methods that end in many sums and where C2 would leave that one out of line.
     */
    static float of(MemorySegment lanes, long at) {
        for (int half = FLOATS.length() / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                long low = at + 4L * i;
                lanes.set(JAVA_FLOAT, low, lanes.get(JAVA_FLOAT, low) + lanes.get(JAVA_FLOAT, low + 4L * half));
            }
        }
        return lanes.get(JAVA_FLOAT, at);
    }
}
