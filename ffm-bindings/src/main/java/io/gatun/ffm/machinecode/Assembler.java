package io.gatun.ffm.machinecode;

import static io.gatun.ffm.machinecode.Opcode.*;

/**
 * Writes x86-64 machine code: one method an instruction, named and with its operands in the order of Intel's manual,
 * destination first. Code has no constant pool and no absolute address, so it runs wherever it is copied.
 *
 * <p>A vector instruction has the width of its destination. It is encoded for AVX where its operands allow, and for AVX-512
 * where they need it: a zmm register, a number above 15, a mask, a repeated element. An operand that an instruction cannot
 * have is an {@link IllegalArgumentException}.
 *
 * <p>What the CPU must have ({@link CpuFeature}): AVX2 for the AVX forms, FMA for {@link #vfmadd231ps}, F16C for
 * {@link #vcvtph2ps}; AVX512F for zmm, AVX512VL for AVX-512 forms of xmm and ymm, AVX512BW for lanes of 8 and 16 bits in
 * AVX-512 forms and for {@link #kmovd} and {@link #kmovq}; and the sets that the enum names for single instructions.
 *
 * <p>Code that used ymm or zmm registers ends with {@link #vzeroupper} before {@link #ret}: without it, later SSE code runs
 * slowly. Code that used tiles ends with {@link #tilerelease}.
 */
public final class Assembler {
    private final Encoder code = new Encoder();

    /** With no code yet. */
    public Assembler() {}

    /** The code so far; every label that was jumped to must be bound. */
    public byte[] toBytes() {
        return code.toBytes();
    }

    /** Bytes so far. */
    public int size() {
        return code.size();
    }

    // ------------------------------------------------------------------ labels and jumps

    /** A label to jump forward to; {@link #bind} says where it is. */
    public Label label() {
        return new Label();
    }

    /** Puts {@code label} before the next instruction. */
    public void bind(Label label) {
        code.bind(label);
    }

    /** A label before the next instruction: the head of a loop. */
    public Label here() {
        Label label = label();
        bind(label);
        return label;
    }

    /** Fills with long no-operations, which cost next to nothing, until {@link #size} is a multiple of {@code bytes}. */
    public void align(int bytes) {
        code.align(bytes);
    }

    /** Always. */
    public void jmp(Label target) {
        code.jump(0xeb, 0xe9, target);
    }

    /** Where the last comparison said equal, or the result was zero. */
    public void jz(Label target) {
        code.jump(0x74, 0x0f84, target);
    }

    /** Where the last comparison said not equal, or the result was not zero. */
    public void jnz(Label target) {
        code.jump(0x75, 0x0f85, target);
    }

    /** Where the last comparison said less, signed. */
    public void jl(Label target) {
        code.jump(0x7c, 0x0f8c, target);
    }

    /** Where the last comparison said greater or equal, signed. */
    public void jge(Label target) {
        code.jump(0x7d, 0x0f8d, target);
    }

    /** Where the last comparison said below: less, unsigned. */
    public void jb(Label target) {
        code.jump(0x72, 0x0f82, target);
    }

    /** Where the last comparison said above or equal, unsigned. */
    public void jae(Label target) {
        code.jump(0x73, 0x0f83, target);
    }

    // ------------------------------------------------------------------ general registers

    /** {@code d = s}, 64 bits. */
    public void mov(Gpr d, Gpr s) {
        code.wide(0x89, s.ordinal(), d);
    }

    /** Loads 64 bits. */
    public void mov(Gpr d, Mem s) {
        code.wide(0x8b, d.ordinal(), s);
    }

    /** Stores 64 bits. */
    public void mov(Mem d, Gpr s) {
        code.wide(0x89, s.ordinal(), d);
    }

    /** {@code d = value}, 32 bits; the upper half of {@code d} becomes zero, whatever the sign. */
    public void mov32(Gpr d, int value) {
        code.inOpcode(0xb8, d);
        code.putInt(value);
    }

    /** Loads 32 bits; the upper half of {@code d} becomes zero. */
    public void mov32(Gpr d, Mem s) {
        code.narrow(0x8b, d.ordinal(), s);
    }

    /** Stores the lower 32 bits. */
    public void mov32(Mem d, Gpr s) {
        code.narrow(0x89, s.ordinal(), d);
    }

