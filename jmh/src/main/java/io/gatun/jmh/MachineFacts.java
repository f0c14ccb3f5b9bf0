package io.gatun.jmh;

import io.gatun.model.json.Json;
import io.gatun.trainer.command.Machine;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Map;

/** On what and when results were measured. The forks' JVM flags are in JMH's own file; these facts lie beside it. */
public final class MachineFacts {
    private MachineFacts() {}

    /** The facts of this moment by name. */
    public static Map<String, Object> now() {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("cpu", Machine.cpu().orElse("unknown"));
        facts.put("cores", Runtime.getRuntime().availableProcessors());
        facts.put("simd", new ArrayList<>(Machine.features()));
        facts.put("caches", Machine.caches());
        facts.put("memory_gb", Math.round(1e-8 * Machine.memory()) / 10.0);
        facts.put("huge_pages", System.getenv().getOrDefault("GLIBC_TUNABLES", "not asked for"));
        facts.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        facts.put("jvm", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
        facts.put("commit", commit());
        facts.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        facts.put("load", Math.round(100 * load) / 100.0); // of the last minute, before the benchmarks
        return facts;
    }

    /** Where the facts of a result file lie. */
    public static Path beside(Path result) {
        return result.resolveSibling(result.getFileName() + ".machine");
    }

    /** What is checked out where this program lies; empty where there is no Git. */
    private static String commit() {
        try {
            Path program = Path.of(MachineFacts.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .getPath());
            Process git = new ProcessBuilder("git", "describe", "--always", "--dirty")
                    .directory(program.toAbsolutePath().getParent().toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "";
        }
    }

    /** Writes the facts of this moment beside {@code result}. */
    public static void write(Path result) throws IOException {
        Files.writeString(beside(result), Json.write(now()) + "\n");
    }
}
