package io.gatun.ffm;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Where NVIDIA's libraries are looked for: the folder of property {@code gatun.cuda.path} or variable {@code GATUN_CUDA_PATH}, what
 * the system's loader finds (LD_LIBRARY_PATH, its cache), toolkits, Conda, and the folders that pip makes.
 */
public final class CudaFolders {
    private CudaFolders() {}

    /**
     * The files to try, best first.
     *
     * @param names file names by major version, newest first
     */
    public static List<String> candidates(String... names) {
        List<String> files = new ArrayList<>();
        String chosen = System.getProperty("gatun.cuda.path", System.getenv("GATUN_CUDA_PATH"));
        if (chosen != null) {
            for (String name : names) files.add(Path.of(chosen, name).toString());
        }
        List<Path> folders = folders();
        for (String name : names) {
            files.add(name);
            for (Path folder : folders) files.add(folder.resolve(name).toString());
        }
        return files;
    }

    /** The folders that exist, in the order in which they are searched. */
    private static List<Path> folders() {
        List<Path> folders = new ArrayList<>();
        for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
            String value = System.getenv(variable);
            if (value != null) add(folders, Path.of(value, "lib64"));
        }
        add(folders, Path.of("/usr/local/cuda/lib64"));
        for (Path toolkit : children(Path.of("/usr/local"), "cuda-*")) add(folders, toolkit.resolve("lib64"));
        for (String folder : List.of(
                "/usr/local/cuda/targets/x86_64-linux/lib",
                "/opt/cuda/lib64",
                "/usr/local/nvidia/lib64",
                "/usr/local/cuda/compat",
                "/usr/lib/wsl/lib")) {
            add(folders, Path.of(folder));
        }
        String conda = System.getenv("CONDA_PREFIX");
        if (conda != null) {
            add(folders, Path.of(conda, "lib"));
            add(folders, Path.of(conda, "targets/x86_64-linux/lib"));
            addWheels(folders, Path.of(conda));
        }
        String environment = System.getenv("VIRTUAL_ENV");
        if (environment != null) addWheels(folders, Path.of(environment));
        for (Path prefix :
                List.of(Path.of(System.getProperty("user.home"), ".local"), Path.of("/usr/local"), Path.of("/usr"))) {
            addWheels(folders, prefix);
        }
        return folders;
    }

    /** pip's folders: one for all libraries of CUDA 13, {@code nvidia/cu13/lib}, one for each of CUDA 12. */
    private static void addWheels(List<Path> folders, Path prefix) {
        for (Path python : children(prefix.resolve("lib"), "python3*")) {
            for (String packages : List.of("site-packages", "dist-packages")) {
                Path nvidia = python.resolve(packages).resolve("nvidia");
                add(folders, nvidia.resolve("cu13/lib"));
                for (Path wheel : children(nvidia, "*")) add(folders, wheel.resolve("lib"));
            }
        }
    }

    private static void add(List<Path> folders, Path folder) {
        if (Files.isDirectory(folder) && !folders.contains(folder)) folders.add(folder);
    }

    /** The entries of a folder that match, newest version first; none where there is no such folder. */
    private static List<Path> children(Path folder, String pattern) {
        List<Path> found = new ArrayList<>();
        if (!Files.isDirectory(folder)) return found;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, pattern)) {
            entries.forEach(found::add);
        } catch (IOException e) {
            return List.of(); // a folder that may not be read has nothing for us
        }
        found.sort(Comparator.comparing(Path::toString).reversed());
        return found;
    }
}
