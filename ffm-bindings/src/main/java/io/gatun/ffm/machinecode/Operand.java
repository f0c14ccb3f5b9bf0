package io.gatun.ffm.machinecode;

/** What most vector instructions take as their last source: a register or memory. */
public sealed interface Operand permits Vec, Mem {}
