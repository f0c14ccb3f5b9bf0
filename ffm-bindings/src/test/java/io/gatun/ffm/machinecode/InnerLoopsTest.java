package io.gatun.ffm.machinecode;

import static io.gatun.ffm.machinecode.CpuFeature.*;
import static io.gatun.ffm.machinecode.Gpr.*;
import static io.gatun.ffm.machinecode.Mask.*;
import static io.gatun.ffm.machinecode.Tmm.*;
import static io.gatun.ffm.machinecode.Vec.*;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Random;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Three loops like those of our kernels, in the emulator on every machine, and on the CPU where it can. */
class InnerLoopsTest {
    private final Arena arena = Arena.ofShared();
    private final Random random = new Random(25);

    @AfterEach
    void free() {
        arena.close();
    }

    // ------------------------------------------------------------------ AVX2: y = Σ w · x, w bf16, x f32

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 1016})
    void avx2DotEmulated(int k) {
        Emulator emulator = new Emulator(Listing.of(InnerLoopsTest.class, "dot-avx2", avx2Dot()));
        MemorySegment y = arena.allocate(JAVA_FLOAT), w = gaussian(k), x = floats(k);
        emulator.memory(y, w, x).call(y.address(), w.address(), x.address(), k / 8);
        assertThat(y.get(JAVA_FLOAT, 0)).isEqualTo(avx2Sum(w, x, k));
        assertThat(emulator.executed()).isEqualTo(1 + 8L * k / 8 + 7);
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 1016})
    void avx2DotOnThisCpu(int k) throws Throwable {
        MethodHandle dot =
                onThisCpu(avx2Dot(), FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, ADDRESS, JAVA_LONG), AVX2, FMA);
        MemorySegment y = arena.allocate(JAVA_FLOAT), w = gaussian(k), x = floats(k);
        dot.invokeExact(y, w, x, k / 8L);
        assertThat(y.get(JAVA_FLOAT, 0)).isEqualTo(avx2Sum(w, x, k));
    }

    private static byte[] avx2Dot() {
        Assembler to = new Assembler(); // y rdi, w rsi, x rdx, steps of eight rcx
        to.vxorps(ymm(0), ymm(0), ymm(0));
        Label loop = to.here();
        to.vpmovzxwd(ymm(1), Mem.at(RSI));
        to.vpslld(ymm(1), ymm(1), 16);
        to.vfmadd231ps(ymm(0), ymm(1), Mem.at(RDX));
        to.prefetcht0(Mem.at(RSI).plus(2048));
        to.add(RSI, 16);
        to.add(RDX, 32);
        to.dec(RCX);
        to.jnz(loop);
        to.vextractf128(xmm(1), ymm(0), 1);
        to.vaddps(xmm(0), xmm(0), xmm(1));
        to.vhaddps(xmm(0), xmm(0), xmm(0));
        to.vhaddps(xmm(0), xmm(0), xmm(0));
        to.vmovss(Mem.at(RDI), xmm(0));
        to.vzeroupper();
        to.ret();
        return to.toBytes();
    }

    private static float avx2Sum(MemorySegment w, MemorySegment x, int k) {
        float[] lanes = new float[8];
        for (int i = 0; i < k; i++) {
            lanes[i % 8] = Math.fma(value(w, i), x.getAtIndex(JAVA_FLOAT, i), lanes[i % 8]);
        }
        for (int i = 0; i < 4; i++) lanes[i] += lanes[i + 4];
        return lanes[0] + lanes[1] + (lanes[2] + lanes[3]);
    }

    // ------------------------------------------------------------------ AVX-512: 16 sums of w · x, both bf16

    @ParameterizedTest
    @ValueSource(ints = {2, 30, 32, 34, 62, 64, 576})
    void avx512DotEmulated(int k) {
        Emulator emulator = new Emulator(Listing.of(InnerLoopsTest.class, "dot-avx512", avx512Dot()));
        MemorySegment y = arena.allocate(64, 4), w = gaussian(k), x = gaussian(k);
        emulator.memory(y, w, x).call(y.address(), w.address(), x.address(), k, mask(k));
        assertThat(y.toArray(JAVA_FLOAT)).containsExactly(avx512Sums(w, x, k));
    }

    /** With small integers, whose sums are exact whatever the order and rounding of a CPU. */
    @ParameterizedTest
    @ValueSource(ints = {2, 30, 32, 34, 62, 64, 576})
    void avx512DotOnThisCpu(int k) throws Throwable {
        var type = FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG);
        MethodHandle dot = onThisCpu(avx512Dot(), type, AVX512F, AVX512BF16);
        MemorySegment y = arena.allocate(64, 4), w = integers(k), x = integers(k);
        dot.invokeExact(y, w, x, (long) k, mask(k));
        assertThat(y.toArray(JAVA_FLOAT)).containsExactly(avx512Sums(w, x, k));
    }

    /** The pairs that are left after steps of 32. */
    private static long mask(int k) {
        return (1L << k % 32 / 2) - 1;
    }

    private static byte[] avx512Dot() {
        Assembler to = new Assembler(); // y rdi, w rsi, x rdx, k rcx, mask of the last pairs r8
        Label loop = to.label(), rest = to.label();
        to.kmovw(K1, R8);
        to.vpxord(zmm(16), zmm(16), zmm(16));
        to.bind(loop);
        to.sub(RCX, 32);
        to.jl(rest);
        to.vmovups(zmm(17), Mem.at(RSI));
        to.vdpbf16ps(zmm(16), zmm(17), Mem.at(RDX));
        to.add(RSI, 64);
        to.add(RDX, 64);
        to.jmp(loop);
        to.bind(rest);
        to.vmovdqu32(zmm(17).zeroed(K1), Mem.at(RSI));
        to.vmovdqu32(zmm(18).zeroed(K1), Mem.at(RDX));
        to.vdpbf16ps(zmm(16), zmm(17), zmm(18));
        to.vmovups(Mem.at(RDI), zmm(16));
        to.vzeroupper();
        to.ret();
        return to.toBytes();
    }

    private static float[] avx512Sums(MemorySegment w, MemorySegment x, int k) {
        float[] sums = new float[16];
        for (int i = 0; i < k; i += 2) {
            int lane = i / 2 % 16;
            sums[lane] = Math.fma(value(w, i + 1), value(x, i + 1), sums[lane]);
            sums[lane] = Math.fma(value(w, i), value(x, i), sums[lane]);
        }
        return sums;
    }

    // ------------------------------------------------------------------ AMX: c [16, 16] += a [16, 32] · b [32, 16]

    @Test
    void amxTileProductEmulated() {
        Emulator emulator = new Emulator(Listing.of(InnerLoopsTest.class, "tiles", tileProduct()));
        MemorySegment c = floats(256), a = gaussian(512), b = gaussian(512), shape = shape();
        float[] expected = product(c, a, b);
        emulator.memory(c, a, b, shape).call(c.address(), a.address(), b.address(), shape.address());
        assertThat(c.toArray(JAVA_FLOAT)).containsExactly(expected);
    }

    @Test
    void amxTileProductOnThisCpu() throws Throwable {
        var type = FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, ADDRESS, ADDRESS);
        MethodHandle multiply = onThisCpu(tileProduct(), type, AMX_TILE, AMX_BF16);
        assumeTrue(CpuFeatures.requestTiles().isEmpty(), CpuFeatures.requestTiles());
        MemorySegment c = arena.allocate(1024, 64), a = integers(512), b = integers(512);
        for (int i = 0; i < 256; i++) c.setAtIndex(JAVA_FLOAT, i, i);
        float[] expected = product(c, a, b);
        multiply.invokeExact(c, a, b, shape());
        assertThat(c.toArray(JAVA_FLOAT)).containsExactly(expected);
    }

    private static byte[] tileProduct() {
        Assembler to = new Assembler(); // c rdi, a rsi, b rdx with its rows interleaved in pairs, shape rcx
        to.ldtilecfg(Mem.at(RCX));
        to.mov32(RAX, 64);
        to.tileloadd(TMM0, Mem.at(RDI, RAX, 1));
        to.tileloadd(TMM6, Mem.at(RSI, RAX, 1));
        to.tileloadd(TMM7, Mem.at(RDX, RAX, 1));
        to.tdpbf16ps(TMM0, TMM6, TMM7);
        to.tilestored(Mem.at(RDI, RAX, 1), TMM0);
        to.tilerelease();
        to.ret();
        return to.toBytes();
    }

    /** Sixteen rows of 64 bytes for the three tiles in use. */
    private MemorySegment shape() {
        MemorySegment shape = arena.allocate(64, 64);
        shape.set(JAVA_BYTE, 0, (byte) 1);
        for (int t : new int[] {0, 6, 7}) {
            shape.set(JAVA_SHORT, 16 + 2 * t, (short) 64);
            shape.set(JAVA_BYTE, 48 + t, (byte) 16);
        }
        return shape;
    }

    private static float[] product(MemorySegment c, MemorySegment a, MemorySegment b) {
        float[] result = new float[256];
        for (int m = 0; m < 16; m++) {
            for (int n = 0; n < 16; n++) {
                float[] sums = new float[2]; // over even and over odd k
                for (int k = 0; k < 32; k++) {
                    float w = value(b, k / 2 * 32 + 2 * n + k % 2);
                    sums[k % 2] = Math.fma(value(a, 32 * m + k), w, sums[k % 2]);
                }
                result[16 * m + n] = c.getAtIndex(JAVA_FLOAT, 16 * m + n) + (sums[0] + sums[1]);
            }
        }
        return result;
    }

    // ------------------------------------------------------------------ data, and this CPU

    private MemorySegment gaussian(int count) {
        return bf16(count, () -> Float.floatToRawIntBits((float) random.nextGaussian()));
    }

    private MemorySegment integers(int count) {
        return bf16(count, () -> Float.floatToRawIntBits(random.nextInt(17) - 8));
    }

    private MemorySegment bf16(int count, IntSupplier bits) {
        MemorySegment made = arena.allocate(2L * count, 64);
        for (int i = 0; i < count; i++) made.setAtIndex(JAVA_SHORT, i, (short) (bits.getAsInt() >> 16));
        return made;
    }

    private MemorySegment floats(int count) {
        MemorySegment made = arena.allocate(MemoryLayout.sequenceLayout(count, JAVA_FLOAT));
        for (int i = 0; i < count; i++) made.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        return made;
    }

    private static float value(MemorySegment bf16, long i) {
        return Float.intBitsToFloat(bf16.getAtIndex(JAVA_SHORT, i) << 16);
    }

    private MethodHandle onThisCpu(byte[] code, FunctionDescriptor type, CpuFeature... needed) {
        assumeTrue(ExecutableMemory.whyNot().isEmpty(), ExecutableMemory.whyNot());
        String missing = CpuFeatures.host().whyNot(needed);
        assumeTrue(missing.isEmpty(), missing);
        return MachineCode.link(code, type, arena).orElseThrow();
    }
}
