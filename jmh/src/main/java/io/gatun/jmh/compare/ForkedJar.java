package io.gatun.jmh.compare;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A benchmark jar, run in a JVM of its own with JMH's {@code -f 1}; what it prints goes into a file beside the result. */
final class ForkedJar implements Rounds.Jar {
    private final Path jar;
    private final List<String> options;

    /**
     * @param options of JMH, the regular expression of benchmarks among them
     * @throws CompareException when there is no such jar, or an option is one that this class sets
     */
    ForkedJar(Path jar, List<String> options) {
        if (!Files.isRegularFile(jar)) throw new CompareException("there is no jar " + jar);
        for (String own : List.of("-f", "-rf", "-rff", "-o")) {
            if (options.contains(own))
                throw new CompareException(own + " is set by compare itself; use --rounds and --out");
        }
        this.jar = jar;
        this.options = options;
    }

    @Override
    public void run(Path result, String label) {
        System.err.println("compare: " + label + " of " + jar);
        Path log = result.resolveSibling(label + ".log");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-jar", jar.toString()));
        command.addAll(options);
        command.addAll(List.of("-f", "1", "-foe", "true", "-rf", "json", "-rff", result.toString()));
        try {
            int exit = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start()
                    .waitFor();
            if (exit != 0 || !Files.exists(result)) {
                throw new CompareException(
                        "%s ended with exit code %d and without a result; %s tells why".formatted(jar, exit, log));
            }
        } catch (IOException e) {
            throw new CompareException("cannot run " + jar + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CompareException("interrupted while " + jar + " ran");
        }
    }
}
