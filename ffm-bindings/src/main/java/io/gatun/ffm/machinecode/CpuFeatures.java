package io.gatun.ffm.machinecode;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What this CPU can run, as Linux says it in {@code /proc/cpuinfo}. Linux leaves out what the CPU has and the system does not
 * save on a thread switch, or what the hypervisor hides; {@code cpuid} alone would tell neither, and needs machine code to ask.
 */
public final class CpuFeatures {
    private static final long ARCH_PRCTL = 158; // of the system calls of x86-64
    private static final long ARCH_REQ_XCOMP_PERM = 0x1023;
    private static final long XFEATURE_XTILEDATA = 18;

    private final Set<CpuFeature> present;
    private final String unknown; // why nothing is known, or empty

    private CpuFeatures(Set<CpuFeature> present, String unknown) {
        this.present = Collections.unmodifiableSet(present);
        this.unknown = unknown;
    }

    /** This machine's. Elsewhere than on Linux on x86-64: none. */
    public static CpuFeatures host() {
        return Host.FEATURES;
    }

    /** Those that a text like {@code /proc/cpuinfo} names for its first CPU. */
    static CpuFeatures parse(Stream<String> cpuinfo) {
        EnumSet<CpuFeature> present = EnumSet.noneOf(CpuFeature.class);
        String flags =
                cpuinfo.filter(line -> line.startsWith("flags")).findFirst().orElse("");
        Set<String> words = Set.copyOf(
                Arrays.asList(flags.substring(flags.indexOf(':') + 1).strip().split("\\s+")));
        for (CpuFeature feature : CpuFeature.values()) {
            if (words.contains(feature.flag())) present.add(feature);
        }
        return new CpuFeatures(present, flags.isEmpty() ? "/proc/cpuinfo has no line of flags" : "");
    }

    /** Whether the CPU has all of {@code features}. AMX also needs {@link #requestTiles}. */
    public boolean has(CpuFeature... features) {
        return present.containsAll(Arrays.asList(features));
    }

    /** All that it has, in the order of the enum. */
    public Set<CpuFeature> all() {
        return present;
    }

    /** Which of {@code features} are missing, as a sentence; an empty text where none is. */
    public String whyNot(CpuFeature... features) {
        if (has(features)) return "";
        if (!unknown.isEmpty()) return "what this CPU can do is unknown: " + unknown;
        return "this CPU has no "
                + Stream.of(features)
                        .filter(feature -> !present.contains(feature))
                        .map(CpuFeature::flag)
                        .collect(joining(", "));
    }

    /**
     * Asks Linux, once, to let this process use tiles, which also holds for the threads it has. An empty text where it does,
     * else why not: then any tile instruction would end the process.
     */
    public static String requestTiles() {
        return Tiles.REFUSAL;
    }

    @Override
    public String toString() {
        return present.stream().map(CpuFeature::flag).collect(joining(" "));
    }

    private static final class Host {
        static final CpuFeatures FEATURES = read();

        private static CpuFeatures read() {
            try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
                return parse(lines);
            } catch (IOException | UncheckedIOException failed) {
                return new CpuFeatures(EnumSet.noneOf(CpuFeature.class), failed.toString());
            }
        }
    }

    private static final class Tiles {
        static final String REFUSAL = refusal();

        private static String refusal() {
            if (!ExecutableMemory.whyNot().isEmpty()) return ExecutableMemory.whyNot();
            String missing = host().whyNot(CpuFeature.AMX_TILE, CpuFeature.AMX_BF16);
            if (!missing.isEmpty()) return missing;
            try {
                LinuxCalls.syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
                return "";
            } catch (RuntimeException refused) {
                return "Linux does not give this process AMX tiles: " + refused.getMessage();
            }
        }
    }
}
