package io.gatun.model.engine;

import static io.gatun.ffm.machinecode.Gpr.R10;
import static io.gatun.ffm.machinecode.Gpr.R11;
import static io.gatun.ffm.machinecode.Gpr.R8;
import static io.gatun.ffm.machinecode.Gpr.R9;
import static io.gatun.ffm.machinecode.Gpr.RAX;
import static io.gatun.ffm.machinecode.Gpr.RBX;
import static io.gatun.ffm.machinecode.Gpr.RCX;
import static io.gatun.ffm.machinecode.Gpr.RDI;
import static io.gatun.ffm.machinecode.Gpr.RDX;
import static io.gatun.ffm.machinecode.Gpr.RSI;

import io.gatun.ffm.machinecode.Label;
import io.gatun.ffm.machinecode.Mem;
import io.gatun.ffm.machinecode.Vec;
import io.gatun.kernels.DotLoops;

/** Writes {@link DotLoops#fold}: the sums of cells. */
final class FoldCode extends DotCode {
    static final int AT_ONCE = 8; // cells whose sums fill a vector of 256 bits

    private FoldCode(int bits) {
        super(bits);
    }

    /** {@link DotLoops#fold} for a multiple of {@link #AT_ONCE} cells. */
    static byte[] of(int bits) {
        return new FoldCode(bits).fold();
    }

    // RDI y, RDX from a row of y to the next, RCX cells, R9 from the cells of a row to the next, R10 rows left, R11
    // sums of a row, RSI sums left, RAX whether to add, R8 the cells that are read
    private byte[] fold() {
        enter();
        a.add(RDI, RSI);
        a.add(RCX, R8);
        a.mov(R10, argument(0, 0)); // stack arguments: rows, count, add
        a.mov(R11, argument(1, 0));
        a.mov(RAX, argument(2, 0));
        Label row = a.here();
        a.mov(R8, RCX);
        a.mov(RBX, RDI);
        a.mov(RSI, R11);
        Label eight = a.here(), write = a.label();
        for (int i = 0; i < AT_ONCE; i++) { // two at a time: lanes 4 to 7 come to those of 0 to 3
            Mem cell = Mem.at(R8).plus(i * bytes);
            a.vmovups(Vec.ymm(i), cell);
            if (bits == 512) a.vaddps(Vec.ymm(i), Vec.ymm(i), cell.plus(32));
        }
        for (int i = 0; i < 4; i++) {
            a.vperm2f128(Vec.ymm(8), Vec.ymm(i), Vec.ymm(i + 4), 0x20);
            a.vperm2f128(Vec.ymm(9), Vec.ymm(i), Vec.ymm(i + 4), 0x31);
            a.vaddps(Vec.ymm(i), Vec.ymm(8), Vec.ymm(9));
        }
        halve(0, 0, 1, 0x44, 0xee);
        halve(1, 2, 3, 0x44, 0xee);
        halve(0, 0, 1, 0x88, 0xdd);
        a.test(RAX, RAX);
        a.jz(write);
        a.vaddps(Vec.ymm(0), Vec.ymm(0), Mem.at(RBX));
        a.bind(write);
        a.vmovups(Mem.at(RBX), Vec.ymm(0));
        a.add(R8, AT_ONCE * bytes);
        a.add(RBX, 32);
        a.sub(RSI, AT_ONCE);
        a.jnz(eight);
        a.add(RDI, RDX);
        a.add(RCX, R9);
        a.dec(R10);
        a.jnz(row);
        return leave();
    }

    /** Adds one half of the lanes of two vectors to the other. */
    private void halve(int to, int x, int y, int one, int other) {
        a.vshufps(Vec.ymm(8), Vec.ymm(x), Vec.ymm(y), one);
        a.vshufps(Vec.ymm(9), Vec.ymm(x), Vec.ymm(y), other);
        a.vaddps(Vec.ymm(to), Vec.ymm(8), Vec.ymm(9));
    }
}
