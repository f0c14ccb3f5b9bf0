package io.gatun.ffm.machinecode;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.gatun.ffm.machinecode.Instruction.Argument;
import io.gatun.ffm.machinecode.Instruction.General;
import io.gatun.ffm.machinecode.Instruction.MaskRegister;
import io.gatun.ffm.machinecode.Instruction.Memory;
import io.gatun.ffm.machinecode.Instruction.Vector;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.IntBinaryOperator;
import java.util.function.IntUnaryOperator;

/** The vector and mask registers of an {@link Emulator}. Floats are IEEE's; which NaN comes out of NaNs is not specified. */
final class VectorUnit {
    private static final int ALL = 64; // bytes in a zmm register

    private final Emulator cpu;
    private final MemorySegment[] registers = new MemorySegment[32];
    private final long[] masks = new long[8];
    private boolean dirty;

    VectorUnit(Emulator cpu) {
        this.cpu = cpu;
        for (int i = 0; i < 32; i++) registers[i] = MemorySegment.ofArray(new byte[ALL]);
    }

    void fill(long junk) {
        for (MemorySegment register : registers) {
            for (int i = 0; i < ALL; i += 8) register.set(JAVA_LONG_UNALIGNED, i, junk);
        }
        Arrays.fill(masks, junk);
        dirty = false;
    }

    /** Whether the upper half of one of registers 0 to 15 was written since the last vzeroupper. */
    boolean dirty() {
        return dirty;
    }

    void execute(Instruction i) {
        switch (i.name()) {
            case "vzeroupper" -> zeroUpper();
            case "kmovw", "kmovd", "kmovq" -> loadMask(i);
            case "vmovups", "vmovdqu", "vmovdqu32" -> move(i, 4);
            case "vmovdqu8" -> move(i, 1);
            case "vmovdqu16" -> move(i, 2);
            case "vmovss" -> moveOne(i);
            case "vmovd" -> {
                MemorySegment result = result();
                result.set(JAVA_INT_UNALIGNED, 0, (int) cpu.read(i.general(1)));
                write(i.vector(0), result, 4);
            }
            case "vbroadcastss", "vpbroadcastd" -> broadcast(i);

            case "vaddps" -> floats(i, (a, b) -> bits(Float.intBitsToFloat(a) + Float.intBitsToFloat(b)));
            case "vmulps" -> floats(i, (a, b) -> bits(Float.intBitsToFloat(a) * Float.intBitsToFloat(b)));
            case "vfmadd231ps" -> fusedMultiplyAdd(i);
            case "vhaddps" -> addNeighbours(i);
            case "vdpbf16ps" -> dotBf16(i);
            case "vcvtneps2bf16" -> toBf16(i);
            case "vcvtph2ps" -> widen(i, 2, 4, half -> bits(Float.float16ToFloat((short) half)));

            case "vxorps", "vpxord" -> floats(i, (a, b) -> a ^ b);
            case "vpand", "vpandd" -> floats(i, (a, b) -> a & b);
            case "vpor", "vpord" -> floats(i, (a, b) -> a | b);
            case "vpslld" -> shift(i, 4, (a, n) -> n > 31 ? 0 : a << n);
            case "vpsrld" -> shift(i, 4, (a, n) -> n > 31 ? 0 : a >>> n);
            case "vpsrad" -> shift(i, 4, (a, n) -> a >> Math.min(n, 31));
            case "vpsllw" -> shift(i, 2, (a, n) -> n > 15 ? 0 : a << n);
            case "vpsrlw" -> shift(i, 2, (a, n) -> n > 15 ? 0 : (a & 0xffff) >>> n);
            case "vpsraw" -> shift(i, 2, (a, n) -> (short) a >> Math.min(n, 15));

            case "vpmovzxbw" -> widen(i, 1, 2, value -> value & 0xff);
            case "vpmovzxbd" -> widen(i, 1, 4, value -> value & 0xff);
            case "vpmovsxbd" -> widen(i, 1, 4, value -> value);
            case "vpmovzxwd" -> widen(i, 2, 4, value -> value & 0xffff);
            case "vunpcklps" -> interleave(i, 4, 0);
            case "vunpckhps" -> interleave(i, 4, 8);
            case "vpunpcklwd" -> interleave(i, 2, 0);
            case "vpunpckhwd" -> interleave(i, 2, 8);
            case "vpunpcklbw" -> interleave(i, 1, 0);
            case "vpunpckhbw" -> interleave(i, 1, 8);
            case "vshufps" -> shuffle(i);
            case "vpermq" -> permuteQuads(i);
            case "vperm2f128" -> permuteHalves(i);
            case "vinsertf128" -> {
                MemorySegment result = copy(i.vector(1));
                MemorySegment.copy(source(i, 2, 16, 16), 0, result, 16 * (i.constant(3) & 1), 16);
                write(i.vector(0), result, 16);
            }
            case "vextractf128" -> extract(i, 16, 4);
            case "vextractf64x4" -> extract(i, 32, 8);
            case "vpermi2b" -> permuteBytes(i, copy(i.vector(0)), copy(i.vector(1)));
            case "vpermt2b" -> permuteBytes(i, copy(i.vector(1)), copy(i.vector(0)));
            default -> throw new UnsupportedOperationException("this emulator does not know " + i.name());
        }
    }

