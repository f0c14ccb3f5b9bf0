package io.gatun.ffm.machinecode;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.FunctionDescriptor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Where machine code cannot run, all that asks for it gets a sentence. Each case needs a JVM of its own. */
class RefusalTest {
    /** What such a JVM runs. */
    static final class Main {
        private Main() {}

        public static void main(String[] arguments) {
            System.out.println(ExecutableMemory.whyNot());
            System.out.println(MachineCode.link(new byte[] {(byte) 0xc3}, FunctionDescriptor.of(JAVA_INT)));
            System.out.println(CpuFeatures.requestTiles());
        }
    }

    @Test
    void aProgramWithoutNativeAccess() throws Exception {
        assumeTrue(ExecutableMemory.whyNot().isEmpty(), ExecutableMemory.whyNot());
        String why = "native access is denied to this program; "
                + "--enable-native-access=io.gatun.ffm (ALL-UNNAMED on a class path) grants it";
        assertThat(linesOf("--illegal-native-access=deny")).containsExactly(why, "Optional.empty", why);
    }

    @Test
    void anotherSystem() throws Exception {
        String why = "machine code is made for Linux on x86-64 (amd64); this is Windows 11 on aarch64";
        assertThat(linesOf("-Dos.name=Windows 11", "-Dos.arch=aarch64")).containsExactly(why, "Optional.empty", why);
    }

    private static String[] linesOf(String... options) throws Exception {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (var out = process.getInputStream()) {
            return new String(out.readAllBytes(), StandardCharsets.UTF_8)
                    .strip()
                    .split("\n");
        }
    }
}
