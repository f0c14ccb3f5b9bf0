package io.gatun.trainer.command;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Native libraries that Gatun can do without, looked for by name in the usual folders; nothing is loaded. */
final class OptionalLibraries {
    /** What each is for, and the start of its file's name. */
    private static final Map<String, String> LIBRARIES = new LinkedHashMap<>();

    static {
        LIBRARIES.put("MPI", "libmpi.so");
    }

    private static final List<String> FOLDERS = List.of(
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
            "/usr/lib64",
            "/usr/lib",
            "/usr/local/lib",
            "/usr/lib/x86_64-linux-gnu/openmpi/lib",
            "/usr/lib64/openmpi/lib",
            "/usr/lib64/mpich/lib",
            "/opt/openmpi/lib");

    private OptionalLibraries() {}

    /** The file of each library, or nothing, by the library's name. */
    static Map<String, Optional<Path>> find() {
        List<Path> folders = new ArrayList<>();
        String configured = System.getenv("LD_LIBRARY_PATH");
        if (configured != null) {
            for (String folder : configured.split(File.pathSeparator))
                if (!folder.isEmpty()) folders.add(Path.of(folder));
        }
        FOLDERS.forEach(folder -> folders.add(Path.of(folder)));
        Map<String, Optional<Path>> found = new LinkedHashMap<>();
        LIBRARIES.forEach((name, file) -> found.put(
                name,
                folders.stream()
                        .map(folder -> in(folder, file))
                        .flatMap(Optional::stream)
                        .findFirst()));
        return found;
    }

    private static Optional<Path> in(Path folder, String start) {
        if (!Files.isDirectory(folder)) return Optional.empty();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, start + "*")) {
            for (Path file : files) return Optional.of(file);
        } catch (IOException e) {
            return Optional.empty(); // a folder that may not be read has nothing for us
        }
        return Optional.empty();
    }
}
