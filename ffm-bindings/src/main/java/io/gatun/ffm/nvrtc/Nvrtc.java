package io.gatun.ffm.nvrtc;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.ffm.NativeException;
import io.gatun.ffm.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The compiler of CUDA C. It needs no GPU. */
public final class Nvrtc {
    private final String version;

    private Nvrtc() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment major = arena.allocate(JAVA_INT), minor = arena.allocate(JAVA_INT);
            NvrtcCalls.nvrtcVersion(major, minor);
            version = major.get(JAVA_INT, 0) + "." + minor.get(JAVA_INT, 0);
        }
        // NVRTC opens its second half by name only, and only when it first compiles; one that is open already is found
        Path builtins = NvrtcCalls.LIBRARY.path().resolveSibling("libnvrtc-builtins.so." + version);
        NativeLibrary.open("NVRTC's builtins", List.of(builtins.toString()));
    }

    /** The compiler of this machine; empty where there is none, and {@link #why} tells why. */
    public static Optional<Nvrtc> open() {
        return why().isEmpty() ? Optional.of(new Nvrtc()) : Optional.empty();
    }

    /** Why there is no compiler; empty when there is one. */
    public static String why() {
        return NvrtcCalls.LIBRARY.why();
    }

    public static NativeLibrary library() {
        return NvrtcCalls.LIBRARY;
    }

    /** The compiler's version, such as 13.0. */
    public String version() {
        return version;
    }

    /**
     * Compiles a source to machine code of the GPU that an option {@code --gpu-architecture=sm_90a} names.
     *
     * @param name what messages call the source
     * @throws NvrtcException when it does not compile; the message ends with the compiler's log
     */
    public byte[] compile(String name, String source, List<String> options) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            MemorySegment none = MemorySegment.NULL;
            NvrtcCalls.nvrtcCreateProgram(out, arena.allocateFrom(source), arena.allocateFrom(name), 0, none, none);
            try {
                return compile(name, out.get(JAVA_LONG, 0), options, arena);
            } finally {
                NvrtcCalls.nvrtcDestroyProgram(out);
            }
        }
    }

    private static byte[] compile(String name, long program, List<String> options, Arena arena) {
        MemorySegment texts = arena.allocate(ADDRESS, Math.max(1, options.size()));
        for (int i = 0; i < options.size(); i++) texts.setAtIndex(ADDRESS, i, arena.allocateFrom(options.get(i)));
        int status = NvrtcCalls.nvrtcCompileProgram(program, options.size(), texts);
        if (status != NvrtcCalls.SUCCESS) {
            throw new NvrtcException("nvrtcCompileProgram of " + name, status, log(program, arena));
        }
        MemorySegment size = arena.allocate(JAVA_LONG);
        NvrtcCalls.nvrtcGetCUBINSize(program, size);
        if (size.get(JAVA_LONG, 0) == 0) {
            throw new NativeException(
                    "%s was compiled to no machine code: the options %s name no --gpu-architecture=sm_..."
                            .formatted(name, options));
        }
        MemorySegment cubin = arena.allocate(size.get(JAVA_LONG, 0));
        NvrtcCalls.nvrtcGetCUBIN(program, cubin);
        return cubin.toArray(JAVA_BYTE);
    }

    private static String log(long program, Arena arena) {
        MemorySegment size = arena.allocate(JAVA_LONG);
        NvrtcCalls.nvrtcGetProgramLogSize(program, size);
        MemorySegment text = arena.allocate(Math.max(1, size.get(JAVA_LONG, 0)));
        NvrtcCalls.nvrtcGetProgramLog(program, text);
        return text.getString(0).strip();
    }
}
