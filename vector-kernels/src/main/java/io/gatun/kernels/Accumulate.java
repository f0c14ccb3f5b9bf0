package io.gatun.kernels;

/** Whether an output is written or added to: several producers may feed one input. */
public enum Accumulate {
    WRITE,
    ADD
}