    /** {@code d} = the address itself; flags stay as they were. */
    public void lea(Gpr d, Mem s) {
        code.wide(0x8d, d.ordinal(), s);
    }

    /** {@code d = d + s}. */
    public void add(Gpr d, Gpr s) {
        code.wide(0x01, s.ordinal(), d);
    }

    /** {@code d = d + s}, with {@code s} sign-extended. */
    public void add(Gpr d, int s) {
        code.arithmetic(0, d, s);
    }

    /** {@code d = d - s}. */
    public void sub(Gpr d, Gpr s) {
        code.wide(0x29, s.ordinal(), d);
    }

    /** {@code d = d - s}, with {@code s} sign-extended. */
    public void sub(Gpr d, int s) {
        code.arithmetic(5, d, s);
    }

    /** {@code d = d & s}. */
    public void and(Gpr d, Gpr s) {
        code.wide(0x21, s.ordinal(), d);
    }

    /** {@code d = d & s}, with {@code s} sign-extended. */
    public void and(Gpr d, int s) {
        code.arithmetic(4, d, s);
    }

    /** Compares {@code a} with {@code b}: {@link #jl} jumps where {@code a < b}. */
    public void cmp(Gpr a, Gpr b) {
        code.wide(0x39, b.ordinal(), a);
    }

    /** Compares {@code a} with {@code b}, sign-extended. */
    public void cmp(Gpr a, int b) {
        code.arithmetic(7, a, b);
    }

    /** Compares {@code a & b} with zero: {@code test(n, n)} asks whether {@code n} is zero. */
    public void test(Gpr a, Gpr b) {
        code.wide(0x85, b.ordinal(), a);
    }

    /** {@code d = d · s}, the lower 64 bits. */
    public void imul(Gpr d, Gpr s) {
        code.wide(0x0faf, d.ordinal(), s);
    }

    /** {@code d = d << count}. */
    public void shl(Gpr d, int count) {
        code.wide(0xc1, 4, d);
        code.immediate(count);
    }

    /** {@code d = d >>> count}. */
    public void shr(Gpr d, int count) {
        code.wide(0xc1, 5, d);
        code.immediate(count);
    }

    /** {@code d = d >> count}. */
    public void sar(Gpr d, int count) {
        code.wide(0xc1, 7, d);
        code.immediate(count);
    }

    /** {@code d = d - 1}; {@link #jnz} then loops until {@code d} is zero. */
    public void dec(Gpr d) {
        code.wide(0xff, 1, d);
    }

    /** Saves a register on the stack. */
    public void push(Gpr s) {
        code.inOpcode(0x50, s);
    }

    /** Restores a register from the stack. */
    public void pop(Gpr d) {
        code.inOpcode(0x58, d);
    }

    /** Returns to the caller. */
    public void ret() {
        code.put(0xc3);
    }

    /** Asks for the cache line of {@code s}; an address that is not mapped does no harm. */
    public void prefetcht0(Mem s) {
        code.narrow(0x0f18, 1, s);
    }

    /** Zeroes the upper halves of registers 0 to 15, before {@link #ret}. */
    public void vzeroupper() {
        code.bare(VZEROUPPER);
    }

    // ------------------------------------------------------------------ vectors: loads and stores

    /** Lanes of f32: loads, or copies a register. */
    public void vmovups(Vec d, Operand s) {
        convert(VMOVUPS_LOAD, d, d.bits(), s);
    }

    /** Lanes of f32: stores. */
    public void vmovups(Mem d, Vec s) {
        store(VMOVUPS_STORE, d, s.bits(), s);
    }

    /** All bits, AVX: loads, or copies a register. */
    public void vmovdqu(Vec d, Operand s) {
        convert(VMOVDQU_LOAD, d, d.bits(), s);
    }

    /** All bits, AVX: stores. */
    public void vmovdqu(Mem d, Vec s) {
        store(VMOVDQU_STORE, d, s.bits(), s);
    }

    /** Lanes of 8 bits, for masks of bytes: loads, or copies a register. */
    public void vmovdqu8(Vec d, Operand s) {
        convert(VMOVDQU8_LOAD, d, d.bits(), s);
    }

    /** Lanes of 8 bits, for masks of bytes: stores. */
    public void vmovdqu8(Mem d, Vec s) {
        store(VMOVDQU8_STORE, d, s.bits(), s);
    }

