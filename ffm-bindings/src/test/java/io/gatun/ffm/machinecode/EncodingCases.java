package io.gatun.ffm.machinecode;

import static io.gatun.ffm.machinecode.Gpr.*;
import static io.gatun.ffm.machinecode.Mask.*;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** Every instruction with several kinds of operands, each beside the text that a disassembler must give for it. */
final class EncodingCases {
    /** An instruction and its text in Intel's syntax. */
    record Case(String text, Consumer<Assembler> code) {}

    private record Place(String text, Mem mem) {}

    private record Triple(int d, int a, int b) {}

    @FunctionalInterface
    private interface Ternary {
        void write(Assembler to, Vec d, Vec a, Operand b);
    }

    @FunctionalInterface
    private interface Unary {
        void write(Assembler to, Vec d, Operand s);
    }

    @FunctionalInterface
    private interface Store {
        void write(Assembler to, Mem d, Vec s);
    }

    @FunctionalInterface
    private interface Shift {
        void write(Assembler to, Vec d, Vec s, int count);
    }

    private static final int X = 128, Y = 256, Z = 512;

    /** Each kind of ModRM, SIB and displacement, and both sides of where EVEX can shorten a displacement. */
    private static final List<Place> PLACES = List.of(
            new Place("[rax]", Mem.at(RAX)),
            new Place("[rsp]", Mem.at(RSP)),
            new Place("[r12+0x40]", Mem.at(R12).plus(64)),
            new Place("[rbp+0x0]", Mem.at(RBP)),
            new Place("[r13+0x0]", Mem.at(R13)),
            new Place("[rdi+rcx*4+0x20]", Mem.at(RDI, RCX, 4).plus(32)),
            new Place("[r13+r12*8+0x0]", Mem.at(R13, R12, 8)),
            new Place("[rbx-0x80]", Mem.at(RBX).plus(-128)),
            new Place("[rsi+0x80]", Mem.at(RSI).plus(128)),
            new Place("[r8+r15*1+0x1000]", Mem.at(R8, R15, 1).plus(0x1000)),
            new Place("[r12]", Mem.at(R12)),
            new Place("[rsp+r9*2-0x200]", Mem.at(RSP, R9, 2).plus(-0x200)),
            new Place("[r9+0x4]", Mem.at(R9).plus(4)),
            new Place("[rdx+0x1fc0]", Mem.at(RDX).plus(0x1fc0)),
            new Place("[r15+0x2000]", Mem.at(R15).plus(0x2000)),
            new Place("[r14-0x2000]", Mem.at(R14).plus(-0x2000)),
            new Place("[rcx+0x1fc]", Mem.at(RCX).plus(0x1fc)),
            new Place("[rbp+rbp*1+0x7f]", Mem.at(RBP, RBP, 1).plus(127)),
            new Place("[r11+r8*4+0x12345678]", Mem.at(R11, R8, 4).plus(0x12345678)),
            new Place("[r10+r13*8-0x20]", Mem.at(R10, R13, 8).plus(-32)));

    private static final List<Triple> LOW =
            List.of(new Triple(0, 1, 2), new Triple(15, 7, 3), new Triple(4, 14, 9), new Triple(8, 5, 12));
    private static final List<Triple> HIGH =
            List.of(new Triple(16, 1, 10), new Triple(7, 24, 0), new Triple(3, 8, 31), new Triple(31, 23, 17));

    private final List<Case> cases = new ArrayList<>();
    private int turn; // rotates places and registers, so that each instruction meets others

    static List<Case> all() {
        EncodingCases all = new EncodingCases();
        all.general();
        all.moves();
        all.arithmetic();
        all.order();
        all.masksAndTiles();
        return all.cases;
    }

    private void add(String text, Consumer<Assembler> code) {
        cases.add(new Case(text, code));
    }

    // ------------------------------------------------------------------ general registers