    // ------------------------------------------------------------------ registers, masks, memory

    /** Writes the lanes of {@code bytes} bytes that the mask lets through, and zeroes all above the register's width. */
    private void write(Vector d, MemorySegment result, int bytes) {
        MemorySegment register = registers[d.number()];
        for (int lane = 0; lane < d.bits() / 8 / bytes; lane++) {
            if (passes(d.mask(), lane)) MemorySegment.copy(result, lane * bytes, register, lane * bytes, bytes);
            else if (d.zeroing()) register.asSlice(lane * bytes, bytes).fill((byte) 0);
        }
        register.asSlice(d.bits() / 8).fill((byte) 0);
        dirty |= d.bits() > 128 && d.number() < 16;
    }

    /** Argument {@code n} as lanes of {@code laneBytes}, {@code bytes} in all; lanes outside the mask are not read from memory. */
    private MemorySegment source(Instruction i, int n, int bytes, int laneBytes) {
        MemorySegment value = result();
        switch (i.arguments().get(n)) {
            case Vector v -> MemorySegment.copy(registers[v.number()], 0, value, 0, bytes);
            case Memory place -> {
                int mask = i.arguments().get(0) instanceof Vector d ? d.mask() : 0;
                long address = cpu.address(place);
                for (int lane = 0; lane < bytes / laneBytes; lane++) {
                    if (!passes(mask, lane)) continue;
                    long from = place.repeated() ? address : address + lane * laneBytes;
                    MemorySegment.copy(cpu.bytes(from, laneBytes), 0, value, lane * laneBytes, laneBytes);
                }
            }
            case Argument other -> throw new IllegalArgumentException("not a vector: " + other);
        }
        return value;
    }

    private MemorySegment copy(Vector v) {
        MemorySegment value = result();
        MemorySegment.copy(registers[v.number()], 0, value, 0, v.bits() / 8);
        return value;
    }

    private static MemorySegment result() {
        return MemorySegment.ofArray(new byte[ALL]);
    }

    private boolean passes(int mask, int lane) {
        return mask == 0 || (masks[mask] >>> lane & 1) != 0;
    }

    private void loadMask(Instruction i) {
        int bits = i.name().equals("kmovw") ? 16 : i.name().equals("kmovd") ? 32 : 64;
        long value = cpu.read(i.general(1));
        masks[((MaskRegister) i.arguments().get(0)).number()] = bits == 64 ? value : value & (1L << bits) - 1;
    }

    private void zeroUpper() {
        for (int i = 0; i < 16; i++) registers[i].asSlice(16).fill((byte) 0);
        dirty = false;
    }

    // ------------------------------------------------------------------ moves

    private void move(Instruction i, int laneBytes) {
        if (i.arguments().get(0) instanceof Vector d) write(d, source(i, 1, d.bits() / 8, laneBytes), laneBytes);
        else store(i.memory(0), copy(i.vector(1)), i.vector(1).bits() / 8, laneBytes);
    }

    private void store(Memory to, MemorySegment value, int bytes, int laneBytes) {
        long address = cpu.address(to);
        for (int at = 0; at < bytes; at += laneBytes) {
            if (!passes(to.mask(), at / laneBytes)) continue;
            MemorySegment.copy(value, at, cpu.bytes(address + at, laneBytes), 0, laneBytes);
        }
    }

