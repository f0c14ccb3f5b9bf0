package io.gatun.model.checkpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A file that is there whole or not at all: written under a temporary name beside it, forced to the disk, then renamed. A file
 * that others have mapped keeps its old contents for them.
 */
public final class DurableFile implements AutoCloseable {
    private final Path path;
    private final Path temporary;
    private final FileChannel channel;
    private boolean finished;

    private DurableFile(Path path) throws IOException {
        this.path = path;
        temporary = path.resolveSibling(path.getFileName() + ".partial");
        channel = FileChannel.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
    }

    /** Starts a file; until {@link #finish} an older one of that name stays. */
    public static DurableFile create(Path path) {
        try {
            return new DurableFile(path);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + path, e);
        }
    }

    /** Writes a whole text file. */
    public static void write(Path path, String text) {
        try (DurableFile file = create(path)) {
            file.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
            file.finish();
        }
    }

    /** Appends all that remains in {@code bytes}. */
    public void write(ByteBuffer bytes) {
        try {
            while (bytes.hasRemaining()) channel.write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + path, e);
        }
    }

    /** Forces the contents to the disk and gives the file its name. */
    public void finish() {
        try {
            channel.force(true);
            channel.close();
            Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            finished = true;
            forceFolder(path.toAbsolutePath().getParent());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write " + path, e);
        }
    }

    /** Forces the names in a folder to the disk, so that renames outlive a loss of power; systems that cannot do it are let be. */
    public static void forceFolder(Path folder) {
        try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
            names.force(true);
        } catch (IOException e) {
            // Windows opens no folder as a file; there the rename alone has to do
        }
    }

    /** Drops what was written, unless it was finished. */
    @Override
    public void close() {
        if (finished) return;
        try {
            channel.close();
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot remove " + temporary, e);
        }
    }
}