    private void general() {
        Gpr[] all = Gpr.values();
        for (Gpr r : all) {
            Gpr other = all[15 - r.ordinal()];
            String a = name(r), b = name(other);
            add("mov " + a + "," + b, to -> to.mov(r, other));
            add("add " + a + "," + b, to -> to.add(r, other));
            add("sub " + a + "," + b, to -> to.sub(r, other));
            add("and " + a + "," + b, to -> to.and(r, other));
            add("cmp " + a + "," + b, to -> to.cmp(r, other));
            add("test " + a + "," + b, to -> to.test(r, other));
            add("imul " + a + "," + b, to -> to.imul(r, other));
            add("dec " + a, to -> to.dec(r));
            add("push " + a, to -> to.push(r));
            add("pop " + a, to -> to.pop(r));
            add("shl " + a + ",0x3", to -> to.shl(r, 3));
            add("shr " + a + ",0x3f", to -> to.shr(r, 63));
            add("sar " + a + ",0x4", to -> to.sar(r, 4));
            add("mov " + narrow(r) + ",0x12345678", to -> to.mov32(r, 0x12345678));
        }
        add("mov eax,0xffffffff", to -> to.mov32(RAX, -1));
        for (int i = 0; i < PLACES.size(); i++) {
            Place p = PLACES.get(i);
            Gpr r = all[i * 7 % 16];
            add("mov " + name(r) + ",QWORD PTR " + p.text, to -> to.mov(r, p.mem));
            add("mov QWORD PTR " + p.text + "," + name(r), to -> to.mov(p.mem, r));
            add("mov " + narrow(r) + ",DWORD PTR " + p.text, to -> to.mov32(r, p.mem));
            add("mov DWORD PTR " + p.text + "," + narrow(r), to -> to.mov32(p.mem, r));
            add("lea " + name(r) + "," + p.text, to -> to.lea(r, p.mem));
            add("prefetcht0 BYTE PTR " + p.text, to -> to.prefetcht0(p.mem));
        }
        immediates("add", (to, s) -> to.add(RAX, s), "rax");
        immediates("sub", (to, s) -> to.sub(RSP, s), "rsp");
        immediates("and", (to, s) -> to.and(R12, s), "r12");
        immediates("cmp", (to, s) -> to.cmp(R9, s), "r9");
        add("ret", Assembler::ret);
        add("vzeroupper", Assembler::vzeroupper);
    }

    private void immediates(String name, BiConsumer<Assembler, Integer> code, String register) {
        for (int s : new int[] {0, 1, 127, 128, -128, -129, 0x12345678, Integer.MIN_VALUE}) {
            add(name + " " + register + ",0x" + Long.toHexString(s), to -> code.accept(to, s));
        }
    }

    // ------------------------------------------------------------------ vectors

    private void moves() {
        for (int bits : new int[] {X, Y, Z}) {
            everywhere("vmovups", Assembler::vmovups, Assembler::vmovups, bits, word(bits));
            unary("vmovups", Assembler::vmovups, bits, bits, word(bits), true);
            for (Place p : PLACES.subList(0, 6)) {
                add(
                        p("vmovups %s{k3}{z},%s%s", v(bits, 9), word(bits), p),
                        to -> to.vmovups(zeroed(bits, 9, K3), p.mem));
                add(
                        p("vmovups %s{k7},%s%s", v(bits, 19), word(bits), p),
                        to -> to.vmovups(masked(bits, 19, K7), p.mem));
                add(
                        "vmovups " + word(bits) + p.text + "{k1}," + v(bits, 30),
                        to -> to.vmovups(p.mem.masked(K1), vec(bits, 30)));
            }
            stores("vmovdqu8", Assembler::vmovdqu8, Assembler::vmovdqu8, bits);
            stores("vmovdqu16", Assembler::vmovdqu16, Assembler::vmovdqu16, bits);
            stores("vmovdqu32", Assembler::vmovdqu32, Assembler::vmovdqu32, bits);
            everywhere("vbroadcastss", Assembler::vbroadcastss, null, bits, "DWORD PTR ", bits > X);
            everywhere("vpbroadcastd", Assembler::vpbroadcastd, null, bits, "DWORD PTR ", true);
            add("vpbroadcastd " + v(bits, 21) + ",r9d", to -> to.vpbroadcastd(vec(bits, 21), R9));
            add("vpbroadcastd " + v(bits, 2) + "{k2}{z},eax", to -> to.vpbroadcastd(zeroed(bits, 2, K2), RAX));
        }
        for (int bits : new int[] {X, Y}) {
            for (Place p : PLACES) {
                add(p("vmovdqu %s,%s%s", v(bits, 11), word(bits), p), to -> to.vmovdqu(vec(bits, 11), p.mem));
                add("vmovdqu " + word(bits) + p.text + "," + v(bits, 6), to -> to.vmovdqu(p.mem, vec(bits, 6)));
            }
        }
        everywhere("vmovss", (to, d, s) -> to.vmovss(d, (Mem) s), Assembler::vmovss, X, "DWORD PTR ");
        add("vmovd xmm0,eax", to -> to.vmovd(Vec.xmm(0), RAX));
        add("vmovd xmm13,r10d", to -> to.vmovd(Vec.xmm(13), R10));
    }

