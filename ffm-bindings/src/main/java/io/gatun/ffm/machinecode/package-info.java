/**
 * Machine code made while the program runs: an assembler for the x86-64 instructions our inner loops need, executable memory
 * to put them in, and what this CPU can run. No compiler and no native library is involved.
 *
 * <pre>{@code
 * var a = new Assembler();                     // void add(float *y, float *x, long vectors), System V: rdi, rsi, rdx
 * Label loop = a.here();
 * a.vmovups(ymm(0), Mem.at(RDI));
 * a.vaddps(ymm(0), ymm(0), Mem.at(RSI));
 * a.vmovups(Mem.at(RDI), ymm(0));
 * a.add(RDI, 32);
 * a.add(RSI, 32);
 * a.dec(RDX);
 * a.jnz(loop);
 * a.vzeroupper();
 * a.ret();
 * Optional<MethodHandle> add = MachineCode.link(a.toBytes(), FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, JAVA_LONG));
 * }</pre>
 */
package io.gatun.ffm.machinecode;
