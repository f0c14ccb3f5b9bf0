package io.gatun.ffm.machinecode;

import static io.gatun.ffm.machinecode.Gpr.*;
import static io.gatun.ffm.machinecode.Mask.*;
import static io.gatun.ffm.machinecode.Vec.*;

import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Functions {@code void f(void *out, const void *in)} that run one instruction after the other, each on fresh input, and
 * store what each gave: to hold one machine against another.
 */
final class SingleInstructions {
    static final long IN_BYTES = 256;

    private static final List<Consumer<Assembler>> AVX2 = List.of(
            to -> to.vaddps(ymm(0), ymm(1), ymm(2)),
            to -> to.vaddps(ymm(0), ymm(1), Mem.at(RSI).plus(100)),
            to -> to.vmulps(ymm(0), ymm(1), ymm(2)),
            to -> to.vfmadd231ps(ymm(0), ymm(1), ymm(2)),
            to -> to.vfmadd231ps(ymm(0), ymm(1), Mem.at(RSI).plus(4)),
            to -> to.vfmadd231ps(xmm(0), xmm(1), xmm(2)),
            to -> to.vhaddps(ymm(0), ymm(1), ymm(2)),
            to -> to.vcvtph2ps(ymm(0), xmm(1)),
            to -> to.vcvtph2ps(ymm(0), Mem.at(RSI).plus(66)),
            to -> to.vxorps(ymm(0), ymm(1), ymm(2)),
            to -> to.vpand(ymm(0), ymm(1), ymm(2)),
            to -> to.vpor(ymm(0), ymm(1), Mem.at(RSI).plus(1)),
            to -> to.vpslld(ymm(0), ymm(1), 5),
            to -> to.vpsrld(ymm(0), ymm(1), 31),
            to -> to.vpsrld(ymm(0), ymm(1), 32),
            to -> to.vpsrad(ymm(0), ymm(1), 4),
            to -> to.vpsrad(ymm(0), ymm(1), 40),
            to -> to.vpsllw(ymm(0), ymm(1), 4),
            to -> to.vpsrlw(ymm(0), ymm(1), 9),
            to -> to.vpsraw(ymm(0), ymm(1), 4),
            to -> to.vbroadcastss(ymm(0), Mem.at(RSI).plus(12)),
            to -> to.vbroadcastss(ymm(0), xmm(1)),
            to -> to.vpbroadcastd(ymm(0), xmm(2)),
            to -> to.vpbroadcastd(xmm(0), Mem.at(RSI).plus(13)),
            to -> to.vpmovzxbw(ymm(0), xmm(1)),
            to -> to.vpmovzxbd(ymm(0), xmm(1)),
            to -> to.vpmovsxbd(ymm(0), Mem.at(RSI).plus(3)),
            to -> to.vpmovzxwd(ymm(0), Mem.at(RSI).plus(6)),
            to -> to.vunpcklps(ymm(0), ymm(1), ymm(2)),
            to -> to.vunpckhps(ymm(0), ymm(1), ymm(2)),
            to -> to.vpunpcklbw(ymm(0), ymm(1), ymm(2)),
            to -> to.vpunpckhbw(ymm(0), ymm(1), ymm(2)),
            to -> to.vpunpcklwd(ymm(0), ymm(1), ymm(2)),
            to -> to.vpunpckhwd(ymm(0), ymm(1), ymm(2)),
            to -> to.vshufps(ymm(0), ymm(1), ymm(2), 0x9c),
            to -> to.vpermq(ymm(0), ymm(1), 0x39),
            to -> to.vperm2f128(ymm(0), ymm(1), ymm(2), 0x21),
            to -> to.vperm2f128(ymm(0), ymm(1), ymm(2), 0x83),
            to -> to.vinsertf128(ymm(0), ymm(1), xmm(2), 1),
            to -> to.vinsertf128(ymm(0), ymm(1), Mem.at(RSI).plus(8), 0),
            to -> to.vextractf128(xmm(0), ymm(1), 1),
            to -> to.vextractf128(Mem.at(RDI), ymm(1), 0),
            to -> to.vmovss(xmm(0), Mem.at(RSI).plus(20)),
            to -> to.vmovss(Mem.at(RDI), xmm(1)),
            to -> to.vmovd(xmm(0), RAX),
            to -> to.vmovdqu(ymm(0), Mem.at(RSI).plus(21)),
            to -> to.vmovdqu(Mem.at(RDI), xmm(2)));

