package io.gatun.ffm.machinecode;

import static io.gatun.ffm.machinecode.CpuFeature.*;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CpuFeaturesTest {
    @Test
    void flagsAreWholeWordsOfTheFirstCpu() {
        CpuFeatures cpu = CpuFeatures.parse(Stream.of(
                "processor\t: 0",
                "flags\t\t: fpu fma avx2 avx512vbmi2 avx512_bf16",
                "processor\t: 1",
                "flags\t: f16c"));
        assertThat(cpu.all()).containsExactly(AVX2, FMA, AVX512BF16);
        assertThat(cpu.has(AVX2, FMA)).isTrue();
        assertThat(cpu.has(AVX2, F16C)).isFalse();
        assertThat(cpu.whyNot(AVX2)).isEmpty();
        assertThat(cpu.whyNot(AVX2, AMX_TILE, AMX_BF16)).isEqualTo("this CPU has no amx_tile, amx_bf16");
        assertThat(cpu).hasToString("avx2 fma avx512_bf16");
    }

    @Test
    void aFileWithoutFlagsIsSaidToBe() {
        CpuFeatures cpu = CpuFeatures.parse(Stream.of("Features : asimd"));
        assertThat(cpu.all()).isEmpty();
        assertThat(cpu.whyNot(AVX2)).contains("unknown", "/proc/cpuinfo");
    }

    /** A machine either has tiles to give or says why not; both answers stay the same. */
    @Test
    void tilesAreAskedForOnce() {
        String answer = CpuFeatures.requestTiles();
        assertThat(CpuFeatures.requestTiles()).isSameAs(answer);
        if (!CpuFeatures.host().has(AMX_TILE, AMX_BF16)) assertThat(answer).isNotEmpty();
    }
}
