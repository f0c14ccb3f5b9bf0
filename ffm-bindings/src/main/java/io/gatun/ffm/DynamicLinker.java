package io.gatun.ffm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The C library's dlopen and its kin. {@link java.lang.foreign.SymbolLookup#libraryLookup} does the same but keeps the reason of a
 * failure to itself.
 */
final class DynamicLinker {
    private static final int RTLD_LAZY = 1;
    private static final int RTLD_DI_LINKMAP = 2;
    private static final long NAME = 8; // of struct link_map: char *l_name
    private static final int LONGEST = 4096;

    private static final MethodHandle DLOPEN = handle("dlopen", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_INT));
    private static final MethodHandle DLSYM = handle("dlsym", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle DLERROR = handle("dlerror", FunctionDescriptor.of(ADDRESS));
    private static final MethodHandle DLINFO =
            handle("dlinfo", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS));

    private DynamicLinker() {}

    private static MethodHandle handle(String name, FunctionDescriptor type) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
    }

    /** {@code void *dlopen(const char *filename, int flags)}: 0 where it fails, and {@link #dlerror} tells why. */
    static long dlopen(String file) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) DLOPEN.invokeExact(arena.allocateFrom(file), RTLD_LAZY);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code void *dlsym(void *handle, const char *symbol)}: 0 where there is none. */
    static long dlsym(long library, String symbol) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) DLSYM.invokeExact(library, arena.allocateFrom(symbol));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code char *dlerror(void)}: the reason of this thread's last failure. */
    static String dlerror() {
        try {
            return text((MemorySegment) DLERROR.invokeExact());
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** The file of an open library; {@code int dlinfo(void *handle, int request, void *info)}. */
    static String file(long library) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment map = arena.allocate(ADDRESS);
            int failed = (int) DLINFO.invokeExact(library, RTLD_DI_LINKMAP, map);
            if (failed != 0) return "";
            return text(
                    map.get(ADDRESS, 0).reinterpret(NAME + ADDRESS.byteSize()).get(ADDRESS, NAME));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** The C string at {@code address}; empty for NULL. */
    static String text(MemorySegment address) {
        return address.address() == 0 ? "" : address.reinterpret(LONGEST).getString(0);
    }
}
