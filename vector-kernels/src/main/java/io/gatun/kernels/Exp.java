package io.gatun.kernels;

import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The exponential function: {@code e^x = 2^n · e^r} with {@code n} whole and {@code |r| ≤ ln 2 / 2}, where a polynomial of degree
 * 6 (a minimax fit, 3e-9) stands for {@code e^r}. Relative error at most 1e-7; 0 below -87.7, infinite above 88.4, NaN for NaN.
 * Lanes and scalars give the same bits, so that a row's result does not depend on where its vectors end.
 */
final class Exp {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

    private static final float LOWEST = -88; // n = -127, whose scale below is 0
    private static final float HIGHEST = 89; // n = 128, whose scale is infinite
    private static final float LOG2_E = 1.44269504f;
    private static final float LN2_HIGH = 0.693359375f; // few bits: n times it is exact
    private static final float LN2_LOW = -2.12194440e-4f;

    /** Adding this rounds to a whole number n and leaves n + 127, the exponent field of 2^n, in the low bits. */
    private static final float ROUND = 0x1.8p23f + 127;

    private static final float C2 = 0.49999994f;
    private static final float C3 = 0.16666521f;
    private static final float C4 = 0.04166839f;
    private static final float C5 = 0.008368745f;
    private static final float C6 = 0.001381454f;

    private Exp() {}

    /** {@code e^x} of every lane. */
    static FloatVector exp(FloatVector x) {
        var lowest = FloatVector.broadcast(LANES, LOWEST);
        var highest = FloatVector.broadcast(LANES, HIGHEST);
        x = x.blend(lowest, x.compare(LT, lowest)).blend(highest, x.compare(GT, highest)); // a NaN stays
        var rounded = x.fma(LOG2_E, ROUND);
        var n = rounded.sub(ROUND);
        var one = FloatVector.broadcast(LANES, 1);
        var r = n.fma(FloatVector.broadcast(LANES, -LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(LANES, -LN2_LOW), r);
        var p = r.fma(C6, C5);
        p = p.fma(r, FloatVector.broadcast(LANES, C4));
        p = p.fma(r, FloatVector.broadcast(LANES, C3));
        p = p.fma(r, FloatVector.broadcast(LANES, C2));
        p = p.fma(r, one);
        p = p.fma(r, one);
        return p.mul(rounded.reinterpretAsInts().lanewise(LSHL, 23).reinterpretAsFloats());
    }

    /** {@code e^x}, with the bits that a lane would get. */
    static float exp(float x) {
        x = x < LOWEST ? LOWEST : x;
        x = x > HIGHEST ? HIGHEST : x;
        float rounded = Math.fma(x, LOG2_E, ROUND);
        float n = rounded - ROUND;
        float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
        float p = Math.fma(r, C6, C5);
        p = Math.fma(p, r, C4);
        p = Math.fma(p, r, C3);
        p = Math.fma(p, r, C2);
        p = Math.fma(p, r, 1);
        p = Math.fma(p, r, 1);
        return p * Float.intBitsToFloat(Float.floatToRawIntBits(rounded) << 23);
    }
}