    private void arithmetic() {
        ternary("vaddps", Assembler::vaddps, true, true, true);
        ternary("vmulps", Assembler::vmulps, true, true, true);
        ternary("vfmadd231ps", Assembler::vfmadd231ps, true, true, true);
        ternary("vhaddps", Assembler::vhaddps, true, false, false);
        ternary("vdpbf16ps", Assembler::vdpbf16ps, false, true, true);
        for (int bits : new int[] {Y, Z}) {
            for (Place p : PLACES) {
                add(
                        p("vfmadd231ps %s,%s,%s%s", v(bits, 17), v(bits, 5), word(bits), p),
                        to -> to.vfmadd231ps(vec(bits, 17), vec(bits, 5), p.mem));
                add(
                        p("vdpbf16ps %s,%s,DWORD BCST %s", v(bits, 3), v(bits, 25), p),
                        to -> to.vdpbf16ps(vec(bits, 3), vec(bits, 25), p.mem.broadcast()));
            }
        }
        add("vcvtneps2bf16 ymm3,zmm17", to -> to.vcvtneps2bf16(Vec.ymm(3), Vec.zmm(17)));
        add("vcvtneps2bf16 ymm30{k4},zmm1", to -> to.vcvtneps2bf16(Vec.ymm(30).masked(K4), Vec.zmm(1)));
        add("vcvtneps2bf16 xmm9,ymm8", to -> to.vcvtneps2bf16(Vec.xmm(9), Vec.ymm(8)));
        add(
                "vcvtneps2bf16 ymm0,ZMMWORD PTR [rsi+0x40]",
                to -> to.vcvtneps2bf16(Vec.ymm(0), Mem.at(RSI).plus(64)));
        add(
                "vcvtneps2bf16 xmm1,YMMWORD PTR [r13+0x20]",
                to -> to.vcvtneps2bf16(Vec.xmm(1), Mem.at(R13).plus(32)));
        unary("vcvtph2ps", Assembler::vcvtph2ps, 0, 2, null, true);

        ternary("vxorps", Assembler::vxorps, true, false, false);
        ternary("vpand", Assembler::vpand, true, false, false);
        ternary("vpor", Assembler::vpor, true, false, false);
        ternary("vpandd", Assembler::vpandd, false, true, true);
        ternary("vpord", Assembler::vpord, false, true, true);
        ternary("vpxord", Assembler::vpxord, false, true, true);
        shift("vpslld", Assembler::vpslld);
        shift("vpsrld", Assembler::vpsrld);
        shift("vpsrad", Assembler::vpsrad);
        shift("vpsllw", Assembler::vpsllw);
        shift("vpsrlw", Assembler::vpsrlw);
        shift("vpsraw", Assembler::vpsraw);
    }

