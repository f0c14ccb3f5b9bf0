package io.gatun.trainer.command;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** What the operating system says of the machine; much of it only on Linux. */
public final class Machine {
    /** What matters to kernels, in the words of /proc/cpuinfo. */
    private static final Set<String> FEATURES = Set.of(
            "sse4_2",
            "avx",
            "avx2",
            "fma",
            "f16c",
            "avx_vnni",
            "avx512f",
            "avx512bw",
            "avx512vl",
            "avx512_bf16",
            "avx512_vnni",
            "avx512_fp16",
            "amx_tile",
            "amx_bf16",
            "amx_int8",
            "asimd",
            "asimddp",
            "sve",
            "sve2",
            "bf16",
            "i8mm");

    private Machine() {}

    /** Bytes of memory, or of what a container may use of it. */
    public static long memory() {
        return system().getTotalMemorySize();
    }

    /** Bytes that a process can still have, the page cache's included where the system says so. */
    static long availableMemory() {
        long free = system().getFreeMemorySize();
        return field(Path.of("/proc/meminfo"), "MemAvailable")
                .map(text -> Long.parseLong(text.replaceAll("\\D", "")) * 1024)
                .map(available -> Math.min(Math.max(available, free), memory()))
                .orElse(free);
    }

    /** The processor's name; empty where it cannot be had. */
    public static Optional<String> cpu() {
        return field(Path.of("/proc/cpuinfo"), "model name");
    }

    /** The vector extensions that matter here, sorted; empty where the system does not tell. */
    public static Set<String> features() {
        Path cpuinfo = Path.of("/proc/cpuinfo");
        String all =
                field(cpuinfo, "flags").or(() -> field(cpuinfo, "Features")).orElse("");
        Set<String> features = new TreeSet<>(Arrays.asList(all.split("\\s+")));
        features.retainAll(FEATURES);
        return features;
    }

    /** The first core's caches, for example {@code L1 Data 32K}. */
    public static List<String> caches() {
        List<String> caches = new ArrayList<>();
        Path folder = Path.of("/sys/devices/system/cpu/cpu0/cache");
        if (!Files.isDirectory(folder)) return caches;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, "index*")) {
            for (Path entry : entries) {
                caches.add("L" + line(entry.resolve("level")) + " " + line(entry.resolve("type")) + " "
                        + line(entry.resolve("size")));
            }
        } catch (IOException e) {
            return List.of(); // a system that does not tell
        }
        caches.sort(null);
        return caches;
    }

    /** The first line of a file of the system; empty when there is none. */
    static String line(Path file) {
        try {
            return Files.readString(file).lines().findFirst().orElse("").strip();
        } catch (IOException e) {
            return "";
        }
    }

    private static Optional<String> field(Path file, String name) {
        if (!Files.isReadable(file)) return Optional.empty();
        try {
            return Files.readString(file)
                    .lines()
                    .filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static OperatingSystemMXBean system() {
        return (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    }
}