    /** Lanes of 16 bits, for masks of bf16: loads, or copies a register. */
    public void vmovdqu16(Vec d, Operand s) {
        convert(VMOVDQU16_LOAD, d, d.bits(), s);
    }

    /** Lanes of 16 bits, for masks of bf16: stores. */
    public void vmovdqu16(Mem d, Vec s) {
        store(VMOVDQU16_STORE, d, s.bits(), s);
    }

    /** Lanes of 32 bits: loads, or copies a register. */
    public void vmovdqu32(Vec d, Operand s) {
        convert(VMOVDQU32_LOAD, d, d.bits(), s);
    }

    /** Lanes of 32 bits: stores. */
    public void vmovdqu32(Mem d, Vec s) {
        store(VMOVDQU32_STORE, d, s.bits(), s);
    }

    /** Loads one f32 into lane 0; the other lanes become zero. */
    public void vmovss(Vec d, Mem s) {
        convert(VMOVSS_LOAD, exactly(128, d), 128, s);
    }

    /** Stores lane 0. */
    public void vmovss(Mem d, Vec s) {
        store(VMOVSS_STORE, d, 128, exactly(128, s));
    }

    /** Lane 0 = the lower 32 bits of {@code s}; the other lanes become zero. */
    public void vmovd(Vec d, Gpr s) {
        code.vector(VMOVD, 128, exactly(128, d).number(), 0, s.ordinal(), d.mask(), false);
    }

    /** Every f32 lane = the f32 in memory, or lane 0 of an xmm register. */
    public void vbroadcastss(Vec d, Operand s) {
        convert(VBROADCASTSS, d, 128, s);
    }

    /** Every 32-bit lane = the 32 bits in memory, or lane 0 of an xmm register. */
    public void vpbroadcastd(Vec d, Operand s) {
        convert(VPBROADCASTD, d, 128, s);
    }

    /** Every 32-bit lane = the lower 32 bits of {@code s}; AVX-512. */
    public void vpbroadcastd(Vec d, Gpr s) {
        code.vector(VPBROADCASTD_GPR, d.bits(), d.number(), 0, s.ordinal(), d.mask(), d.zeroing());
    }

    // ------------------------------------------------------------------ vectors: arithmetic

    /** {@code d = a + b}, f32. */
    public void vaddps(Vec d, Vec a, Operand b) {
        ternary(VADDPS, d, a, b);
    }

    /** {@code d = a · b}, f32. */
    public void vmulps(Vec d, Vec a, Operand b) {
        ternary(VMULPS, d, a, b);
    }

    /** {@code d = a · b + d}, f32, rounded once. */
    public void vfmadd231ps(Vec d, Vec a, Operand b) {
        ternary(VFMADD231PS, d, a, b);
    }

    /** Sums of neighbours, f32, in each 128 bits: a0+a1, a2+a3, b0+b1, b2+b3. */
    public void vhaddps(Vec d, Vec a, Operand b) {
        ternary(VHADDPS, d, a, b);
    }

    /** {@code d = d + a.odd · b.odd + a.even · b.even}, pairs of bf16 into f32; denormals in and out count as zero. */
    public void vdpbf16ps(Vec d, Vec a, Operand b) {
        ternary(VDPBF16PS, d, a, b);
    }

    /** f32 to bf16, to the nearest, ties to even; {@code d} has half the width. A ymm or zmm source only. */
    public void vcvtneps2bf16(Vec d, Operand s) {
        int bits = s instanceof Vec v ? v.bits() : 2 * d.bits();
        if (bits != 512 && bits != 256) throw unfit(VCVTNEPS2BF16, d);
        narrow(VCVTNEPS2BF16, d, bits, s);
    }

    /** f16 to f32, exact; the source has half the width. */
    public void vcvtph2ps(Vec d, Operand s) {
        convert(VCVTPH2PS, d, half(d), s);
    }

    // ------------------------------------------------------------------ vectors: bits

    /** {@code d = a ^ b}; AVX. With zmm: {@link #vpxord}. */
    public void vxorps(Vec d, Vec a, Operand b) {
        ternary(VXORPS, d, a, b);
    }

    /** {@code d = a & b}; AVX. With zmm: {@link #vpandd}. */
    public void vpand(Vec d, Vec a, Operand b) {
        ternary(VPAND, d, a, b);
    }