    private void order() {
        unary("vpmovzxbw", Assembler::vpmovzxbw, 0, 2, null, true);
        unary("vpmovzxwd", Assembler::vpmovzxwd, 0, 2, null, true);
        unary("vpmovzxbd", Assembler::vpmovzxbd, 0, 4, null, true);
        unary("vpmovsxbd", Assembler::vpmovsxbd, 0, 4, null, true);
        ternary("vunpcklps", Assembler::vunpcklps, true, true, true);
        ternary("vunpckhps", Assembler::vunpckhps, true, true, true);
        ternary("vpunpcklbw", Assembler::vpunpcklbw, true, true, false);
        ternary("vpunpckhbw", Assembler::vpunpckhbw, true, true, false);
        ternary("vpunpcklwd", Assembler::vpunpcklwd, true, true, false);
        ternary("vpunpckhwd", Assembler::vpunpckhwd, true, true, false);
        ternary("vpermi2b", Assembler::vpermi2b, false, true, false);
        ternary("vpermt2b", Assembler::vpermt2b, false, true, false);
        ternary("vshufps", (to, d, a, b) -> to.vshufps(d, a, b, 0x44), true, true, true, ",0x44");
        for (int bits : new int[] {Y, Z}) {
            unary("vpermq", (to, d, s) -> to.vpermq(d, s, 0xd8), bits, bits, word(bits), true, ",0xd8");
        }
        for (Triple t : LOW) {
            String ymms = "ymm" + t.d + ",ymm" + t.a;
            Vec d = Vec.ymm(t.d), a = Vec.ymm(t.a);
            Place p = nextPlace();
            add("vperm2f128 " + ymms + ",ymm" + t.b + ",0x31", to -> to.vperm2f128(d, a, Vec.ymm(t.b), 0x31));
            add("vperm2f128 " + ymms + ",YMMWORD PTR " + p.text + ",0x20", to -> to.vperm2f128(d, a, p.mem, 0x20));
            add("vinsertf128 " + ymms + ",xmm" + t.b + ",0x1", to -> to.vinsertf128(d, a, Vec.xmm(t.b), 1));
            add("vinsertf128 " + ymms + ",XMMWORD PTR " + p.text + ",0x0", to -> to.vinsertf128(d, a, p.mem, 0));
            add("vextractf128 xmm" + t.d + ",ymm" + t.a + ",0x1", to -> to.vextractf128(Vec.xmm(t.d), a, 1));
            add("vextractf128 XMMWORD PTR " + p.text + ",ymm" + t.a + ",0x0", to -> to.vextractf128(p.mem, a, 0));
        }
        for (Triple t : HIGH) {
            Vec s = Vec.zmm(t.a);
            add("vextractf64x4 ymm" + t.d + ",zmm" + t.a + ",0x1", to -> to.vextractf64x4(Vec.ymm(t.d), s, 1));
        }
        for (Place p : PLACES) {
            add("vextractf64x4 YMMWORD PTR " + p.text + ",zmm20,0x0", to -> to.vextractf64x4(p.mem, Vec.zmm(20), 0));
        }
    }

    private void masksAndTiles() {
        for (int i = 0; i < 8; i++) {
            Mask k = Mask.values()[i];
            Gpr r = Gpr.values()[15 - 2 * i];
            add("kmovw k" + i + "," + narrow(r), to -> to.kmovw(k, r));
            add("kmovd k" + i + "," + narrow(r), to -> to.kmovd(k, r));
            add("kmovq k" + i + "," + name(r), to -> to.kmovq(k, r));
            Tmm t = Tmm.values()[i], a = Tmm.values()[(i + 3) % 8], b = Tmm.values()[(i + 5) % 8];
            add("tilezero tmm" + i, to -> to.tilezero(t));
            add("tdpbf16ps tmm%d,tmm%d,tmm%d".formatted(i, (i + 3) % 8, (i + 5) % 8), to -> to.tdpbf16ps(t, a, b));
            add("tileloadd tmm" + i + ",[rsi+rcx*1]", to -> to.tileloadd(t, Mem.at(RSI, RCX, 1)));
            add(
                    "tilestored [r13+r15*4+0x40],tmm" + i,
                    to -> to.tilestored(Mem.at(R13, R15, 4).plus(64), t));
        }
        for (Place p : PLACES) add("ldtilecfg " + p.text, to -> to.ldtilecfg(p.mem));
        add("tilerelease", Assembler::tilerelease);
    }

    // ------------------------------------------------------------------ kinds

    /** Registers and memory at each width, and for EVEX masks and repeated elements. */
    private void ternary(String name, Ternary code, boolean avx, boolean avx512, boolean repeats, String... more) {
        String end = String.join("", more);
        for (int bits : new int[] {X, Y, Z}) {
            if (bits == Z && !avx512) continue;
            List<Triple> triples = new ArrayList<>(avx || avx512 ? LOW : List.of());
            if (avx512) triples.addAll(HIGH);
            for (Triple t : triples) {
                Vec d = vec(bits, t.d), a = vec(bits, t.a), b = vec(bits, t.b);
                String head = name + " " + v(bits, t.d) + "," + v(bits, t.a) + ",";
                Place p = nextPlace();
                add(head + v(bits, t.b) + end, to -> code.write(to, d, a, b));
                add(head + word(bits) + p.text + end, to -> code.write(to, d, a, p.mem));
                if (avx512 && repeats) {
                    add(head + "DWORD BCST " + p.text + end, to -> code.write(to, d, a, p.mem.broadcast()));
                }
            }
            if (avx512) {
                String operands = "," + v(bits, 6) + "," + v(bits, 13) + end;
                Vec a = vec(bits, 6), b = vec(bits, 13);
                add(name + " " + v(bits, 12) + "{k5}" + operands, to -> code.write(to, masked(bits, 12, K5), a, b));
                add(name + " " + v(bits, 28) + "{k6}{z}" + operands, to -> code.write(to, zeroed(bits, 28, K6), a, b));
            }
        }
    }

