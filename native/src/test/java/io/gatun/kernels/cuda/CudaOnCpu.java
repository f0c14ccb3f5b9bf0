package io.gatun.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * One file of kernels, compiled by g++ and run on the CPU as {@code cuda_on_cpu.h} does it. Where the environment has {@code
 * GATUN_CUDA_SANITIZE}, accesses are checked too; native/README.md has the whole command.
 */
public final class CudaOnCpu {
    private static final Path HEADER =
            Path.of(System.getProperty("gatun.root"), "native", "src", "test", "native", "cuda_on_cpu.h");

    private final SymbolLookup library;
    private final MethodHandle launch;
    private final MethodHandle reverse;

    private CudaOnCpu(Path library) {
        this.library = SymbolLookup.libraryLookup(library, Arena.global());
        launch = handle(
                "cuda_on_cpu__launch",
                FunctionDescriptor.of(
                        ADDRESS, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
                        JAVA_LONG));
        reverse = handle("cuda_on_cpu__reverse", FunctionDescriptor.ofVoid(JAVA_INT));
    }

    private MethodHandle handle(String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), descriptor);
    }

    /** Why kernels cannot be compiled here; null when they can. */
    public static String whyNot() {
        return Tool.find("g++").isPresent() ? null : "no g++ on the PATH, so CUDA kernels are not run on the CPU";
    }

    /** The kernels of {@code file}.cu. */
    public static CudaOnCpu open(String file) {
        return compile(file, KernelSources.source(file));
    }

    /** Kernels in a text that needs nothing else. */
    static CudaOnCpu compile(String name, String source) {
        StringBuilder unit = new StringBuilder("#include \"cuda_on_cpu.h\"\n").append(source);
        for (String kernel : KernelSources.kernels(source)) unit.append("CUDA_ON_CPU_EXPORT(" + kernel + ")\n");
        try {
            return new CudaOnCpu(library(name, unit.toString()));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path library(String name, String unit) throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(List.of(Tool.find("g++").orElseThrow().toString()));
        command.addAll(
                List.of("-std=c++17", "-O2", "-g1", "-ffp-contract=off", "-fPIC", "-shared", "-fvisibility=hidden"));
        command.addAll(List.of("-Wall", "-Werror", "-Wno-unused-function", "-Wno-unknown-pragmas"));
        if (System.getenv("GATUN_CUDA_SANITIZE") != null) {
            command.addAll(List.of("-fsanitize=address", "-fsanitize-sections=cuda_shared"));
        }
        String digest = Tool.digest(unit, Files.readString(HEADER), command.toString());
        Path folder = Tool.folder("cuda-on-cpu");
        Path library = folder.resolve(name + "-" + digest + ".so");
        if (Files.exists(library)) return library;
        Path source = Files.writeString(folder.resolve(name + "-" + digest + ".cpp"), unit);
        Path fresh = folder.resolve(name + "-" + digest + ".new");
        command.addAll(List.of("-I" + HEADER.getParent(), "-o", fresh.toString(), source.toString()));
        Tool.run(command);
        return Files.move(fresh, library, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Turns the order round in which the threads of a block run. */
    public void reverse(boolean reversed) {
        try {
            reverse.invokeExact(reversed ? 1 : 0);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /**
     * Runs a kernel; blocks of {@code threads} threads in one dimension.
     *
     * @param sharedBytes dynamic shared memory
     * @param arguments in the kernel's order: {@code MemorySegment} (or null) for pointers, {@code Integer}, {@code Long}, {@code
     *     Float}, {@code Double} for numbers
     * @throws AssertionError when the arguments are not the kernel's or the launch is not sound
     */
    public void launch(
            String kernel, int gridX, int gridY, int gridZ, int threads, long sharedBytes, Object... arguments) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment slots = arena.allocate(ADDRESS, Math.max(1, arguments.length));
            StringBuilder given = new StringBuilder();
            for (int i = 0; i < arguments.length; i++) {
                slots.setAtIndex(ADDRESS, i, argument(arena, arguments[i], given));
            }
            String expected = parameters(kernel);
            if (!expected.contentEquals(given)) {
                throw new AssertionError(kernel + " takes " + expected + " and is given " + given);
            }
            MemorySegment why = (MemorySegment) launch.invokeExact(
                    library.findOrThrow(kernel + "__invoke"), slots, gridX, gridY, gridZ, threads, 1, 1, sharedBytes);
            if (why.address() != 0) throw new AssertionError(kernel + ": " + text(why));
        } catch (AssertionError e) {
            throw e;
        } catch (Throwable t) {
            throw new AssertionError(kernel, t);
        }
    }

    /** The letters of a kernel's parameters: p pointer, i int, l long, f float, d double. */
    private String parameters(String kernel) throws Throwable {
        MethodHandle handle = handle(kernel + "__parameters", FunctionDescriptor.of(ADDRESS));
        return text((MemorySegment) handle.invokeExact());
    }

    private static MemorySegment argument(Arena arena, Object value, StringBuilder letters) {
        return switch (value) {
            case null -> {
                letters.append('p');
                yield arena.allocateFrom(ADDRESS, MemorySegment.NULL);
            }
            case MemorySegment segment -> {
                letters.append('p');
                yield arena.allocateFrom(ADDRESS, segment);
            }
            case Integer i -> {
                letters.append('i');
                yield arena.allocateFrom(JAVA_INT, i);
            }
            case Long l -> {
                letters.append('l');
                yield arena.allocateFrom(JAVA_LONG, l);
            }
            case Float f -> {
                letters.append('f');
                yield arena.allocateFrom(JAVA_FLOAT, f);
            }
            case Double d -> {
                letters.append('d');
                yield arena.allocateFrom(JAVA_DOUBLE, d);
            }
            default -> throw new IllegalArgumentException("no argument of a kernel: " + value);
        };
    }

    private static String text(MemorySegment string) {
        return string.reinterpret(1 << 16).getString(0);
    }
}
