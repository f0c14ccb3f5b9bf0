package io.gatun.ffm.machinecode;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/** The four calls of Linux's C library that machine code needs; each gives 0 or an address, or throws with the error number. */
final class LinuxCalls {
    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int PROT_EXEC = 4;
    private static final int MAP_PRIVATE = 2;
    private static final int MAP_ANONYMOUS = 0x20;

    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = STATE.varHandle(PathElement.groupElement("errno"));
    private static final MethodHandle MMAP = handle(
            "mmap", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MPROTECT =
            handle("mprotect", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle MUNMAP = handle("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle SYSCALL = handle(
            "syscall",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
            Linker.Option.firstVariadicArg(1));

    private LinuxCalls() {}

    /** {@code void *mmap(NULL, size_t length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)} */
    static long mmap(long length) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            int access = PROT_READ | PROT_WRITE, kind = MAP_PRIVATE | MAP_ANONYMOUS;
            return check("mmap", state, (long) MMAP.invokeExact(state, 0L, length, access, kind, -1, 0L));
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@code int mprotect(void *addr, size_t len, int prot)} */
    static void mprotect(MemorySegment memory, int access) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            check("mprotect", state, (int) MPROTECT.invokeExact(state, memory, memory.byteSize(), access));
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@code int munmap(void *addr, size_t length)} */
    static void munmap(MemorySegment memory) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            check("munmap", state, (int) MUNMAP.invokeExact(state, memory, memory.byteSize()));
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    /** {@code long syscall(long number, a, b)}: for calls that the C library has no function for. */
    static long syscall(long number, long a, long b) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            return check("syscall " + number, state, (long) SYSCALL.invokeExact(state, number, a, b));
        } catch (Throwable t) {
            throw rethrow(t);
        }
    }

    private static MethodHandle handle(String name, FunctionDescriptor type, Linker.Option... more) {
        Linker linker = Linker.nativeLinker();
        Linker.Option[] options = new Linker.Option[more.length + 1];
        options[0] = Linker.Option.captureCallState("errno");
        System.arraycopy(more, 0, options, 1, more.length);
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type, options);
    }

    private static long check(String call, MemorySegment state, long result) {
        if (result != -1) return result;
        throw new MachineCodeException(call + " failed with error number " + (int) ERRNO.get(state, 0L));
    }

    private static RuntimeException rethrow(Throwable t) {
        if (t instanceof Error error) throw error;
        if (t instanceof RuntimeException failed) return failed;
        return new MachineCodeException("a call of the C library failed", t);
    }
}