    /** {@code d = a | b}; AVX. With zmm: {@link #vpord}. */
    public void vpor(Vec d, Vec a, Operand b) {
        ternary(VPOR, d, a, b);
    }

    /** {@code d = a ^ b}; AVX-512. */
    public void vpxord(Vec d, Vec a, Operand b) {
        ternary(VPXORD, d, a, b);
    }

    /** {@code d = a & b}; AVX-512. */
    public void vpandd(Vec d, Vec a, Operand b) {
        ternary(VPANDD, d, a, b);
    }

    /** {@code d = a | b}; AVX-512. */
    public void vpord(Vec d, Vec a, Operand b) {
        ternary(VPORD, d, a, b);
    }

    /** {@code d = s << count} in lanes of 32 bits. */
    public void vpslld(Vec d, Vec s, int count) {
        shift(VPSLLD, 6, d, s, count);
    }

    /** {@code d = s >>> count} in lanes of 32 bits. */
    public void vpsrld(Vec d, Vec s, int count) {
        shift(VPSRLD, 2, d, s, count);
    }

    /** {@code d = s >> count} in lanes of 32 bits. */
    public void vpsrad(Vec d, Vec s, int count) {
        shift(VPSRAD, 4, d, s, count);
    }

    /** {@code d = s << count} in lanes of 16 bits. */
    public void vpsllw(Vec d, Vec s, int count) {
        shift(VPSLLW, 6, d, s, count);
    }

    /** {@code d = s >>> count} in lanes of 16 bits. */
    public void vpsrlw(Vec d, Vec s, int count) {
        shift(VPSRLW, 2, d, s, count);
    }

    /** {@code d = s >> count} in lanes of 16 bits. */
    public void vpsraw(Vec d, Vec s, int count) {
        shift(VPSRAW, 4, d, s, count);
    }

    // ------------------------------------------------------------------ vectors: order

    /** Bytes to 16 bits, unsigned; the source has a half of the width, at least an xmm register. */
    public void vpmovzxbw(Vec d, Operand s) {
        convert(VPMOVZXBW, d, half(d), s);
    }

    /** Bytes to 32 bits, unsigned; the source has a quarter of the width, at least an xmm register. */
    public void vpmovzxbd(Vec d, Operand s) {
        convert(VPMOVZXBD, d, quarter(d), s);
    }

    /** Bytes to 32 bits, signed; the source has a quarter of the width, at least an xmm register. */
    public void vpmovsxbd(Vec d, Operand s) {
        convert(VPMOVSXBD, d, quarter(d), s);
    }

    /** 16 bits to 32, unsigned; the source has a half of the width, at least an xmm register. */
    public void vpmovzxwd(Vec d, Operand s) {
        convert(VPMOVZXWD, d, half(d), s);
    }

    /** Interleaves the lower two f32 of each 128 bits: a0, b0, a1, b1. */
    public void vunpcklps(Vec d, Vec a, Operand b) {
        ternary(VUNPCKLPS, d, a, b);
    }

    /** Interleaves the upper two f32 of each 128 bits: a2, b2, a3, b3. */
    public void vunpckhps(Vec d, Vec a, Operand b) {
        ternary(VUNPCKHPS, d, a, b);
    }

    /** Interleaves the lower bytes of each 128 bits. */
    public void vpunpcklbw(Vec d, Vec a, Operand b) {
        ternary(VPUNPCKLBW, d, a, b);
    }

    /** Interleaves the upper bytes of each 128 bits. */
    public void vpunpckhbw(Vec d, Vec a, Operand b) {
        ternary(VPUNPCKHBW, d, a, b);
    }

    /** Interleaves the lower 16-bit lanes of each 128 bits. */
    public void vpunpcklwd(Vec d, Vec a, Operand b) {
        ternary(VPUNPCKLWD, d, a, b);
    }

    /** Interleaves the upper 16-bit lanes of each 128 bits. */
    public void vpunpckhwd(Vec d, Vec a, Operand b) {
        ternary(VPUNPCKHWD, d, a, b);
    }

    /** In each 128 bits two f32 of {@code a}, then two of {@code b}; two bits of {@code order} choose each. */
    public void vshufps(Vec d, Vec a, Operand b, int order) {
        ternary(VSHUFPS, d, a, b, order);
    }

    /** Four 64-bit lanes of each 256 bits; two bits of {@code order} choose each. ymm and zmm. */
    public void vpermq(Vec d, Operand s, int order) {
        if (d.bits() == 128) throw unfit(VPERMQ, d);
        convert(VPERMQ, d, d.bits(), s, order);
    }

