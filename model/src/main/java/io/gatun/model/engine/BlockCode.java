package io.gatun.model.engine;

import static io.gatun.ffm.machinecode.Gpr.R10;
import static io.gatun.ffm.machinecode.Gpr.R11;
import static io.gatun.ffm.machinecode.Gpr.R12;
import static io.gatun.ffm.machinecode.Gpr.R13;
import static io.gatun.ffm.machinecode.Gpr.R14;
import static io.gatun.ffm.machinecode.Gpr.R15;
import static io.gatun.ffm.machinecode.Gpr.R8;
import static io.gatun.ffm.machinecode.Gpr.R9;
import static io.gatun.ffm.machinecode.Gpr.RAX;
import static io.gatun.ffm.machinecode.Gpr.RBP;
import static io.gatun.ffm.machinecode.Gpr.RBX;
import static io.gatun.ffm.machinecode.Gpr.RCX;
import static io.gatun.ffm.machinecode.Gpr.RDI;
import static io.gatun.ffm.machinecode.Gpr.RDX;
import static io.gatun.ffm.machinecode.Gpr.RSI;
import static io.gatun.ffm.machinecode.Gpr.RSP;

import io.gatun.ffm.machinecode.Label;
import io.gatun.ffm.machinecode.Mem;
import io.gatun.ffm.machinecode.Operand;
import io.gatun.kernels.DotLoops;

/** Writes {@link DotLoops#block}: a block of rows of x by a strip of weight rows. */
final class BlockCode extends DotCode {
    private static final int OUTPUTS = 4; // of a tile

    // RDI cells of the outputs' turn, RDX from the cells of a row to the next, R9 from a row of x to the next, R8
    // weights of the turn, RSI from one to the next, R15 three times that, RBX chunks of the block, R13 outputs
    // left, R12 rows left; RBP x, R11 cells and R14 scales of the tile, RAX and R10 where x and the weights are
    // read, RCX chunks left
    private static final int ACTIVATIONS = TOKENS * OUTPUTS, WEIGHT = ACTIVATIONS + TOKENS, MASK = WEIGHT + 1;

    private BlockCode(int bits) {
        super(bits);
    }

    /** {@link DotLoops#block} for weights of one kind. */
    static byte[] of(Stored stored, int bits) {
        return new BlockCode(bits).block(stored);
    }

    private byte[] block(Stored stored) {
        enter();
        a.add(RDI, RSI);
        a.add(RCX, R8);
        a.mov(R12, argument(4, 0)); // stack arguments: w, wAt, wStride, depth, rows, outputs, scales, scale
        a.mov(R13, argument(5, 0));
        a.mov(R14, argument(6, 0));
        add(R14, argument(7, 0));
        a.mov(R8, argument(0, 0));
        add(R8, argument(1, 0));
        a.mov(RSI, argument(2, 0));
        a.mov(RBX, argument(3, 0));
        a.shr(RBX, log2(stored.group * bytes / 4));
        a.lea(R15, Mem.at(RSI, RSI, 2));
        a.push(R12); // what each turn starts with: rows, x, scales
        a.push(RCX);
        a.push(R14);
        int locals = 3;
        Operand mask = null;
        if (stored != Stored.F32) {
            int value = stored == Stored.BF16
                    ? 0xffff0000
                    : 0x87f00000; // for E4M3, where its sign, exponent and mantissa belong in an f32
            if (bits == 512) {
                repeat(MASK, value);
                mask = v(MASK);
            } else { // there is no register left
                a.mov32(RAX, value);
                a.mov(R10, RAX);
                a.shl(R10, 32);
                a.add(RAX, R10);
                for (int i = 0; i < bytes / 8; i++) a.push(RAX);
                locals += bytes / 8;
                mask = Mem.at(RSP);
            }
        }
        int start = 8 * (locals - 3);

        Label turn = a.here(), end = a.label();
        a.mov(R14, Mem.at(RSP).plus(start));
        a.mov(RBP, Mem.at(RSP).plus(start + 8));
        a.mov(R12, Mem.at(RSP).plus(start + 16));
        a.mov(R11, RDI);
        Label[] widths = new Label[OUTPUTS + 1];
        for (int o = 1; o <= OUTPUTS; o++) widths[o] = a.label();
        choose(R13, widths);
        for (int o = OUTPUTS; o > 0; o--) {
            a.bind(widths[o]);
            tiles(stored, mask, o);
            a.add(RDI, o * bytes);
            for (int i = 0; i < o; i++) a.add(R8, RSI);
            a.sub(R13, o);
            a.jnz(turn);
            a.jmp(end);
        }
        a.bind(end);
        for (int i = 0; i < locals; i++) a.pop(RAX);
        return leave();
    }

    private void tiles(Stored stored, Operand mask, int outputs) {
        Label next = a.here(), done = a.label();
        Label[] heights = new Label[TOKENS + 1];
        for (int t = 1; t <= TOKENS; t++) heights[t] = a.label();
        choose(R12, heights);
        for (int t = TOKENS; t > 0; t--) {
            a.bind(heights[t]);
            tile(stored, mask, t, outputs);
            a.sub(R12, t);
            a.jnz(next);
            if (t > 1) a.jmp(done);
        }
        a.bind(done);
    }

    private void tile(Stored stored, Operand mask, int tokens, int outputs) {
        for (int i = 0; i < tokens * outputs; i++) clear(i);
        a.mov(RAX, RBP);
        a.mov(R10, R8);
        a.mov(RCX, RBX);
        a.align(32);
        Label step = a.here();
        for (int j = 0; j < stored.group; j++) {
            for (int t = 0; t < tokens; t++)
                load(ACTIVATIONS + t, stream(RAX, t, R9, R9).plus(j * bytes));
            for (int o = 0; o < outputs; o++) {
                load(WEIGHT, stream(R10, o, RSI, R15));
                convert(stored, j, mask);
                for (int t = 0; t < tokens; t++) a.vfmadd231ps(v(t * outputs + o), v(ACTIVATIONS + t), v(WEIGHT));
            }
        }
        a.add(RAX, stored.group * bytes);
        a.add(R10, bytes);
        a.dec(RCX);
        a.jnz(step);
        for (int t = 0; t < tokens; t++) {
            a.vbroadcastss(v(ACTIVATIONS), Mem.at(R14).plus(4 * t));
            for (int o = 0; o < outputs; o++) {
                Mem cell = Mem.at(R11).plus(o * bytes);
                load(WEIGHT, cell);
                a.vfmadd231ps(v(WEIGHT), v(t * outputs + o), v(ACTIVATIONS));
                a.vmovups(cell, v(WEIGHT));
            }
            a.add(R11, RDX);
            a.add(RBP, R9);
        }
        a.add(R14, 4 * tokens);
    }

    /** Makes f32 of the number {@code j} of each lane. */
    private void convert(Stored stored, int j, Operand mask) {
        if (stored == Stored.F32) return;
        if (stored == Stored.BF16 && j == 0) {
            a.vpslld(v(WEIGHT), v(WEIGHT), 16);
            return;
        }
        if (stored == Stored.FP8) {
            if (j < 3) a.vpslld(v(WEIGHT), v(WEIGHT), 24 - 8 * j);
            a.vpsrad(v(WEIGHT), v(WEIGHT), 4);
        }
        and(WEIGHT, WEIGHT, mask);
    }
}
