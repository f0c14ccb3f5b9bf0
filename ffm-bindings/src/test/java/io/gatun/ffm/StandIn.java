package io.gatun.ffm;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.cuda.CudaDevice;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * A GPU for tests: libraries of our own that stand in for NVIDIA's, built by g++ when a test first asks ({@code src/test/native}), so that
 * the same Java runs as on a card. With the property {@code gatun.cuda.real=true} it is the machine's own GPU instead. Without g++, or
 * without that GPU, tests are skipped and say so. A JVM has one or the other: libraries are opened once.
 */
public final class StandIn {
    private static final Path ROOT = Path.of(System.getProperty("gatun.root"));
    private static final Path SOURCES = ROOT.resolve("ffm-bindings/src/test/native");
    private static final Path HEADERS = ROOT.resolve("native/src/test/native");
    private static final Path FOLDER = ROOT.resolve("ffm-bindings/target/stand-in");
    private static final String WHY_NOT = prepare();

    private StandIn() {}

    /** Skips the test where there is no GPU, nor anything that stands in for one; asked before any class of the bindings is used. */
    public static void require() {
        assumeTrue(WHY_NOT.isEmpty(), WHY_NOT);
    }

    /** The test's GPU, which the test closes. */
    public static CudaDevice device() {
        require();
        return CudaDevice.open(0).orElseThrow();
    }

    /** Whether tests run on the machine's own GPU. */
    public static boolean isReal() {
        return Boolean.getBoolean("gatun.cuda.real");
    }

    /** Where tests keep compiled kernels; what stands in for a GPU has other ones whenever its header changes. */
    public static Path cubins() {
        if (isReal()) return FOLDER.resolveSibling("cubin");
        try {
            return FOLDER.resolve("cubin-"
                    + Files.getLastModifiedTime(HEADERS.resolve("cuda_on_cpu.h"))
                            .toMillis());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String prepare() {
        if (isReal()) return CudaDevice.why(0);
        if (tool("g++").isEmpty()) return "there is no g++ on the PATH to build what stands in for a GPU";
        try {
            Files.createDirectories(FOLDER);
            try (FileChannel lock =
                    FileChannel.open(FOLDER.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                lock.lock(); // other JVMs may build too
                build();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        System.setProperty("gatun.cuda.path", FOLDER.toString());
        return "";
    }

    private static void build() throws IOException {
        String compiler = "g++ -std=c++17 -O2 -g -ffp-contract=off -fPIC -shared -I" + HEADERS;
        List<String> common =
                List.of("g++", "-std=c++17", "-O3", "-g", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared");
        library(common, "stand_in_cuda.cpp", "libcuda.so.1", "-Wl,-soname,libcuda.so.1", "-ldl");
        library(common, "stand_in_nvrtc.cpp", "libnvrtc.so.13", "-DCOMPILER=\"" + compiler + "\"");
        String driver = FOLDER.resolve("libcuda.so.1").toString();
        library(common, "stand_in_cublaslt.cpp", "libcublasLt.so.13", driver, "-Wl,-rpath,$ORIGIN");
        library(common, "stand_in_nccl.cpp", "libnccl.so.2", driver, "-Wl,-rpath,$ORIGIN");
    }

    private static void library(List<String> common, String source, String file, String... more) throws IOException {
        Path library = FOLDER.resolve(file), from = SOURCES.resolve(source);
        List<String> command = new ArrayList<>(common);
        command.addAll(List.of("-o", library.toString(), from.toString()));
        command.addAll(List.of(more));
        Path stamp = FOLDER.resolve(file + ".made");
        String made = String.join(" ", command)
                + Files.getLastModifiedTime(from)
                + Files.getLastModifiedTime(SOURCES.resolve("stand_in.h"));
        if (Files.exists(library)
                && Files.exists(stamp)
                && Files.readString(stamp).equals(made)) return;
        run(command);
        Files.writeString(stamp, made);
    }

    /** Runs a command and gives what it prints; fails when it fails. */
    public static String run(List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes());
            if (process.waitFor() != 0) throw new IllegalStateException(String.join(" ", command) + "\n" + output);
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The program of that name on the PATH; empty where there is none. */
    public static String tool(String name) {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path file = Path.of(folder, name);
            if (Files.isExecutable(file)) return file.toString();
        }
        return "";
    }
}
