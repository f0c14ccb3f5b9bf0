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

import io.gatun.ffm.machinecode.Gpr;
import io.gatun.ffm.machinecode.Label;
import io.gatun.ffm.machinecode.Mem;
import io.gatun.kernels.DotLoops;

/** Writes {@link DotLoops#rows} and {@link DotLoops#scaledRows}: one row of x by a strip of weight rows. */
final class RowCode extends DotCode {
    private static final int STREAMS = 4; // rows of a weight that are read side by side
    private static final int AHEAD = 1024; // bytes that a stream is prefetched ahead
    private final boolean prefetch;

    // RDI cells, RDX x, R8 weights of the first stream, RSI from a row to the next, R14 from a stream to the next,
    // R15 three times that, RBP from the cell of a stream to the next, RBX chunks of k, R12 turns left, R13 rows
    // left over; RAX, R10 where x and the weights are read, R9 chunks left, RCX chunks left in the block, R11 any
    private static final int SUM = 0,
            X = 4,
            CODES = 8,
            LOW = 9,
            HIGH = 10,
            PART = 11,
            FP8_BITS = 12,
            UPPER_HALF = 13,
            FACTOR = 14,
            CELL = 15;

    private RowCode(int bits, boolean prefetch) {
        super(bits);
        this.prefetch = prefetch;
    }

    /** {@link DotLoops#rows} for one kind of weight, or {@link DotLoops#scaledRows}. */
    static byte[] of(Stored stored, int bits, boolean prefetch) {
        return new RowCode(bits, prefetch).rows(stored);
    }

    private byte[] rows(Stored stored) {
        boolean scaled = stored == Stored.FP8_SCALED;
        enter();
        a.add(RDI, RSI);
        a.add(RDX, RCX);
        int locals = 0;
        if (scaled) {
            a.add(R8, R9);
            a.mov(RAX, argument(3, 0));
            add(RAX, argument(4, 0));
            a.push(R8); // the scales of x, below those of the weight
            a.push(RAX);
            locals = 2;
            a.mov(R8, argument(0, locals));
            add(R8, argument(1, locals));
        } else {
            a.add(R8, R9);
        }
        int first = scaled ? 2 : 0; // stack arguments: wStride, k, rows, or w, wAt, wStride, wScales, wScale, k, rows
        a.mov(RSI, argument(first, locals));
        a.mov(RBX, argument(scaled ? 5 : 1, locals));
        a.shr(RBX, log2(stored.group * bytes / 4));
        a.mov(R12, argument(scaled ? 6 : 2, locals));
        a.mov(R13, R12);
        a.and(R13, STREAMS - 1);
        a.shr(R12, log2(STREAMS));
        a.mov(R14, R12);
        a.imul(R14, RSI);
        a.lea(R15, Mem.at(R14, R14, 2));
        a.mov(RBP, R12);
        a.shl(RBP, log2(bytes));
        constants(stored);

        Label rest = a.label(), end = a.label();
        a.test(R12, R12);
        a.jz(rest);
        turns(stored, STREAMS, R12);
        a.bind(rest);
        a.lea(RAX, Mem.at(RBP, RBP, 2)); // behind the last stream
        a.add(RDI, RAX);
        a.add(R8, R15);
        a.test(R13, R13);
        a.jz(end);
        turns(stored, 1, R13);
        a.bind(end);
        for (int i = 0; i < locals; i++) a.pop(RAX);
        return leave();
    }

    private void constants(Stored stored) {
        if (stored == Stored.F32) return;
        repeat(UPPER_HALF, 0xffff0000);
        if (stored == Stored.BF16) return;
        repeat(FP8_BITS, 0x87f087f0); // where sign, exponent and mantissa of an E4M3 code belong in a BF16
        repeat(FACTOR, Float.floatToRawIntBits(DotLoops.FP8_FACTOR));
    }

