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

import io.gatun.ffm.machinecode.Assembler;
import io.gatun.ffm.machinecode.Gpr;
import io.gatun.ffm.machinecode.Label;
import io.gatun.ffm.machinecode.Mem;
import io.gatun.ffm.machinecode.Operand;
import io.gatun.ffm.machinecode.Vec;
import io.gatun.kernels.DotLoops;

/**
 * Writes the functions of {@link AssembledDotLoops}, for vectors of 256 bits (AVX2 with FMA) or 512 (AVX-512 with its byte and word
 * instructions). They sum in the order of {@link DotLoops} and take its arguments in its order, each offset after its base.
 */
final class DotCode {
    private static final Gpr[] SAVED = {RBX, RBP, R12, R13, R14, R15};
    private static final int STREAMS = 4; // rows of a weight that are read side by side
    private static final int TOKENS = 3, OUTPUTS = 4; // of a tile: its sums and their operands fill 16 registers
    private static final int AHEAD = 1024; // bytes that a stream is prefetched ahead

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

    private final int bits;
    private final int bytes;
    private final boolean prefetch;
    private final Assembler a = new Assembler();

    private DotCode(int bits, boolean prefetch) {
        this.bits = bits;
        this.bytes = bits / 8;
        this.prefetch = prefetch;
    }

    private Vec v(int number) {
        return bits == 512 ? Vec.zmm(number) : Vec.ymm(number);
    }

    private static int log2(int powerOfTwo) {
        return Integer.numberOfTrailingZeros(powerOfTwo);
    }

    /** The stack argument {@code i}, counted from zero, after the return address and what {@link #enter} saved. */
    private static Mem argument(int i, int locals) {
        return Mem.at(RSP).plus(8 * (1 + SAVED.length + locals + i));
    }

    private void enter() {
        for (Gpr register : SAVED) a.push(register);
    }

    private byte[] leave() {
        for (int i = SAVED.length - 1; i >= 0; i--) a.pop(SAVED[i]);
        a.vzeroupper();
        a.ret();
        return a.toBytes();
    }

    // ---- one row of x by a strip of weight rows

    // RDI cells, RDX x, R8 weights of the first stream, RSI from a row to the next, R14 from a stream to the next, R15
    // three times that, RBP from
    // the cell of a stream to the next, RBX chunks of k, R12 turns left, R13 rows left over; RAX, R10 where x and the
    // weights are read, R9 chunks
    // left, RCX chunks left in the block, R11 any
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

