package io.gatun.ffm.machinecode;

/** The AVX-512 mask registers. As the mask of an instruction {@link #K0} means none: every lane takes part. */
public enum Mask {
    K0,
    K1,
    K2,
    K3,
    K4,
    K5,
    K6,
    K7
}
