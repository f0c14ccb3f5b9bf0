package io.gatun.ffm.machinecode;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Memory that the CPU may execute. It is mapped writable, filled, and then made executable and read-only: never both at once,
 * which hardened systems refuse. Linux on x86-64 only.
 */
public final class ExecutableMemory {
    private static final String ACCESS = "--enable-native-access=io.gatun.ffm (ALL-UNNAMED on a class path)";

    private ExecutableMemory() {}

    /**
     * A copy of {@code code} that can run, until {@code arena} closes. With {@link Arena#global} it stays as long as the
     * process. Empty where this machine or this process cannot run machine code at all: {@link #whyNot} then says why.
     *
     * @throws MachineCodeException if it could before and the system has no more memory
     */
    public static Optional<MemorySegment> load(byte[] code, Arena arena) {
        return whyNot().isEmpty() ? Optional.of(map(code, arena)) : Optional.empty();
    }

    /** Why this process cannot run machine code; an empty text where it can. Tried once, with a function of six bytes. */
    public static String whyNot() {
        return Probe.REFUSAL;
    }

    private static MemorySegment map(byte[] code, Arena arena) {
        long size = Math.max(1, code.length);
        MemorySegment memory = MemorySegment.ofAddress(LinuxCalls.mmap(size)).reinterpret(size);
        try {
            MemorySegment.copy(code, 0, memory, JAVA_BYTE, 0, code.length);
            LinuxCalls.mprotect(memory, LinuxCalls.PROT_READ | LinuxCalls.PROT_EXEC);
            return memory.reinterpret(arena, LinuxCalls::munmap);
        } catch (RuntimeException refused) {
            LinuxCalls.munmap(memory);
            throw refused;
        }
    }

    /** The answer to {@link #whyNot}, found when it is first asked for. */
    private static final class Probe {
        static final String REFUSAL = refusal();

        private static String refusal() {
            String system = System.getProperty("os.name"), cpu = System.getProperty("os.arch");
            if (!system.equals("Linux") || !cpu.equals("amd64")) {
                return "machine code is made for Linux on x86-64 (amd64); this is " + system + " on " + cpu;
            }
            var answer = new Assembler(); // int answer(void)
            answer.mov32(Gpr.RAX, 158);
            answer.ret();
            try (Arena arena = Arena.ofConfined()) {
                var function = Linker.nativeLinker()
                        .downcallHandle(map(answer.toBytes(), arena), FunctionDescriptor.of(JAVA_INT));
                int result = (int) function.invokeExact();
                return result == 158 ? "" : "a function that returns 158 returned " + result;
            } catch (Throwable refused) {
                Throwable cause = refused instanceof ExceptionInInitializerError ? refused.getCause() : refused;
                return cause instanceof IllegalCallerException
                        ? "native access is denied to this program; " + ACCESS + " grants it"
                        : "this system does not let a process run machine code that it made: " + cause.getMessage();
            }
        }
    }
}
