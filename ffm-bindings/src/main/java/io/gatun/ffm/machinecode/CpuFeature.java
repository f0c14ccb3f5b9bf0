package io.gatun.ffm.machinecode;

/** Sets of instructions that our kernels use; {@link #flag} is Linux's name. */
public enum CpuFeature {
    AVX2("avx2"),
    FMA("fma"),
    /** {@code vcvtph2ps} */
    F16C("f16c"),
    AVX512F("avx512f"),
    /** Lanes of 8 and 16 bits, masks of 32 and 64. */
    AVX512BW("avx512bw"),
    /** AVX-512's instructions at 128 and 256 bits. */
    AVX512VL("avx512vl"),
    /** {@code vpermi2b}, {@code vpermt2b} */
    AVX512VBMI("avx512vbmi"),
    /** {@code vdpbf16ps}, {@code vcvtneps2bf16} */
    AVX512BF16("avx512_bf16"),
    AMX_TILE("amx_tile"),
    /** {@code tdpbf16ps} */
    AMX_BF16("amx_bf16");

    private final String flag;

    CpuFeature(String flag) {
        this.flag = flag;
    }

    /** The word in {@code /proc/cpuinfo}. */
    public String flag() {
        return flag;
    }
}