    /** As many turns as {@code counter} says; each takes the next row of every stream. */
    private void turns(Stored stored, int streams, Gpr counter) {
        Label turn = a.here();
        a.lea(R11, Mem.at(RBP, RBP, 2));
        clear(CELL);
        for (int s = 0; s < streams; s++) a.vmovups(stream(RDI, s, RBP, R11), v(CELL));
        a.mov(RAX, RDX);
        a.mov(R10, R8);
        a.mov(R9, RBX);
        Label done = a.label();
        a.test(R9, R9);
        a.jz(done);
        Label block = a.here(), whole = a.label();
        for (int s = 0; s < streams; s++) clear(SUM + s);
        a.mov32(RCX, stored.block * 4 / (stored.group * bytes));
        a.cmp(R9, RCX);
        a.jae(whole);
        a.mov(RCX, R9);
        a.bind(whole);
        a.sub(R9, RCX);
        a.align(32);
        Label chunk = a.here();
        chunk(stored, streams);
        a.add(RAX, stored.group * bytes);
        a.add(R10, bytes);
        a.dec(RCX);
        a.jnz(chunk);
        join(stored, streams);
        a.test(R9, R9);
        a.jnz(block);
        a.bind(done);
        a.add(RDI, bytes);
        a.add(R8, RSI);
        a.dec(counter);
        a.jnz(turn);
    }

    private void chunk(Stored stored, int streams) {
        for (int j = 0; j < stored.group; j++) a.vmovups(v(X + j), Mem.at(RAX).plus(j * bytes));
        for (int s = 0; s < streams; s++) {
            Mem w = stream(R10, s, R14, R15);
            if (prefetch) a.prefetcht0(w.plus(AHEAD));
            switch (stored) {
                case F32 -> a.vfmadd231ps(v(SUM + s), v(X), w);
                case BF16 -> pair(s, w);
                default -> four(s, w);
            }
        }
    }

    private void pair(int s, Mem w) {
        load(CODES, w);
        a.vpslld(v(PART), v(CODES), 16);
        a.vfmadd231ps(v(SUM + s), v(X), v(PART));
        and(CODES, CODES, v(UPPER_HALF));
        a.vfmadd231ps(v(SUM + s), v(X + 1), v(CODES));
    }

    /** Four codes a lane: as two BF16 each in 16-bit places, then as f32. */
    private void four(int s, Mem w) {
        load(CODES, w);
        a.vpsllw(v(LOW), v(CODES), 8);
        a.vpsraw(v(LOW), v(LOW), 4);
        and(LOW, LOW, v(FP8_BITS));
        a.vpsraw(v(HIGH), v(CODES), 4);
        and(HIGH, HIGH, v(FP8_BITS));
        a.vpslld(v(PART), v(LOW), 16);
        a.vfmadd231ps(v(SUM + s), v(X), v(PART));
        a.vpslld(v(PART), v(HIGH), 16);
        a.vfmadd231ps(v(SUM + s), v(X + 1), v(PART));
        and(LOW, LOW, v(UPPER_HALF));
        a.vfmadd231ps(v(SUM + s), v(X + 2), v(LOW));
        and(HIGH, HIGH, v(UPPER_HALF));
        a.vfmadd231ps(v(SUM + s), v(X + 3), v(HIGH));
    }

    /** Adds the sums of a block to their cells. */
    private void join(Stored stored, int streams) {
        if (stored == Stored.FP8_SCALED) {
            a.mov(R11, RAX); // four bytes for each block of x that is done
            a.sub(R11, RDX);
            a.shr(R11, log2(DotLoops.SCALED_BLOCK));
            a.mov(RCX, Mem.at(RSP).plus(8));
            a.vbroadcastss(v(FACTOR), Mem.at(RCX, R11, 1).plus(-4));
            a.mov(RCX, Mem.at(RSP));
            a.vbroadcastss(v(PART), Mem.at(RCX, R11, 1).plus(-4));
            a.vmulps(v(FACTOR), v(FACTOR), v(PART));
        }
        a.lea(R11, Mem.at(RBP, RBP, 2));
        for (int s = 0; s < streams; s++) {
            Mem cell = stream(RDI, s, RBP, R11);
            if (stored.group == 4) {
                load(CELL, cell);
                a.vfmadd231ps(v(CELL), v(SUM + s), v(FACTOR));
                a.vmovups(cell, v(CELL));
            } else {
                a.vaddps(v(SUM + s), v(SUM + s), cell);
                a.vmovups(cell, v(SUM + s));
            }
        }
    }
}
