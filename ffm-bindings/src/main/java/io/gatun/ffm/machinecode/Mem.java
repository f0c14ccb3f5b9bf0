package io.gatun.ffm.machinecode;

/**
 * Memory at {@code base + index · scale + disp}.
 *
 * @param index null where there is none; never {@link Gpr#RSP}, which no instruction can use as an index
 * @param scale 1, 2, 4 or 8
 * @param disp bytes
 * @param repeated whether one f32 or i32 is read and repeated in every lane (AVX-512)
 * @param mask which lanes a store writes; {@link Mask#K0}: all
 */
public record Mem(Gpr base, Gpr index, int scale, int disp, boolean repeated, Mask mask) implements Operand {
    public Mem {
        if (index == Gpr.RSP) throw new IllegalArgumentException("rsp cannot be an index; make it the base");
        if (scale != 1 && scale != 2 && scale != 4 && scale != 8) {
            throw new IllegalArgumentException("an index is scaled by 1, 2, 4 or 8, not by " + scale);
        }
    }

    /** {@code [base]} */
    public static Mem at(Gpr base) {
        return new Mem(base, null, 1, 0, false, Mask.K0);
    }

    /** {@code [base + index · scale]} */
    public static Mem at(Gpr base, Gpr index, int scale) {
        return new Mem(base, index, scale, 0, false, Mask.K0);
    }

    /** This address and {@code bytes} more. */
    public Mem plus(int bytes) {
        return new Mem(base, index, scale, Math.addExact(disp, bytes), repeated, mask);
    }

    /** One 32-bit element at this address, repeated in every lane: objdump's {@code {1to16}} or {@code BCST}. */
    public Mem broadcast() {
        return new Mem(base, index, scale, disp, true, mask);
    }

    /** This place as the destination of a store that writes the lanes in {@code mask} and touches no other byte. */
    public Mem masked(Mask mask) {
        return new Mem(base, index, scale, disp, repeated, mask);
    }
}
