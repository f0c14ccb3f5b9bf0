package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The gated activation of the feed-forward networks: {@code h = silu(gate) · up} with {@code silu(g) = g · σ(g)} and {@code σ(g) =
 * 1/(1 + e^-g)} (SPEC 2.1).
 *
 * <p>All f32 [rows, dim] with strides in elements; each function works on the rows {@code from} (included) to {@code to}
 * (excluded). NaN propagates, and an infinite negative gate gives NaN.
 */
public final class SwiGlu {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final int STEP = LANES.length();

    private SwiGlu() {}

    /** Writes {@code h}, which may be {@code gate} or {@code up}. */
    public static void forward(
            MemorySegment h,
            long hStride,
            MemorySegment gate,
            long gateStride,
            MemorySegment up,
            long upStride,
            int from,
            int to,
            int dim) {
        for (int r = from; r < to; r++) {
            forwardRow(h, r * hStride * 4, gate, r * gateStride * 4, up, r * upStride * 4, dim);
        }
    }

    private static void forwardRow(
            MemorySegment h, long hRow, MemorySegment gate, long gateRow, MemorySegment up, long upRow, int dim) {
        int i = 0;
        for (; i <= dim - STEP; i += STEP) {
            long at = (long) i * 4;
            var g = FloatVector.fromMemorySegment(LANES, gate, gateRow + at, LITTLE_ENDIAN);
            var u = FloatVector.fromMemorySegment(LANES, up, upRow + at, LITTLE_ENDIAN);
            g.div(Exp.exp(g.neg()).add(1)).mul(u).intoMemorySegment(h, hRow + at, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            long at = (long) i * 4;
            float g = gate.get(JAVA_FLOAT_UNALIGNED, gateRow + at);
            float u = up.get(JAVA_FLOAT_UNALIGNED, upRow + at);
            h.set(JAVA_FLOAT_UNALIGNED, hRow + at, g / (Exp.exp(-g) + 1) * u);
        }
    }

    /**
     * Writes the gradients for both inputs: {@code dUp = dh · silu(gate)}, {@code dGate = dh · up · σ · (1 + gate · (1 - σ))}.
     * Outputs may be inputs, element for element.
     */
    public static void grad(
            MemorySegment dGate,
            long dGateStride,
            MemorySegment dUp,
            long dUpStride,
            MemorySegment dh,
            long dhStride,
            MemorySegment gate,
            long gateStride,
            MemorySegment up,
            long upStride,
            int from,
            int to,
            int dim) {
        for (int r = from; r < to; r++) {
            gradRow(
                    dGate,
                    r * dGateStride * 4,
                    dUp,
                    r * dUpStride * 4,
                    dh,
                    r * dhStride * 4,
                    gate,
                    r * gateStride * 4,
                    up,
                    r * upStride * 4,
                    dim);
        }
    }

    private static void gradRow(
            MemorySegment dGate,
            long dGateRow,
            MemorySegment dUp,
            long dUpRow,
            MemorySegment dh,
            long dhRow,
            MemorySegment gate,
            long gateRow,
            MemorySegment up,
            long upRow,
            int dim) {
        var one = FloatVector.broadcast(LANES, 1);
        int i = 0;
        for (; i <= dim - STEP; i += STEP) {
            long at = (long) i * 4;
            var g = FloatVector.fromMemorySegment(LANES, gate, gateRow + at, LITTLE_ENDIAN);
            var u = FloatVector.fromMemorySegment(LANES, up, upRow + at, LITTLE_ENDIAN);
            var d = FloatVector.fromMemorySegment(LANES, dh, dhRow + at, LITTLE_ENDIAN);
            var sigma = one.div(Exp.exp(g.neg()).add(one));
            var slope = sigma.mul(g.mul(one.sub(sigma)).add(one));
            d.mul(g.mul(sigma)).intoMemorySegment(dUp, dUpRow + at, LITTLE_ENDIAN);
            d.mul(u).mul(slope).intoMemorySegment(dGate, dGateRow + at, LITTLE_ENDIAN);
        }
        for (; i < dim; i++) {
            long at = (long) i * 4;
            float g = gate.get(JAVA_FLOAT_UNALIGNED, gateRow + at);
            float u = up.get(JAVA_FLOAT_UNALIGNED, upRow + at);
            float d = dh.get(JAVA_FLOAT_UNALIGNED, dhRow + at);
            float sigma = 1 / (Exp.exp(-g) + 1);
            float slope = sigma * (g * (1 - sigma) + 1);
            dUp.set(JAVA_FLOAT_UNALIGNED, dUpRow + at, d * (g * sigma));
            dGate.set(JAVA_FLOAT_UNALIGNED, dGateRow + at, d * u * slope);
        }
    }
}