    private static final List<Consumer<Assembler>> AVX512 = List.of(
            to -> to.vaddps(zmm(0), zmm(1), zmm(2)),
            to -> to.vaddps(zmm(0).masked(K1), zmm(1), zmm(2)),
            to -> to.vmulps(zmm(0).zeroed(K1), zmm(1), Mem.at(RSI).plus(100).broadcast()),
            to -> to.vfmadd231ps(zmm(0), zmm(1), Mem.at(RSI).plus(4).broadcast()),
            to -> to.vfmadd231ps(ymm(0).masked(K1), ymm(1), ymm(2)),
            to -> to.vcvtneps2bf16(ymm(0), zmm(1)),
            to -> to.vcvtneps2bf16(ymm(0).masked(K1), zmm(1)),
            to -> to.vcvtph2ps(zmm(0), ymm(1)),
            to -> to.vpxord(zmm(0), zmm(1), zmm(2)),
            to -> to.vpandd(zmm(0).masked(K1), zmm(1), Mem.at(RSI).broadcast()),
            to -> to.vpord(zmm(0), zmm(1), zmm(2)),
            to -> to.vpslld(zmm(0), zmm(1), 5),
            to -> to.vpsrad(zmm(0).zeroed(K1), zmm(1), 7),
            to -> to.vpsraw(zmm(0), zmm(1), 4),
            to -> to.vpsllw(zmm(0).masked(K1), zmm(1), 3),
            to -> to.vbroadcastss(zmm(0), xmm(2)),
            to -> to.vpbroadcastd(zmm(0).masked(K1), Mem.at(RSI).plus(9)),
            to -> to.vpbroadcastd(zmm(0), RAX),
            to -> to.vpmovzxbw(zmm(0), ymm(1)),
            to -> to.vpmovzxbw(zmm(0).zeroed(K1), Mem.at(RSI).plus(5)),
            to -> to.vpmovzxbd(zmm(0), Mem.at(RSI).plus(7)),
            to -> to.vpmovsxbd(zmm(0), xmm(1)),
            to -> to.vpmovzxwd(zmm(0).masked(K1), ymm(2)),
            to -> to.vunpcklps(zmm(0), zmm(1), zmm(2)),
            to -> to.vunpckhps(zmm(0), zmm(1), Mem.at(RSI).broadcast()),
            to -> to.vpunpcklbw(zmm(0), zmm(1), zmm(2)),
            to -> to.vpunpckhbw(zmm(0).masked(K1), zmm(1), zmm(2)),
            to -> to.vpunpcklwd(zmm(0), zmm(1), zmm(2)),
            to -> to.vpunpckhwd(zmm(0).zeroed(K1), zmm(1), zmm(2)),
            to -> to.vshufps(zmm(0), zmm(1), zmm(2), 0x9c),
            to -> to.vpermq(zmm(0), zmm(1), 0x39),
            to -> to.vpermq(zmm(0).masked(K1), zmm(1), 0x4e),
            to -> to.vpermi2b(zmm(0), zmm(1), zmm(2)),
            to -> to.vpermi2b(ymm(0).masked(K1), ymm(1), ymm(2)),
            to -> to.vpermt2b(zmm(0), zmm(1), zmm(2)),
            to -> to.vpermt2b(xmm(0), xmm(1), Mem.at(RSI).plus(11)),
            to -> to.vextractf64x4(ymm(0), zmm(1), 1),
            to -> to.vextractf64x4(Mem.at(RDI), zmm(1), 1),
            to -> to.vmovdqu8(zmm(0).masked(K1), Mem.at(RSI).plus(1)),
            to -> to.vmovdqu16(zmm(0).zeroed(K1), zmm(1)),
            to -> to.vmovdqu32(Mem.at(RDI).masked(K1), zmm(1)),
            to -> to.vmovdqu8(Mem.at(RDI).masked(K1), zmm(2)),
            to -> to.vmovups(Mem.at(RDI).masked(K1), ymm(2)),
            to -> to.vmovss(xmm(0), Mem.at(RSI).plus(20)));

    /** One instruction on registers 0, 1 and 2 at the width that is asked for. */
    private interface AnyWidth {
        void write(Assembler to, Vec d, Vec a, Vec b);
    }

    /** What both AVX and AVX-512 have, and what treats each 256 bits like every other. */
    private static final List<AnyWidth> HALVES = List.of(
            Assembler::vaddps,
            Assembler::vmulps,
            Assembler::vfmadd231ps,
            Assembler::vunpcklps,
            Assembler::vunpckhps,
            Assembler::vpunpcklbw,
            Assembler::vpunpckhbw,
            Assembler::vpunpcklwd,
            Assembler::vpunpckhwd,
            (to, d, a, b) -> to.vshufps(d, a, b, 0x9c),
            (to, d, a, b) -> to.vpermq(d, b, 0x39),
            (to, d, a, b) -> to.vpslld(d, a, 9),
            (to, d, a, b) -> to.vpsrld(d, a, 9),
            (to, d, a, b) -> to.vpsrad(d, a, 9),
            (to, d, a, b) -> to.vpsllw(d, a, 9),
            (to, d, a, b) -> to.vpsrlw(d, a, 9),
            (to, d, a, b) -> to.vpsraw(d, a, 9));

    private static final List<Consumer<Assembler>> SCALAR = List.of(
            to -> to.add(RAX, RCX),
            to -> to.add(RAX, -5),
            to -> to.sub(RAX, RCX),
            to -> to.sub(RAX, 0x1234567),
            to -> to.and(RAX, RCX),
            to -> to.and(RAX, -16),
            to -> to.cmp(RAX, RCX),
            to -> to.cmp(RAX, RAX),
            to -> to.cmp(RAX, 7),
            to -> to.test(RAX, RCX),
            to -> {
                to.cmp(RAX, RCX);
                to.dec(RAX);
            });

