package io.gatun.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Every file compiles for a Hopper card without a warning, and no kernel spills registers. */
class NvccTest {
    private static final List<String> FILES = KernelSources.FILES;

    @ParameterizedTest
    @FieldSource("FILES")
    void compilesForHopper(String file) throws Exception {
        assumeTrue(Tool.find("nvcc").isPresent(), "no nvcc on the PATH or in /usr/local/cuda");
        String source = KernelSources.source(file);
        assertThat(KernelSources.kernels(source)).isNotEmpty();
        List<String> command = List.of(
                Tool.find("nvcc").get().toString(),
                "-arch=sm_90a",
                "-cubin",
                "-std=c++17",
                "-Werror=all-warnings",
                "-Xptxas=--warn-on-spills,--warn-on-local-memory-usage,--warning-as-error");
        Path folder = Tool.folder("nvcc");
        Path cubin = folder.resolve(file + "-" + Tool.digest(source, command.toString()) + ".cubin");
        if (Files.exists(cubin)) return;
        Path text = Files.writeString(folder.resolve(file + ".cu"), source);
        Path fresh = folder.resolve(file + ".new");
        Tool.run(java.util.stream.Stream.concat(
                        command.stream(), java.util.stream.Stream.of("-o", fresh.toString(), text.toString()))
                .toList());
        Files.move(fresh, cubin);
    }
}