    /** A source of {@code sourceBits}; or, with {@code bits} 0, each width and sources that many times narrower. */
    private void unary(String name, Unary code, int bits, int sourceBits, String word, boolean avx512, String... more) {
        if (bits == 0) {
            for (int width : new int[] {X, Y, Z}) {
                int touched = width / sourceBits;
                unary(name, code, width, Math.max(X, touched), word(touched), avx512, more);
            }
            return;
        }
        String end = String.join("", more);
        List<Triple> triples = new ArrayList<>(LOW);
        if (avx512) triples.addAll(HIGH);
        for (Triple t : triples) {
            Vec d = vec(bits, t.d), s = vec(sourceBits, t.a);
            Place p = nextPlace();
            add(name + " " + v(bits, t.d) + "," + v(sourceBits, t.a) + end, to -> code.write(to, d, s));
            add(name + " " + v(bits, t.d) + "," + word + p.text + end, to -> code.write(to, d, p.mem));
        }
        if (avx512) {
            String source = "," + v(sourceBits, 3) + end;
            add(
                    name + " " + v(bits, 1) + "{k1}{z}" + source,
                    to -> code.write(to, zeroed(bits, 1, K1), vec(sourceBits, 3)));
        }
    }

    /** Loads, and stores if there are any, at every place, with a low and a high register. */
    private void everywhere(String name, Unary load, Store store, int bits, String word) {
        for (int number : new int[] {10, 22}) {
            for (Place p : PLACES) {
                add(name + " " + v(bits, number) + "," + word + p.text, to -> load.write(to, vec(bits, number), p.mem));
                if (store != null) {
                    add(
                            name + " " + word + p.text + "," + v(bits, number),
                            to -> store.write(to, p.mem, vec(bits, number)));
                }
            }
        }
    }

    private void everywhere(String name, Unary load, Store store, int bits, String word, boolean fromXmm) {
        everywhere(name, load, store, bits, word);
        if (fromXmm) unary(name, load, bits, X, word, true);
    }

    private void stores(String name, Unary load, Store store, int bits) {
        unary(name, load, bits, bits, word(bits), true);
        for (int i = 0; i < 4; i++) {
            Place p = nextPlace();
            add(name + " " + word(bits) + p.text + "," + v(bits, 26), to -> store.write(to, p.mem, vec(bits, 26)));
            add(
                    name + " " + word(bits) + p.text + "{k2}," + v(bits, 4),
                    to -> store.write(to, p.mem.masked(K2), vec(bits, 4)));
        }
    }

    private void shift(String name, Shift code) {
        for (int bits : new int[] {X, Y, Z}) {
            for (Triple t : bits == Z ? HIGH : LOW) {
                Vec d = vec(bits, t.d), s = vec(bits, t.a);
                add(name + " " + v(bits, t.d) + "," + v(bits, t.a) + ",0x7", to -> code.write(to, d, s, 7));
            }
            String end = "," + v(bits, 18) + ",0x10";
            add(name + " " + v(bits, 29) + "{k3}" + end, to -> code.write(to, masked(bits, 29, K3), vec(bits, 18), 16));
        }
    }

    // ------------------------------------------------------------------ texts

    private Place nextPlace() {
        return PLACES.get(turn++ % PLACES.size());
    }

    private static String p(String format, Object... parts) {
        parts[parts.length - 1] = ((Place) parts[parts.length - 1]).text;
        return format.formatted(parts);
    }

    private static String name(Gpr r) {
        return r.name().toLowerCase();
    }

    private static String narrow(Gpr r) {
        return r.ordinal() < 8 ? name(r).replace('r', 'e') : name(r) + "d";
    }

    private static String v(int bits, int number) {
        return (bits == X ? "xmm" : bits == Y ? "ymm" : "zmm") + number;
    }

    private static String word(int bits) {
        return switch (bits) {
            case 32 -> "DWORD PTR ";
            case 64 -> "QWORD PTR ";
            case X -> "XMMWORD PTR ";
            case Y -> "YMMWORD PTR ";
            default -> "ZMMWORD PTR ";
        };
    }

    private static Vec vec(int bits, int number) {
        return new Vec(bits, number, K0, false);
    }

    private static Vec masked(int bits, int number, Mask mask) {
        return vec(bits, number).masked(mask);
    }

    private static Vec zeroed(int bits, int number, Mask mask) {
        return vec(bits, number).zeroed(mask);
    }
}
