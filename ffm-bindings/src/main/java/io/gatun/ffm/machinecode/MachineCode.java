package io.gatun.ffm.machinecode;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Assembled functions as method handles. A function follows the System V calling convention (see {@link Gpr}). Make its
 * integers {@code long}: the upper half of an {@code int} argument is undefined. Call it with {@code invokeExact} from a
 * {@code static final} handle; {@code Linker.Option.critical(false)} makes a call cheaper by some nanoseconds and keeps the
 * garbage collector waiting meanwhile, so it is for calls of less than about ten microseconds.
 */
public final class MachineCode {
    private MachineCode() {}

    /**
     * {@code code} as a function that stays as long as the process; empty where this process cannot run machine code, and
     * {@link ExecutableMemory#whyNot} says why. The caller has made sure that the CPU has the instructions.
     */
    public static Optional<MethodHandle> link(byte[] code, FunctionDescriptor type, Linker.Option... options) {
        return link(code, type, Arena.global(), options);
    }

    /** {@code code} as a function that can be called until {@code arena} closes, and no longer. */
    public static Optional<MethodHandle> link(
            byte[] code, FunctionDescriptor type, Arena arena, Linker.Option... options) {
        return ExecutableMemory.load(code, arena)
                .map(memory -> Linker.nativeLinker().downcallHandle(memory, type, options));
    }
}