    /** Each half of {@code d} is a half of {@code a} (0, 1) or of {@code b} (2, 3): bits 0-1 and 4-5 of {@code order}. */
    public void vperm2f128(Vec d, Vec a, Operand b, int order) {
        ternary(VPERM2F128, exactly(256, d), a, b, order);
    }

    /** {@code d = a} with one half replaced by the xmm register or memory {@code b}. */
    public void vinsertf128(Vec d, Vec a, Operand b, int half) {
        if (b instanceof Vec v) exactly(128, v);
        insert(VINSERTF128, exactly(256, d), exactly(256, a), b, half);
    }

    /** One half of a ymm register, to an xmm register or memory. */
    public void vextractf128(Operand d, Vec s, int half) {
        extract(VEXTRACTF128, 128, d, exactly(256, s), half);
    }

    /** One half of a zmm register, to a ymm register or memory. */
    public void vextractf64x4(Operand d, Vec s, int half) {
        extract(VEXTRACTF64X4, 256, d, exactly(512, s), half);
    }

    /** Byte i of {@code d} = byte {@code d[i]} of the table {@code a, b}: of the indices the lower 7 bits count (zmm). */
    public void vpermi2b(Vec d, Vec a, Operand b) {
        ternary(VPERMI2B, d, a, b);
    }

    /** Byte i of {@code d} = byte {@code a[i]} of the table {@code d, b}: of the indices the lower 7 bits count (zmm). */
    public void vpermt2b(Vec d, Vec a, Operand b) {
        ternary(VPERMT2B, d, a, b);
    }

    // ------------------------------------------------------------------ masks

    /** {@code d} = the lower 16 bits of {@code s}. */
    public void kmovw(Mask d, Gpr s) {
        code.vector(KMOVW, 128, d.ordinal(), 0, s.ordinal(), Mask.K0, false);
    }

    /** {@code d} = the lower 32 bits of {@code s}. */
    public void kmovd(Mask d, Gpr s) {
        code.vector(KMOVD, 128, d.ordinal(), 0, s.ordinal(), Mask.K0, false);
    }

    /** {@code d} = the lower 64 bits of {@code s}. */
    public void kmovq(Mask d, Gpr s) {
        code.vector(KMOVQ, 128, d.ordinal(), 0, s.ordinal(), Mask.K0, false);
    }

    // ------------------------------------------------------------------ tiles

    /** Shapes the tiles by 64 bytes: [0] = 1 (palette), u16 at 16 + 2t = bytes in a row of tile t, u8 at 48 + t = its rows. All tiles become zero. */
    public void ldtilecfg(Mem s) {
        code.vector(LDTILECFG, 128, 0, 0, whole(s), Mask.K0, false);
    }

    /** Gives the tiles back: no shape, nothing for a thread switch to save. */
    public void tilerelease() {
        code.vector(TILERELEASE, 128, 0, 0, 0, Mask.K0, false);
    }

    /** {@code d = 0}. */
    public void tilezero(Tmm d) {
        code.vector(TILEZERO, 128, d.ordinal(), 0, 0, Mask.K0, false);
    }

    /** Loads a tile: row r from the base, the displacement and r times the scaled index, which is the bytes from row to row. */
    public void tileloadd(Tmm d, Mem s) {
        code.vector(TILELOADD, 128, d.ordinal(), 0, strided(TILELOADD, s), Mask.K0, false);
    }

    /** Stores a tile: row r to the base, the displacement and r times the scaled index, which is the bytes from row to row. */
    public void tilestored(Mem d, Tmm s) {
        code.vector(TILESTORED, 128, s.ordinal(), 0, strided(TILESTORED, d), Mask.K0, false);
    }

    /** {@code d = d + a · b}: a is [m, 2k] bf16, b is [k, n] pairs of bf16 (rows 2i and 2i+1 interleaved), d is [m, n] f32; denormals count as zero. */
    public void tdpbf16ps(Tmm d, Tmm a, Tmm b) {
        if (d == a || d == b || a == b) throw new IllegalArgumentException("tdpbf16ps needs three different tiles");
        code.vector(TDPBF16PS, 128, d.ordinal(), b.ordinal(), a.ordinal(), Mask.K0, false);
    }

