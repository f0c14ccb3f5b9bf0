package io.gatun.ffm.nvrtc;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * Compiled kernels in a folder, so that they are compiled once a machine. The name of a file is a hash of all that its content
 * depends on: source, options, the compiler's version. Files may be deleted at any time.
 */
public final class CubinCache {
    private final Path folder;

    public CubinCache(Path folder) {
        this.folder = folder;
    }

    /** The user's cache: {@code $XDG_CACHE_HOME/gatun/cubin}, or {@code ~/.cache/gatun/cubin}. */
    public static CubinCache standard() {
        String cache = System.getenv("XDG_CACHE_HOME");
        Path folder =
                cache == null || cache.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache);
        return new CubinCache(folder.resolve("gatun/cubin"));
    }

    /** What {@link Nvrtc#compile} gives, from the folder where it is there. */
    public byte[] compile(Nvrtc nvrtc, String name, String source, List<String> options) {
        Path file = folder.resolve(key(nvrtc.version(), source, options) + ".cubin");
        try {
            if (Files.isRegularFile(file)) return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read", e);
        }
        byte[] cubin = nvrtc.compile(name, source, options);
        keep(file, cubin);
        return cubin;
    }

    private static String key(String version, String source, List<String> options) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (String part : List.of(version, String.join("\n", options), source)) {
                digest.update(part.getBytes(StandardCharsets.UTF_8));
                digest.update((byte) 0);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every Java has SHA-256
        }
    }

    /** Writes under another name first: several processes may do the same. A folder that cannot be written is no reason to fail. */
    private void keep(Path file, byte[] cubin) {
        try {
            Files.createDirectories(folder);
            Path temporary = Files.createTempFile(folder, "new", ".tmp");
            Files.write(temporary, cubin);
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            System.getLogger(CubinCache.class.getName())
                    .log(System.Logger.Level.WARNING, "compiled kernels are not kept: {0}", e.toString());
        }
    }
}
