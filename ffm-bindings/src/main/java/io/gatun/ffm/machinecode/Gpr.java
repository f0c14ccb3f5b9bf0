package io.gatun.ffm.machinecode;

/**
 * The sixteen general registers, in the order of their numbers. The System V calling convention passes integers and addresses
 * in rdi, rsi, rdx, rcx, r8, r9; a function may change those, rax, r10 and r11, and must keep rbx, rbp, rsp and r12 to r15.
 */
public enum Gpr {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15
}