    /** Those that leave the signed comparison open. */
    private static final List<Consumer<Assembler>> SHIFTS =
            List.of(to -> to.shl(RAX, 3), to -> to.shr(RAX, 63), to -> to.shr(RAX, 1), to -> to.sar(RAX, 17));

    private static final List<BiConsumer<Assembler, Label>> CARRY = List.of(Assembler::jb, Assembler::jae);
    private static final List<BiConsumer<Assembler, Label>> UNSIGNED =
            List.of(Assembler::jz, Assembler::jnz, Assembler::jb, Assembler::jae);
    private static final List<BiConsumer<Assembler, Label>> JUMPS = List.of(
            Assembler::jz,
            Assembler::jnz,
            Assembler::jl,
            Assembler::jge,
            Assembler::jb,
            Assembler::jae,
            Assembler::jmp);

    static final long AVX2_BYTES = 2 * 32L * AVX2.size();
    static final long AVX512_BYTES = 2 * 64L * AVX512.size();
    static final long HALVES_BYTES = 64L * HALVES.size();
    static final long SCALAR_BYTES =
            16L * (SCALAR.size() * JUMPS.size() + SHIFTS.size() * UNSIGNED.size() + CARRY.size() + 1);

    private SingleInstructions() {}

    static byte[] avx2() {
        return vectors(AVX2, ymm(0), ymm(1), ymm(2));
    }

    static byte[] avx512() {
        return vectors(AVX512, zmm(0), zmm(1), zmm(2));
    }

    /** Stores twice for each: what it did to memory and what it did to the register {@code d}. */
    private static byte[] vectors(List<Consumer<Assembler>> instructions, Vec d, Vec a, Vec b) {
        Assembler to = new Assembler();
        int bytes = d.bits() / 8;
        to.mov(RAX, Mem.at(RSI));
        if (bytes == 64) to.kmovq(K1, RAX);
        for (Consumer<Assembler> instruction : instructions) {
            to.vmovups(d, Mem.at(RSI));
            to.vmovups(a, Mem.at(RSI).plus(bytes));
            to.vmovups(b, Mem.at(RSI).plus(2 * bytes));
            to.vmovups(Mem.at(RDI), d);
            instruction.accept(to);
            to.vmovups(Mem.at(RDI).plus(bytes), d);
            to.add(RDI, 2 * bytes);
        }
        to.vzeroupper();
        to.ret();
        return to.toBytes();
    }

    /** Stores what all instructions gave on zmm registers, and then the same from ymm registers, half by half. */
    static byte[] halves() {
        Assembler to = new Assembler();
        for (AnyWidth instruction : HALVES) one(to, instruction, zmm(0), zmm(1), zmm(2), 0);
        for (AnyWidth instruction : HALVES) {
            one(to, instruction, ymm(0), ymm(1), ymm(2), 0);
            one(to, instruction, ymm(0), ymm(1), ymm(2), 32);
        }
        to.vzeroupper();
        to.ret();
        return to.toBytes();
    }

    private static void one(Assembler to, AnyWidth instruction, Vec d, Vec a, Vec b, int half) {
        to.vmovups(d, Mem.at(RSI).plus(half));
        to.vmovups(a, Mem.at(RSI).plus(64 + half));
        to.vmovups(b, Mem.at(RSI).plus(128 + half));
        instruction.write(to, d, a, b);
        to.vmovups(Mem.at(RDI), d);
        to.add(RDI, d.bits() / 8);
    }

    /** Stores what each gave and, jump by jump, whether it was taken. */
    static byte[] scalar() {
        Assembler to = new Assembler();
        scalar(to, SCALAR, JUMPS);
        scalar(to, SHIFTS, UNSIGNED);
        scalar(to, List.of(code -> code.imul(RAX, RCX)), CARRY);
        to.mov32(RAX, Mem.at(RSI).plus(4));
        to.mov(Mem.at(RDI), RAX);
        to.lea(RCX, Mem.at(RSI, RAX, 8).plus(-77));
        to.mov32(Mem.at(RDI).plus(8), RCX);
        to.ret();
        return to.toBytes();
    }

    private static void scalar(
            Assembler to, List<Consumer<Assembler>> instructions, List<BiConsumer<Assembler, Label>> jumps) {
        for (Consumer<Assembler> instruction : instructions) {
            for (BiConsumer<Assembler, Label> jump : jumps) {
                Label taken = to.label();
                to.mov(RAX, Mem.at(RSI));
                to.mov(RCX, Mem.at(RSI).plus(8));
                instruction.accept(to);
                to.mov32(RDX, 1);
                jump.accept(to, taken);
                to.mov32(RDX, 0);
                to.bind(taken);
                to.mov(Mem.at(RDI), RAX);
                to.mov(Mem.at(RDI).plus(8), RDX);
                to.add(RDI, 16);
            }
        }
    }
}