    // ------------------------------------------------------------------ forms

    /** {@code d}, {@code a} and {@code b} of one width. */
    private void ternary(Opcode op, Vec d, Vec a, Operand b, int... immediate) {
        if (a.bits() != d.bits() || b instanceof Vec v && v.bits() != d.bits()) throw unfit(op, d);
        insert(op, d, a, b, immediate);
    }

    /** {@code d} and {@code a}, and {@code b} of whatever width. */
    private void insert(Opcode op, Vec d, Vec a, Operand b, int... immediate) {
        int reg = d.number(), vvvv = source(op, a);
        switch (b) {
            case Vec v -> code.vector(op, d.bits(), reg, vvvv, source(op, v), d.mask(), d.zeroing(), immediate);
            case Mem m -> code.vector(op, d.bits(), reg, vvvv, source(op, m), d.mask(), d.zeroing(), immediate);
        }
    }

    /** {@code d} and a source of {@code sourceBits}. */
    private void convert(Opcode op, Vec d, int sourceBits, Operand s, int... immediate) {
        if (s instanceof Vec v && v.bits() != sourceBits) throw unfit(op, d);
        unary(op, d.bits(), d, s, immediate);
    }

    /** {@code d} of half the width of the source, whose width the instruction has. */
    private void narrow(Opcode op, Vec d, int sourceBits, Operand s) {
        if (2 * d.bits() != sourceBits) throw unfit(op, d);
        unary(op, sourceBits, d, s);
    }

    private void unary(Opcode op, int bits, Vec d, Operand s, int... immediate) {
        switch (s) {
            case Vec v -> code.vector(op, bits, d.number(), 0, source(op, v), d.mask(), d.zeroing(), immediate);
            case Mem m -> code.vector(op, bits, d.number(), 0, source(op, m), d.mask(), d.zeroing(), immediate);
        }
    }

    private void store(Opcode op, Mem d, int bits, Vec s, int... immediate) {
        code.vector(op, bits, source(op, s), 0, whole(d), d.mask(), false, immediate);
    }

    /** A part of a register, which is in {@code reg}, to a register or memory. */
    private void extract(Opcode op, int partBits, Operand d, Vec s, int part) {
        switch (d) {
            case Vec v -> {
                int rm = exactly(partBits, v).number();
                code.vector(op, s.bits(), source(op, s), 0, rm, v.mask(), v.zeroing(), part);
            }
            case Mem m -> store(op, m, s.bits(), s, part);
        }
    }

    /** A shift by a constant: its kind is in {@code reg}, its destination in {@code vvvv}. */
    private void shift(Opcode op, int kind, Vec d, Vec s, int count) {
        if (s.bits() != d.bits()) throw unfit(op, d);
        code.vector(op, d.bits(), kind, d.number(), source(op, s), d.mask(), d.zeroing(), count);
    }

    // ------------------------------------------------------------------ checks

    private static int source(Opcode op, Vec s) {
        if (s.mask() != Mask.K0) throw new IllegalArgumentException(op.mnemonic() + " masks its destination, not " + s);
        return s.number();
    }

    private static Mem source(Opcode op, Mem s) {
        if (s.mask() != Mask.K0) throw new IllegalArgumentException(op.mnemonic() + " masks its destination, not " + s);
        return s;
    }

    private static Mem whole(Mem m) {
        if (m.repeated()) throw new IllegalArgumentException("no repeated element here: " + m);
        return m;
    }

    private static Mem strided(Opcode op, Mem m) {
        if (m.index() == null) {
            throw new IllegalArgumentException(op.mnemonic() + " takes the stride of rows as the index; there is none");
        }
        if (m.mask() != Mask.K0) throw new IllegalArgumentException(op.mnemonic() + " has no mask: " + m);
        return whole(m);
    }

    private static Vec exactly(int bits, Vec v) {
        if (v.bits() != bits) {
            throw new IllegalArgumentException("a register of " + bits + " bits belongs here, not " + v);
        }
        return v;
    }

    private static int half(Vec d) {
        return Math.max(128, d.bits() / 2);
    }

    private static int quarter(Vec d) {
        return Math.max(128, d.bits() / 4);
    }

    private static IllegalArgumentException unfit(Opcode op, Vec d) {
        return new IllegalArgumentException(op.mnemonic() + " to " + d + " does not take sources of these widths");
    }
}