    private void moveOne(Instruction i) {
        if (i.arguments().get(0) instanceof Vector d) write(d, source(i, 1, 4, 4), 4);
        else store(i.memory(0), copy(i.vector(1)), 4, 4);
    }

    private void broadcast(Instruction i) {
        int value = i.arguments().get(1) instanceof General g
                ? (int) cpu.read(g)
                : source(i, 1, 4, 4).get(JAVA_INT_UNALIGNED, 0);
        MemorySegment result = result();
        for (int at = 0; at < ALL; at += 4) result.set(JAVA_INT_UNALIGNED, at, value);
        write(i.vector(0), result, 4);
    }

    private void extract(Instruction i, int bytes, int laneBytes) {
        MemorySegment result = result();
        MemorySegment.copy(registers[i.vector(1).number()], bytes * (i.constant(2) & 1), result, 0, bytes);
        if (i.arguments().get(0) instanceof Vector d) write(d, result, laneBytes);
        else store(i.memory(0), result, bytes, laneBytes);
    }

    // ------------------------------------------------------------------ arithmetic

    private static int bits(float value) {
        return Float.floatToRawIntBits(value);
    }

    /** 32-bit lanes of two sources. */
    private void floats(Instruction i, IntBinaryOperator operation) {
        int bytes = i.vector(0).bits() / 8;
        MemorySegment a = copy(i.vector(1)), b = source(i, 2, bytes, 4), result = result();
        for (int at = 0; at < bytes; at += 4) {
            int value = operation.applyAsInt(a.get(JAVA_INT_UNALIGNED, at), b.get(JAVA_INT_UNALIGNED, at));
            result.set(JAVA_INT_UNALIGNED, at, value);
        }
        write(i.vector(0), result, 4);
    }

    private void fusedMultiplyAdd(Instruction i) {
        int bytes = i.vector(0).bits() / 8;
        MemorySegment sum = copy(i.vector(0)), a = copy(i.vector(1)), b = source(i, 2, bytes, 4);
        for (int at = 0; at < bytes; at += 4) {
            set(sum, at, Math.fma(get(a, at), get(b, at), get(sum, at)));
        }
        write(i.vector(0), sum, 4);
    }

    private void addNeighbours(Instruction i) {
        int bytes = i.vector(0).bits() / 8;
        MemorySegment a = copy(i.vector(1)), b = source(i, 2, bytes, 4), result = result();
        for (int at = 0; at < bytes; at += 16) {
            for (int pair = 0; pair < 16; pair += 8) {
                set(result, at + pair / 2, get(a, at + pair) + get(a, at + pair + 4));
                set(result, at + 8 + pair / 2, get(b, at + pair) + get(b, at + pair + 4));
            }
        }
        write(i.vector(0), result, 4);
    }

    /** The odd element of each pair first, then the even one, each a fused multiply-add of its own. */
    private void dotBf16(Instruction i) {
        int bytes = i.vector(0).bits() / 8;
        MemorySegment sum = copy(i.vector(0)), a = copy(i.vector(1)), b = source(i, 2, bytes, 4);
        for (int at = 0; at < bytes; at += 4) {
            float odd = Bf16Pairs.fma(Bf16Pairs.odd(a, at), Bf16Pairs.odd(b, at), get(sum, at));
            set(sum, at, Bf16Pairs.fma(Bf16Pairs.even(a, at), Bf16Pairs.even(b, at), odd));
        }
        write(i.vector(0), sum, 4);
    }

    private void toBf16(Instruction i) {
        int bytes = i.vector(0).bits() / 4; // of the source
        MemorySegment s = source(i, 1, bytes, 4), result = result();
        for (int at = 0; at < bytes; at += 4) result.set(JAVA_SHORT_UNALIGNED, at / 2, Bf16Pairs.round(get(s, at)));
        write(i.vector(0), result, 2);
    }

    private void shift(Instruction i, int laneBytes, IntBinaryOperator operation) {
        MemorySegment s = copy(i.vector(1)), result = result();
        int count = (int) i.constant(2);
        for (int at = 0; at < i.vector(0).bits() / 8; at += laneBytes) {
            setLane(result, at, laneBytes, operation.applyAsInt(lane(s, at, laneBytes), count));
        }
        write(i.vector(0), result, laneBytes);
    }

    // ------------------------------------------------------------------ order

