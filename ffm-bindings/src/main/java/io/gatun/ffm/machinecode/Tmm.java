package io.gatun.ffm.machinecode;

/** The eight tiles of AMX: up to 16 rows of up to 64 bytes each, as the last {@code ldtilecfg} shaped them. */
public enum Tmm {
    TMM0,
    TMM1,
    TMM2,
    TMM3,
    TMM4,
    TMM5,
    TMM6,
    TMM7
}
