package io.gatun.ffm.nvrtc;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.ffm.CudaFolders;
import io.gatun.ffm.NativeLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** NVRTC's functions as they are in C, in the order of nvrtc.h. Statuses other than 0 are thrown as {@link NvrtcException}. */
final class NvrtcCalls {
    static final int SUCCESS = 0;

    static final NativeLibrary LIBRARY =
            NativeLibrary.open("NVRTC", CudaFolders.candidates("libnvrtc.so.13", "libnvrtc.so.12"));

    private static final MethodHandle VERSION = LIBRARY.status("nvrtcVersion", ADDRESS, ADDRESS);
    private static final MethodHandle CREATE_PROGRAM =
            LIBRARY.status("nvrtcCreateProgram", ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
    private static final MethodHandle COMPILE_PROGRAM =
            LIBRARY.status("nvrtcCompileProgram", JAVA_LONG, JAVA_INT, ADDRESS);
    private static final MethodHandle GET_PROGRAM_LOG_SIZE =
            LIBRARY.status("nvrtcGetProgramLogSize", JAVA_LONG, ADDRESS);
    private static final MethodHandle GET_PROGRAM_LOG = LIBRARY.status("nvrtcGetProgramLog", JAVA_LONG, ADDRESS);
    private static final MethodHandle GET_CUBIN_SIZE = LIBRARY.status("nvrtcGetCUBINSize", JAVA_LONG, ADDRESS);
    private static final MethodHandle GET_CUBIN = LIBRARY.status("nvrtcGetCUBIN", JAVA_LONG, ADDRESS);
    private static final MethodHandle DESTROY_PROGRAM = LIBRARY.status("nvrtcDestroyProgram", ADDRESS);
    private static final MethodHandle GET_ERROR_STRING =
            LIBRARY.handle("nvrtcGetErrorString", FunctionDescriptor.of(ADDRESS, JAVA_INT));

    private NvrtcCalls() {}

    /** {@code nvrtcResult nvrtcVersion(int *major, int *minor)} */
    static void nvrtcVersion(MemorySegment major, MemorySegment minor) {
        try {
            check("nvrtcVersion", (int) VERSION.invokeExact(major, minor));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code nvrtcResult nvrtcCreateProgram(nvrtcProgram *program, const char *source, const char *name, int headers, const
     * char **sources, const char **names)}
     */
    static void nvrtcCreateProgram(
            MemorySegment program,
            MemorySegment source,
            MemorySegment name,
            int headers,
            MemorySegment sources,
            MemorySegment names) {
        try {
            check("nvrtcCreateProgram", (int)
                    CREATE_PROGRAM.invokeExact(program, source, name, headers, sources, names));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char **options)} */
    static int nvrtcCompileProgram(long program, int count, MemorySegment options) {
        try {
            return (int) COMPILE_PROGRAM.invokeExact(program, count, options);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t *bytes)} */
    static void nvrtcGetProgramLogSize(long program, MemorySegment bytes) {
        try {
            check("nvrtcGetProgramLogSize", (int) GET_PROGRAM_LOG_SIZE.invokeExact(program, bytes));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char *log)} */
    static void nvrtcGetProgramLog(long program, MemorySegment log) {
        try {
            check("nvrtcGetProgramLog", (int) GET_PROGRAM_LOG.invokeExact(program, log));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t *bytes)} */
    static void nvrtcGetCUBINSize(long program, MemorySegment bytes) {
        try {
            check("nvrtcGetCUBINSize", (int) GET_CUBIN_SIZE.invokeExact(program, bytes));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char *cubin)} */
    static void nvrtcGetCUBIN(long program, MemorySegment cubin) {
        try {
            check("nvrtcGetCUBIN", (int) GET_CUBIN.invokeExact(program, cubin));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code nvrtcResult nvrtcDestroyProgram(nvrtcProgram *program)} */
    static void nvrtcDestroyProgram(MemorySegment program) {
        try {
            check("nvrtcDestroyProgram", (int) DESTROY_PROGRAM.invokeExact(program));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code const char *nvrtcGetErrorString(nvrtcResult result)} */
    static String nvrtcGetErrorString(int status) {
        try {
            return NativeLibrary.text((MemorySegment) GET_ERROR_STRING.invokeExact(status));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    private static void check(String call, int status) {
        if (status != SUCCESS) throw new NvrtcException(call, status, "");
    }
}
