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
import io.gatun.kernels.DotLoops;

/** Writes {@link DotLoops#addRows}: rows of a weight, each times a number. */
final class AddRowsCode extends DotCode {
    private static final int ROWS = 8; // that are added before y is stored: some KiB of the weight, one after another
    private static final int MOST_SUMS = 12,
            NUMBER = 12,
            CODE_BITS = 15; // the numbers that rows are multiplied with lie above NUMBER or the sums

    private AddRowsCode(int bits) {
        super(bits);
    }

    /** {@link DotLoops#addRows} for weights of one kind. */
    static byte[] of(Stored stored, int bits) {
        return new AddRowsCode(bits).addRows(stored);
    }

    // RDI y of the turn, R14 from a row of y to the next, R15 from a row of p to the next, RSI from a row of the
    // weight to the next, R12 vectors of a row of y; RDX p, R8 weights and RBX left of the rows; of some rows: R13
    // how many, R9 vectors left, RAX y and R10 weights of these vectors, R11 p, RBP weights and RCX left
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
}