    /** {@link DotLoops#rows} for one kind of weight, or {@link DotLoops#scaledRows}. */
    static byte[] rows(Stored stored, int bits, boolean prefetch) {
        return new DotCode(bits, prefetch).rows(stored);
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

    private void repeat(int register, int value) {
        a.mov32(RAX, value);
        if (bits == 512) {
            a.vpbroadcastd(v(register), RAX);
        } else {
            a.vmovd(Vec.xmm(register), RAX);
            a.vpbroadcastd(v(register), Vec.xmm(register));
        }
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

    /** Element {@code i} of four that lie {@code step} apart; {@code three} is three times that. */
    private static Mem stream(Gpr base, int i, Gpr step, Gpr three) {
        return switch (i) {
            case 0 -> Mem.at(base);
            case 1 -> Mem.at(base, step, 1);
            case 2 -> Mem.at(base, step, 2);
            default -> Mem.at(base, three, 1);
        };
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

    private void add(Gpr to, Mem from) {
        a.mov(R11, from);
        a.add(to, R11);
    }

    private void clear(int register) {
        if (bits == 512) {
            a.vpxord(v(register), v(register), v(register));
        } else {
            a.vxorps(v(register), v(register), v(register));
        }
    }

    private void load(int register, Mem from) {
        a.vmovups(v(register), from);
    }

    private void and(int to, int x, Operand y) {
        if (bits == 512) {
            a.vpandd(v(to), v(x), y);
        } else {
            a.vpand(v(to), v(x), y);
        }
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

    // ---- a block of rows of x by a strip of weight rows

    // RDI cells of the outputs' turn, RDX from the cells of a row to the next, R9 from a row of x to the next, R8
    // weights of the turn, RSI from one
    // to the next, R15 three times that, RBX chunks of the block, R13 outputs left, R12 rows left; RBP x, R11 cells and
    // R14 scales of the tile, RAX
    // and R10 where x and the weights are read, RCX chunks left
    private static final int ACTIVATIONS = TOKENS * OUTPUTS, WEIGHT = ACTIVATIONS + TOKENS, MASK = WEIGHT + 1;

    /** {@link DotLoops#block} for weights of one kind. */
    static byte[] block(Stored stored, int bits) {
        return new DotCode(bits, false).block(stored);
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

    /** Jumps to the label of the largest number that {@code left} reaches. */
    private void choose(Gpr left, Label[] labels) {
        for (int n = labels.length - 1; n > 1; n--) {
            a.cmp(left, n);
            a.jae(labels[n]);
        }
        a.jmp(labels[1]);
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

    // ---- rows of a weight, each times a number

    private static final int ROWS = 8; // that are added before y is stored: some KiB of the weight, one after another
    private static final int MOST_SUMS = 12,
            NUMBER = 12,
            CODE_BITS = 15; // the numbers that rows are multiplied with lie above NUMBER or the sums

    /** {@link DotLoops#addRows} for weights of one kind. */
    static byte[] addRows(Stored stored, int bits) {
        return new DotCode(bits, false).addRows(stored);
    }

    // RDI y of the turn, R14 from a row of y to the next, R15 from a row of p to the next, RSI from a row of the weight
    // to the next, R12 vectors of a
    // row of y; RDX p, R8 weights and RBX left of the rows; of some rows: R13 how many, R9 vectors left, RAX y and R10
    // weights of these vectors,
    // R11 p, RBP weights and RCX left
    private byte[] addRows(Stored stored) {
        enter();
        a.add(RDI, RSI);
        a.add(RCX, R8);
        a.mov(R14, RDX);
        a.mov(R15, R9);
        a.mov(R8, argument(0, 0)); // stack arguments: w, wAt, wStride, count, rows, dim
        add(R8, argument(1, 0));
        a.mov(RSI, argument(2, 0));
        a.mov(RAX, argument(3, 0));
        a.mov(RBX, argument(4, 0));
        a.mov(R12, argument(5, 0));
        a.shr(R12, log2(bytes / 4));
        a.push(RAX); // rows of y left, what each turn starts with: p, weights, rows
        a.push(RCX);
        a.push(R8);
        a.push(RBX);
        int locals = 4;
        if (stored == Stored.FP8) repeat(CODE_BITS, 0x87f00000);
        Label turn = a.here(), end = a.label();
        Label[] heights = new Label[TOKENS + 1];
        for (int t = 1; t <= TOKENS; t++) heights[t] = a.label();
        a.mov(RBX, Mem.at(RSP));
        a.mov(R8, Mem.at(RSP).plus(8));
        a.mov(RDX, Mem.at(RSP).plus(16));
        a.mov(RAX, Mem.at(RSP).plus(24));
        choose(RAX, heights);
        for (int t = TOKENS; t > 0; t--) {
            a.bind(heights[t]);
            allRows(stored, t);
            a.mov(RDX, Mem.at(RSP).plus(16));
            a.mov(RAX, Mem.at(RSP).plus(24));
            for (int i = 0; i < t; i++) {
                a.add(RDI, R14);
                a.add(RDX, R15);
            }
            a.mov(Mem.at(RSP).plus(16), RDX);
            a.sub(RAX, t);
            a.mov(Mem.at(RSP).plus(24), RAX);
            a.test(RAX, RAX);
            a.jnz(turn);
            if (t > 1) a.jmp(end);
        }
        a.bind(end);
        for (int i = 0; i < locals; i++) a.pop(RAX);
        return leave();
    }

    /** All rows of the weight for {@code tokens} rows of y. */
    private void allRows(Stored stored, int tokens) {
        int most = stored == Stored.FP8 ? MOST_SUMS - 2 : MOST_SUMS; // a register more is taken there
        int vectors = tokens == 1 ? 8 : most / tokens;
        Label some = a.here(), enough = a.label();
        a.mov32(R13, ROWS);
        a.cmp(RBX, ROWS);
        a.jae(enough);
        a.mov(R13, RBX);
        a.bind(enough);
        a.mov(R9, R12);
        a.mov(RAX, RDI);
        a.mov(R10, R8);
        Label single = a.label(), done = a.label();
        a.cmp(R9, vectors);
        a.jb(single);
        Label many = a.here();
        someRows(stored, tokens, vectors);
        a.cmp(R9, vectors);
        a.jae(many);
        a.bind(single);
        a.test(R9, R9);
        a.jz(done);
        Label one = a.here();
        someRows(stored, tokens, 1);
        a.test(R9, R9);
        a.jnz(one);
        a.bind(done);
        a.lea(RDX, Mem.at(RDX, R13, 4));
        a.mov(RAX, R13);
        a.imul(RAX, RSI);
        a.add(R8, RAX);
        a.sub(RBX, R13);
        a.jnz(some);
    }

    private void someRows(Stored stored, int tokens, int vectors) {
        int factor = stored == Stored.FP8 ? NUMBER - tokens : NUMBER + 1;
        for (int t = 0; t < tokens; t++) {
            for (int i = 0; i < vectors; i++)
                load(t * vectors + i, stream(RAX, t, R14, R14).plus(i * bytes));
        }
        a.mov(R11, RDX);
        a.mov(RBP, R10);
        a.mov(RCX, R13);
        Label row = a.here();
        for (int t = 0; t < tokens; t++) a.vbroadcastss(v(factor + t), stream(R11, t, R15, R15));
        for (int i = 0; i < vectors; i++) {
            Mem w = Mem.at(RBP).plus(i * bytes / stored.group);
            switch (stored) {
                case F32 -> load(NUMBER, w);
                case BF16 -> {
                    a.vpmovzxwd(v(NUMBER), w);
                    a.vpslld(v(NUMBER), v(NUMBER), 16);
                }
                default -> {
                    a.vpmovsxbd(v(NUMBER), w);
                    a.vpslld(v(NUMBER), v(NUMBER), 20);
                    and(NUMBER, NUMBER, v(CODE_BITS));
                }
            }
            for (int t = 0; t < tokens; t++) a.vfmadd231ps(v(t * vectors + i), v(factor + t), v(NUMBER));
        }
        a.add(R11, 4);
        a.add(RBP, RSI);
        a.dec(RCX);
        a.jnz(row);
        for (int t = 0; t < tokens; t++) {
            for (int i = 0; i < vectors; i++) a.vmovups(stream(RAX, t, R14, R14).plus(i * bytes), v(t * vectors + i));
        }
        a.add(RAX, vectors * bytes);
        a.add(R10, vectors * bytes / stored.group);
        a.sub(R9, vectors);
    }

    // ---- the sums of cells

    static final int AT_ONCE = 8; // cells whose sums fill a vector of 256 bits

    /** {@link DotLoops#fold} for a multiple of {@link #AT_ONCE} cells. */
    static byte[] fold(int bits) {
        return new DotCode(bits, false).fold();
    }

    // RDI y, RDX from a row of y to the next, RCX cells, R9 from the cells of a row to the next, R10 rows left, R11
    // sums of a row, RSI sums left,
    // RAX whether to add, R8 the cells that are read
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