    private void widen(Instruction i, int from, int to, IntUnaryOperator operation) {
        int bytes = i.vector(0).bits() / 8;
        MemorySegment s = source(i, 1, bytes * from / to, from), result = result();
        for (int lane = 0; lane < bytes / to; lane++) {
            setLane(result, lane * to, to, operation.applyAsInt(lane(s, lane * from, from)));
        }
        write(i.vector(0), result, to);
    }

    /** Of each 128 bits the lower ({@code from} 0) or upper (8) half of both sources, lane by lane in turn. */
    private void interleave(Instruction i, int laneBytes, int from) {
        int bytes = i.vector(0).bits() / 8;
        MemorySegment a = copy(i.vector(1)), b = source(i, 2, bytes, laneBytes == 4 ? 4 : bytes), result = result();
        for (int block = 0; block < bytes; block += 16) {
            for (int at = 0; at < 8; at += laneBytes) {
                setLane(result, block + 2 * at, laneBytes, lane(a, block + from + at, laneBytes));
                setLane(result, block + 2 * at + laneBytes, laneBytes, lane(b, block + from + at, laneBytes));
            }
        }
        write(i.vector(0), result, laneBytes);
    }

    private void shuffle(Instruction i) {
        int bytes = i.vector(0).bits() / 8, order = (int) i.constant(3);
        MemorySegment a = copy(i.vector(1)), b = source(i, 2, bytes, 4), result = result();
        for (int at = 0; at < bytes; at += 4) {
            int lane = at / 4 % 4, chosen = order >> 2 * lane & 3;
            set(result, at, get(lane < 2 ? a : b, at / 16 * 16 + 4 * chosen));
        }
        write(i.vector(0), result, 4);
    }

    private void permuteQuads(Instruction i) {
        int bytes = i.vector(0).bits() / 8, order = (int) i.constant(2);
        MemorySegment s = source(i, 1, bytes, bytes), result = result();
        for (int at = 0; at < bytes; at += 8) {
            int chosen = order >> 2 * (at / 8 % 4) & 3;
            MemorySegment.copy(s, at / 32 * 32 + 8 * chosen, result, at, 8);
        }
        write(i.vector(0), result, 8);
    }

    private void permuteHalves(Instruction i) {
        MemorySegment a = copy(i.vector(1)), b = source(i, 2, 32, 32), result = result();
        for (int half = 0; half < 2; half++) {
            int chosen = (int) i.constant(3) >> 4 * half & 15;
            if (chosen >= 8) continue; // zero
            MemorySegment.copy((chosen & 2) == 0 ? a : b, 16 * (chosen & 1), result, 16 * half, 16);
        }
        write(i.vector(0), result, 16);
    }

    /** Each byte of {@code order} chooses one of {@code low} and the last source together. */
    private void permuteBytes(Instruction i, MemorySegment order, MemorySegment low) {
        int bytes = i.vector(0).bits() / 8;
        MemorySegment high = source(i, 2, bytes, bytes), result = result();
        for (int at = 0; at < bytes; at++) {
            int chosen = order.get(JAVA_BYTE, at) & 2 * bytes - 1;
            result.set(JAVA_BYTE, at, (chosen < bytes ? low : high).get(JAVA_BYTE, chosen % bytes));
        }
        write(i.vector(0), result, 1);
    }

    // ------------------------------------------------------------------ lanes

    private static float get(MemorySegment from, int at) {
        return Float.intBitsToFloat(from.get(JAVA_INT_UNALIGNED, at));
    }

    private static void set(MemorySegment to, int at, float value) {
        to.set(JAVA_INT_UNALIGNED, at, bits(value));
    }

    /** Sign-extended. */
    private static int lane(MemorySegment from, int at, int bytes) {
        return bytes == 1
                ? from.get(JAVA_BYTE, at)
                : bytes == 2 ? from.get(JAVA_SHORT_UNALIGNED, at) : from.get(JAVA_INT_UNALIGNED, at);
    }

    private static void setLane(MemorySegment to, int at, int bytes, int value) {
        if (bytes == 1) to.set(JAVA_BYTE, at, (byte) value);
        else if (bytes == 2) to.set(JAVA_SHORT_UNALIGNED, at, (short) value);
        else to.set(JAVA_INT_UNALIGNED, at, value);
    }
}
