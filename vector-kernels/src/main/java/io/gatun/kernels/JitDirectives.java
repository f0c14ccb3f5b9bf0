package io.gatun.kernels;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * Tells HotSpot's tiered compilation to keep the first compiler away from the kernels. With a long queue it may compile a
 * kernel for profiling, run out of registers, and leave it for ever in code a hundred times slower than the second compiler's.
 */
public final class JitDirectives {
    private static final String DIRECTIVES = """
            [{ match: ["io/gatun/kernels/*.*"], c1: { Exclude: true },
               c2: { inline: ["-io/gatun/kernels/GemmKernels.*", "-io/gatun/kernels/GemmTile.*",
                              "-io/gatun/kernels/DotKernels.*", "-io/gatun/kernels/LaneOrder.*",
                              "-io/gatun/kernels/Fp8.amax", "-io/gatun/kernels/Fp8.quantize",
                              "-io/gatun/kernels/Fp8.toCodes", "-io/gatun/kernels/Fp8.pack",
                              "-io/gatun/kernels/LatentAttention.*", "-io/gatun/kernels/RowQuads.row*",
                              "-io/gatun/kernels/RowDots.tile", "-io/gatun/kernels/WeightedRows.add*",
                              "-io/gatun/kernels/LaneSums.fold*", "-io/gatun/kernels/GroupedTopK.keys",
                              "-io/gatun/kernels/GroupedTopK.groupKey", "-io/gatun/kernels/GroupedTopK.take",
                              "-io/gatun/kernels/GroupedTopK.drop",
                              "+io/gatun/kernels/LaneSum.of", "+io/gatun/kernels/Exp.exp",
                              "+io/gatun/kernels/GateScores.exp", "+io/gatun/kernels/Panels.rounded",
                              "+io/gatun/kernels/Bf16.rounded", "+io/gatun/kernels/Bf16.decode",
                              "+io/gatun/kernels/Fp8.round"] } }]
            """;

    private static boolean tried;
    private static boolean taken;

    private JitDirectives() {}

    /**
     * Sets the directives once a process. Elsewhere than on HotSpot it logs once that kernels may stay slow, and returns: it
     * never fails.
     */
    public static synchronized void ensure() {
        if (tried) return;
        tried = true;
        Exception failure = null;
        String answer = "no answer";
        try {
            Path file = Files.createTempFile("gatun-jit", ".json");
            try {
                Files.writeString(file, DIRECTIVES);
                answer = add(file);
            } finally {
                Files.delete(file);
            }
        } catch (IOException | JMException | RuntimeException failed) {
            failure = failed;
        }
        taken = answer.contains("directives added") || answer.contains("directive added");
        if (taken) return;
        System.getLogger(JitDirectives.class.getName())
                .log(
                        Level.WARNING,
                        "this JVM takes no compiler directives, so kernels may stay slow; -XX:-TieredCompilation mends it: "
                                + answer.strip(),
                        failure);
    }

    /** Whether HotSpot took the directives. */
    static synchronized boolean areTaken() {
        return taken;
    }

    /** Asks HotSpot to add the directives in {@code file}; what it answers. */
    private static String add(Path file) throws JMException {
        return String.valueOf(ManagementFactory.getPlatformMBeanServer()
                .invoke(
                        new ObjectName("com.sun.management:type=DiagnosticCommand"),
                        "compilerDirectivesAdd",
                        new Object[] {new String[] {file.toString()}},
                        new String[] {String[].class.getName()}));
    }
}
