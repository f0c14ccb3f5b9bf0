package io.gatun.ffm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The committed text against the headers of this machine. */
class AbiProbeTest {
    @Test
    void theHeadersSayTheSame(@TempDir Path folder) {
        assumeTrue(!StandIn.tool("gcc").isEmpty(), "there is no gcc on the PATH");
        Set<Path> includes = new LinkedHashSet<>();
        String chosen = System.getenv("GATUN_CUDA_PATH"); // other tests may have set the property, which comes first
        if (chosen != null) addIncludes(includes, Path.of(chosen));
        for (String library : CudaFolders.candidates("any"))
            addIncludes(includes, Path.of(library).getParent());
        for (String header : List.of("cuda.h", "nvrtc.h", "cublasLt.h", "nccl.h")) {
            boolean found = includes.stream().anyMatch(include -> Files.exists(include.resolve(header)));
            assumeTrue(found, header + " is in none of " + includes);
        }
        Path probe = folder.resolve("abi_probe");
        List<String> command = new ArrayList<>(List.of("gcc", "-std=gnu11", "-o", probe.toString()));
        for (Path include : includes) command.add("-I" + include);
        command.add(Path.of(System.getProperty("gatun.root"), "native/abi/abi_probe.c")
                .toString());
        StandIn.run(command);
        assertThat(StandIn.run(List.of(probe.toString()))).isEqualTo(Abi.text());
    }

    private static void addIncludes(Set<Path> includes, Path lib) {
        if (lib != null && Files.isDirectory(lib.resolveSibling("include")))
            includes.add(lib.resolveSibling("include"));
    }
}
