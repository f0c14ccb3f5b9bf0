package io.gatun.ffm.machinecode;

import static io.gatun.ffm.machinecode.CpuFeature.*;
import static io.gatun.ffm.machinecode.Gpr.*;
import static io.gatun.ffm.machinecode.Mask.*;
import static io.gatun.ffm.machinecode.Tmm.*;
import static io.gatun.ffm.machinecode.Vec.*;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EmulatorTest {
    private static final FunctionDescriptor OUT_IN = FunctionDescriptor.ofVoid(ADDRESS, ADDRESS);

    private final Arena arena = Arena.ofShared();
    private final Random random = new Random(25);

    @AfterEach
    void free() {
        arena.close();
    }

    // ------------------------------------------------------------------ the same bits as the CPU

    @Test
    void avx2InstructionsGiveTheBitsOfTheCpu() throws Throwable {
        compare("avx2", SingleInstructions.avx2(), SingleInstructions.AVX2_BYTES, AVX2, FMA, F16C);
    }

    @Test
    void avx512InstructionsGiveTheBitsOfTheCpu() throws Throwable {
        long bytes = SingleInstructions.AVX512_BYTES;
        compare("avx512", SingleInstructions.avx512(), bytes, AVX512F, AVX512BW, AVX512VL, AVX512VBMI, AVX512BF16);
    }

    /** What holds an AVX-512 emulation to something where no CPU has it: the AVX form of the same instruction. */
    @Test
    void aZmmRegisterIsTwoYmmRegisters() {
        Emulator emulator = new Emulator(Listing.of(EmulatorTest.class, "halves", SingleInstructions.halves()));
        MemorySegment out = arena.allocate(2 * SingleInstructions.HALVES_BYTES, 64);
        MemorySegment in = arena.allocate(SingleInstructions.IN_BYTES, 64);
        fill(in);
        emulator.memory(in, out).call(out.address(), in.address());
        MemorySegment zmm = out.asSlice(0, SingleInstructions.HALVES_BYTES);
        assertThat(zmm.mismatch(out.asSlice(SingleInstructions.HALVES_BYTES))).isEqualTo(-1);
    }

    @Test
    void bytesArePermutedFromTwoTables() {
        Assembler to = new Assembler(); // y rdi, table rsi, order rdx
        to.vmovups(zmm(0), Mem.at(RDX));
        to.vmovups(zmm(1), Mem.at(RSI));
        to.vpermi2b(zmm(0), zmm(1), Mem.at(RSI).plus(64));
        to.vmovups(Mem.at(RDI), zmm(0));
        to.vmovups(zmm(2), Mem.at(RDX));
        to.vpermt2b(zmm(1), zmm(2), Mem.at(RSI).plus(64));
        to.vmovups(Mem.at(RDI).plus(64), zmm(1));
        to.vzeroupper();
        to.ret();
        MemorySegment y = arena.allocate(128), table = arena.allocate(128), order = arena.allocate(64);
        for (int i = 0; i < 128; i++) table.set(JAVA_BYTE, i, (byte) (i * 37));
        fill(order);
        new Emulator(Listing.of(EmulatorTest.class, "permuted", to.toBytes()))
                .memory(y, table, order)
                .call(y.address(), table.address(), order.address());
        for (int i = 0; i < 128; i++) {
            assertThat(y.get(JAVA_BYTE, i)).isEqualTo((byte) ((order.get(JAVA_BYTE, i % 64) & 127) * 37));
        }
    }

    @Test
    void scalarInstructionsGiveTheBitsOfTheCpu() throws Throwable {
        compare("scalar", SingleInstructions.scalar(), SingleInstructions.SCALAR_BYTES);
    }

    /** On a CPU without {@code needed}, that the emulator knows every instruction is all that is found out. */
    private void compare(String name, byte[] code, long outBytes, CpuFeature... needed) throws Throwable {
        MemorySegment in = arena.allocate(SingleInstructions.IN_BYTES, 64);
        MemorySegment expected = arena.allocate(outBytes, 64), found = arena.allocate(outBytes, 64);
        Emulator emulator = new Emulator(Listing.of(EmulatorTest.class, name, code)).memory(in, found);
        emulator.call(found.address(), in.address());
        assumeRuns(needed);
        MethodHandle cpu = MachineCode.link(code, OUT_IN, arena).orElseThrow();
        for (int round = 0; round < 200; round++) {
            fill(in);
            cpu.invokeExact(expected, in);
            emulator.call(found.address(), in.address());
            assertThat(found.mismatch(expected)).as("first byte that differs").isEqualTo(-1);
        }
    }

    private void fill(MemorySegment memory) {
        for (long i = 0; i < memory.byteSize() / 4; i++) memory.set(JAVA_INT_UNALIGNED, 4 * i, number());
    }

    /** Bits of a finite float: often small, sometimes huge, a denormal or zero. */
    private int number() {
        int bits = random.nextInt();
        int exponent = random.nextInt(4) > 0 ? 120 + random.nextInt(16) : random.nextInt(255);
        return random.nextInt(20) == 0 ? bits & 0x8000_0000 : bits & 0x807f_ffff | exponent << 23;
    }

    // ------------------------------------------------------------------ what Intel says of denormals

    @Test
    void bf16ArithmeticFlushesDenormalsAndRoundsToEven() {
        float denormal = Float.intBitsToFloat(0x007f_0000);
        assertThat(Bf16Pairs.fma(denormal, 1e30f, 1f)).isEqualTo(1f);
        assertThat(Bf16Pairs.fma(1f, 1f, Float.MIN_VALUE)).isEqualTo(1f);
        assertThat(Bf16Pairs.fma(0x1p-80f, 0x1p-60f, 0f)).isEqualTo(0f);
        assertThat(Bf16Pairs.round(Float.intBitsToFloat(0x3f80_8000))).isEqualTo((short) 0x3f80);
        assertThat(Bf16Pairs.round(Float.intBitsToFloat(0x3f81_8000))).isEqualTo((short) 0x3f82);
        assertThat(Bf16Pairs.round(Float.intBitsToFloat(0x3f80_8001))).isEqualTo((short) 0x3f81);
        assertThat(Bf16Pairs.round(Float.intBitsToFloat(0x8000_ffff))).isEqualTo((short) 0x8000);
        assertThat(Bf16Pairs.round(Float.intBitsToFloat(0x7f80_0001))).isEqualTo((short) 0x7fc0);
        assertThat(Bf16Pairs.round(Float.MAX_VALUE)).isEqualTo((short) 0x7f80);
    }

    // ------------------------------------------------------------------ what it refuses

    @Test
    void mistakesOfTheCodeAreErrors() {
        MemorySegment memory = arena.allocate(64, 64);
        refused(to -> to.vmovups(zmm(0), Mem.at(RDI).plus(1)), memory, "at byte 61 of a segment of 64");
        refused(to -> to.mov(RAX, Mem.at(RBX)), memory, "8 bytes at 0x7fc0dead7fc0dead");
        refused(to -> to.vmovups(ymm(0), Mem.at(RDI)), memory, "without vzeroupper");
        refused(to -> to.mov(RBX, RDI), memory, "RBX was not restored");
        refused(to -> to.tilezero(TMM0), memory, "tmm0 has no shape");
        refused(to -> to.jmp(to.here()), memory, "does this end");
    }

    @Test
    void lanesOutsideAMaskAreNeitherReadNorWritten() {
        MemorySegment memory = arena.allocate(24, 8);
        Assembler to = new Assembler();
        to.mov32(RAX, 7);
        to.kmovw(K3, RAX);
        to.vmovups(zmm(5).zeroed(K3), Mem.at(RDI));
        to.vmovups(Mem.at(RDI).plus(12).masked(K3), zmm(5));
        to.vzeroupper();
        to.ret();
        for (int i = 0; i < 6; i++) memory.setAtIndex(JAVA_INT, i, i);
        new Emulator(Listing.of(EmulatorTest.class, "masked", to.toBytes()))
                .memory(memory)
                .call(memory.address());
        assertThat(memory.toArray(JAVA_INT)).containsExactly(0, 1, 2, 0, 1, 2);
    }

    @Test
    void savedRegistersAndTheStackAreKept() {
        Assembler to = new Assembler();
        to.push(RBX);
        to.mov(RBX, RDI);
        to.lea(RAX, Mem.at(RBX, RSI, 4).plus(-3));
        to.pop(RBX);
        to.ret();
        Emulator emulator = new Emulator(Listing.of(EmulatorTest.class, "saved", to.toBytes()));
        assertThat(emulator.call(100, 20)).isEqualTo(177);
    }

    private void refused(Consumer<Assembler> code, MemorySegment memory, String because) {
        Assembler to = new Assembler();
        code.accept(to);
        to.ret();
        Listing listing = Listing.disassemble(to.toBytes()).orElse(null);
        assumeTrue(listing != null, "these short functions have no committed listing, and there is no objdump here");
        Emulator emulator = new Emulator(listing).memory(memory);
        assertThatThrownBy(() -> emulator.call(memory.address()))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining(because);
    }

    private static void assumeRuns(CpuFeature... needed) {
        assumeTrue(ExecutableMemory.whyNot().isEmpty(), ExecutableMemory.whyNot());
        String missing = CpuFeatures.host().whyNot(needed);
        assumeTrue(missing.isEmpty(), missing);
    }
}
