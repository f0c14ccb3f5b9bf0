package io.gatun.model.engine;

import static io.gatun.ffm.machinecode.Gpr.R11;
import static io.gatun.ffm.machinecode.Gpr.R12;
import static io.gatun.ffm.machinecode.Gpr.R13;
import static io.gatun.ffm.machinecode.Gpr.R14;
import static io.gatun.ffm.machinecode.Gpr.R15;
import static io.gatun.ffm.machinecode.Gpr.RAX;
import static io.gatun.ffm.machinecode.Gpr.RBP;
import static io.gatun.ffm.machinecode.Gpr.RBX;
import static io.gatun.ffm.machinecode.Gpr.RSP;

import io.gatun.ffm.machinecode.Assembler;
import io.gatun.ffm.machinecode.Gpr;
import io.gatun.ffm.machinecode.Label;
import io.gatun.ffm.machinecode.Mem;
import io.gatun.ffm.machinecode.Operand;
import io.gatun.ffm.machinecode.Vec;
import io.gatun.kernels.DotLoops;

/**
 * What the writers of the functions of {@link AssembledDotLoops} share; for vectors of 256 bits (AVX2 with FMA) or 512 (AVX-512 with its byte and word
 * instructions). They sum in the order of {@link DotLoops} and take its arguments in its order, each offset after its base.
 */
abstract class DotCode {
    private static final Gpr[] SAVED = {RBX, RBP, R12, R13, R14, R15};
    static final int TOKENS = 3; // most rows of x or y of a tile: its sums and their operands fill 16 registers

    /** What a weight's numbers are and how the sums of a block join their cell. */
    enum Stored {
        F32(1, DotLoops.BLOCK),
        BF16(2, DotLoops.BLOCK),
        FP8(4, DotLoops.BLOCK),
        FP8_SCALED(4, DotLoops.SCALED_BLOCK);

        final int group;
        final int block;

        Stored(int group, int block) {
            this.group = group;
            this.block = block;
        }
    }

    final int bits;
    final int bytes;
    final Assembler a = new Assembler();

    DotCode(int bits) {
        this.bits = bits;
        this.bytes = bits / 8;
    }

    Vec v(int number) {
        return bits == 512 ? Vec.zmm(number) : Vec.ymm(number);
    }

    static int log2(int powerOfTwo) {
        return Integer.numberOfTrailingZeros(powerOfTwo);
    }

    /** The stack argument {@code i}, counted from zero, after the return address and what {@link #enter} saved. */
    static Mem argument(int i, int locals) {
        return Mem.at(RSP).plus(8 * (1 + SAVED.length + locals + i));
    }

    void enter() {
        for (Gpr register : SAVED) a.push(register);
    }

    byte[] leave() {
        for (int i = SAVED.length - 1; i >= 0; i--) a.pop(SAVED[i]);
        a.vzeroupper();
        a.ret();
        return a.toBytes();
    }

    void repeat(int register, int value) {
        a.mov32(RAX, value);
        if (bits == 512) {
            a.vpbroadcastd(v(register), RAX);
        } else {
            a.vmovd(Vec.xmm(register), RAX);
            a.vpbroadcastd(v(register), Vec.xmm(register));
        }
    }

    /** Element {@code i} of four that lie {@code step} apart; {@code three} is three times that. */
    static Mem stream(Gpr base, int i, Gpr step, Gpr three) {
        return switch (i) {
            case 0 -> Mem.at(base);
            case 1 -> Mem.at(base, step, 1);
            case 2 -> Mem.at(base, step, 2);
            default -> Mem.at(base, three, 1);
        };
    }

    void add(Gpr to, Mem from) {
        a.mov(R11, from);
        a.add(to, R11);
    }

    void clear(int register) {
        if (bits == 512) {
            a.vpxord(v(register), v(register), v(register));
        } else {
            a.vxorps(v(register), v(register), v(register));
        }
    }

    void load(int register, Mem from) {
        a.vmovups(v(register), from);
    }

    void and(int to, int x, Operand y) {
        if (bits == 512) {
            a.vpandd(v(to), v(x), y);
        } else {
            a.vpand(v(to), v(x), y);
        }
    }

    /** Jumps to the label of the largest number that {@code left} reaches. */
    void choose(Gpr left, Label[] labels) {
        for (int n = labels.length - 1; n > 1; n--) {
            a.cmp(left, n);
            a.jae(labels[n]);
        }
        a.jmp(labels[1]);
    }
}
