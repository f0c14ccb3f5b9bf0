package io.gatun.ffm.machinecode;

/**
 * A vector register seen at one of its widths: xmm, ymm and zmm of one number are the same register. Numbers 16 to 31 and
 * masks exist with AVX-512 only.
 *
 * @param bits 128, 256 or 512
 * @param number 0 to 31
 * @param mask which lanes a destination writes; {@link Mask#K0}: all
 * @param zeroing whether lanes outside the mask become zero; otherwise they keep what they were
 */
public record Vec(int bits, int number, Mask mask, boolean zeroing) implements Operand {
    public Vec {
        if (bits != 128 && bits != 256 && bits != 512) {
            throw new IllegalArgumentException("a vector register has 128, 256 or 512 bits, not " + bits);
        }
        if (number < 0 || number > 31) {
            throw new IllegalArgumentException("vector registers are numbered 0 to 31; there is no " + number);
        }
        if (zeroing && mask == Mask.K0) {
            throw new IllegalArgumentException("lanes outside a mask are zeroed; k0 masks nothing");
        }
    }

    public static Vec xmm(int number) {
        return new Vec(128, number, Mask.K0, false);
    }

    public static Vec ymm(int number) {
        return new Vec(256, number, Mask.K0, false);
    }

    public static Vec zmm(int number) {
        return new Vec(512, number, Mask.K0, false);
    }

    /** This register as a destination whose lanes outside {@code mask} keep what they were. */
    public Vec masked(Mask mask) {
        return new Vec(bits, number, mask, false);
    }

    /** This register as a destination whose lanes outside {@code mask} become zero. */
    public Vec zeroed(Mask mask) {
        return new Vec(bits, number, mask, true);
    }

    /** As objdump writes it: {@code zmm3{k1}{z}}. */
    @Override
    public String toString() {
        String name = (bits == 128 ? "xmm" : bits == 256 ? "ymm" : "zmm") + number;
        return mask == Mask.K0 ? name : name + "{" + mask.name().toLowerCase() + "}" + (zeroing ? "{z}" : "");
    }
}
