package io.gatun.ffm.nvrtc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.NativeException;
import io.gatun.ffm.StandIn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The compiler, which needs no GPU, so the real one is tested wherever it is. */
class NvrtcTest {
    private static final List<String> HOPPER = List.of("--gpu-architecture=sm_90a");
    private static final String SOURCE = "extern \"C\" __global__ void one(int* to) { *to = 1; }";
    private static Nvrtc nvrtc;

    @BeforeAll
    static void open() {
        if (!StandIn.isReal()) StandIn.require();
        assumeTrue(Nvrtc.why().isEmpty(), Nvrtc.why());
        nvrtc = Nvrtc.open().orElseThrow();
    }

    @Test
    void compiles() {
        byte[] cubin = nvrtc.compile("one.cu", SOURCE, HOPPER);
        assertThat(cubin).startsWith((byte) 0x7f, (byte) 'E', (byte) 'L', (byte) 'F');
        assertThat(nvrtc.version()).matches("1[2-9]\\.\\d+");
        assertThat(Nvrtc.library().path()).isNotNull();
    }

    @Test
    void showsTheLog() {
        assertThatThrownBy(() ->
                        nvrtc.compile("wrong.cu", "extern \"C\" __global__ void one() { undeclared = 1; }", HOPPER))
                .isInstanceOf(NvrtcException.class)
                .hasMessageStartingWith("nvrtcCompileProgram of wrong.cu: NVRTC_ERROR_COMPILATION (6)\n")
                .hasMessageContaining("undeclared");
        assertThatThrownBy(() -> nvrtc.compile("one.cu", SOURCE, List.of("gpu")))
                .isInstanceOf(NvrtcException.class)
                .hasMessageContaining("NVRTC_ERROR_INVALID_OPTION (5)");
        assertThatThrownBy(() -> nvrtc.compile("one.cu", SOURCE, List.of("--gpu-architecture=compute_90")))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining("one.cu was compiled to no machine code");
    }

    @Test
    void keepsWhatItCompiled(@TempDir Path folder) throws IOException {
        CubinCache cache = new CubinCache(folder.resolve("cubin"));
        byte[] first = cache.compile(nvrtc, "one.cu", SOURCE, HOPPER);
        Path file = onlyFile(folder.resolve("cubin"));
        assertThat(Files.readAllBytes(file)).isEqualTo(first);
        Files.write(file, new byte[] {5}); // so that a second compilation would show
        assertThat(cache.compile(nvrtc, "one.cu", SOURCE, HOPPER)).containsExactly(5);
        assertThat(cache.compile(nvrtc, "one.cu", SOURCE + "\n", HOPPER)).hasSizeGreaterThan(1);
        assertThat(cache.compile(nvrtc, "one.cu", SOURCE, List.of(HOPPER.getFirst(), "--std=c++17")))
                .hasSizeGreaterThan(1);
    }

    @Test
    void doesWithoutAFolderThatItCannotWrite(@TempDir Path folder) throws IOException {
        Path occupied = Files.createFile(folder.resolve("cubin"));
        assertThat(new CubinCache(occupied).compile(nvrtc, "one.cu", SOURCE, HOPPER))
                .hasSizeGreaterThan(1);
    }

    private static Path onlyFile(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> all = files.toList();
            assertThat(all).hasSize(1);
            return all.getFirst();
        }
    }
}
