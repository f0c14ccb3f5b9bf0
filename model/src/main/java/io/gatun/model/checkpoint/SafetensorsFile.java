package io.gatun.model.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import io.gatun.model.ModelException;
import io.gatun.model.json.Excerpt;
import io.gatun.model.json.InputFile;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.Collections;
import java.util.Map;
import java.util.Set;

/** A safetensors file, mapped into memory: its tensors are views of the file and read from the disk when they are touched. */
public final class SafetensorsFile {
    private static final long LONGEST_HEADER = 100_000_000; // the format's own limit

    private static final long LARGE_PAGE = 1 << 21;
    private static final long PIECE = 1 << 30; // bytes that are read at once

    private final Path path;
    private final FileTime modified; // null of a copy
    private final MemorySegment data;
    private final long size;
    private final SafetensorsHeader header;

    private SafetensorsFile(Path path, FileTime modified, long size, MemorySegment data, SafetensorsHeader header) {
        this.path = path;
        this.modified = modified;
        this.size = size;
        this.data = data;
        this.header = header;
    }

    /**
     * Maps a file for as long as {@code arena} lives, and checks its header.
     *
     * @throws ModelException when there is no such file, it cannot be read or is no whole safetensors file
     */
    public static SafetensorsFile open(Path path, Arena arena) {
        return open(path, arena, false);
    }

    /**
     * As {@link #open(Path, Arena)}, or with {@code copied} reads the whole file into memory of {@code arena}: it may change afterwards, and
     * the memory may lie in large pages.
     */
    public static SafetensorsFile open(Path path, Arena arena, boolean copied) {
        InputFile.require(path);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long size = channel.size();
            FileTime modified = Files.getLastModifiedTime(path);
            MemorySegment file = copied ? copy(channel, size, arena) : channel.map(MapMode.READ_ONLY, 0, size, arena);
            long headerBytes = headerBytes(path, file);
            byte[] text = file.asSlice(8, headerBytes).toArray(JAVA_BYTE);
            MemorySegment data = file.asSlice(8 + headerBytes);
            SafetensorsHeader header = SafetensorsHeader.parse(text, path.toString(), data.byteSize());
            return new SafetensorsFile(path, copied ? null : modified, size, data, header);
        } catch (IOException e) {
            throw new ModelException("cannot read " + path + ": " + e.getMessage(), e);
        }
    }

    private static MemorySegment copy(FileChannel channel, long size, Arena arena) throws IOException {
        MemorySegment memory;
        try {
            memory = arena.allocate(size, LARGE_PAGE);
        } catch (OutOfMemoryError tooLarge) {
            throw new IOException("there is no memory for a copy of its " + size + " bytes", tooLarge);
        }
        long at = 0;
        while (at < size) {
            ByteBuffer piece = memory.asSlice(at, Math.min(PIECE, size - at)).asByteBuffer();
            int read = channel.read(piece, at);
            if (read < 0) throw new IOException("the file ended while it was read");
            at += read;
        }
        return memory;
    }

    private static long headerBytes(Path path, MemorySegment file) {
        if (file.byteSize() < 8) {
            throw new ModelException(path + " has " + file.byteSize()
                    + " bytes; a safetensors file starts with the 8 of a header's length");
        }
        long bytes = file.get(JAVA_LONG_UNALIGNED, 0);
        if (bytes < 2 || bytes > LONGEST_HEADER) {
            throw new ModelException(
                    path + " is no safetensors file: its first 8 bytes would be the header's length, and are " + bytes);
        }
        if (bytes > file.byteSize() - 8) {
            throw new ModelException("%s is cut off: its header needs %d bytes, and the file has %d"
                    .formatted(path, bytes, file.byteSize() - 8));
        }
        return bytes;
    }

    public Path path() {
        return path;
    }

    /** The tensors' names, in the header's order. */
    public Set<String> names() {
        return Collections.unmodifiableSet(header.entries().keySet());
    }

    public boolean has(String name) {
        return header.entries().containsKey(name);
    }

    /** The texts that the file carries beside its tensors. */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    /**
     * A tensor in place. Its address need not be a multiple of its element's size.
     *
     * @throws ModelException when there is none of that name, or its element type is not in {@link DType}
     */
    public Tensor tensor(String name) {
        SafetensorsEntry entry = entry(name);
        DType type = entry.dtype()
                .orElseThrow(() -> new ModelException(
                        "%s is %s in %s; that element type is not supported".formatted(Excerpt.of(name), entry, path)));
        return Tensor.of(bytes(entry), type, entry.shape());
    }

    /** A tensor's bytes in place, whatever its element type. */
    MemorySegment bytes(SafetensorsEntry entry) {
        return data.asSlice(entry.begin(), entry.end() - entry.begin());
    }

    SafetensorsEntry entry(String name) {
        SafetensorsEntry entry = header.entries().get(name);
        if (entry == null) throw new ModelException("there is no tensor " + Excerpt.of(name) + " in " + path);
        return entry;
    }

    /**
     * Looks whether the file is still the one that was mapped: memory that lies past the end of a file cut short ends the
     * process when it is touched.
     *
     * @throws ModelException when its size or time has changed, or it is gone
     */
    public void checkUnchanged() {
        if (modified == null) return;
        try {
            if (Files.size(path) != size || !Files.getLastModifiedTime(path).equals(modified)) {
                throw new ModelException(path + " has changed since it was opened; open the model again");
            }
        } catch (IOException e) {
            throw new ModelException(path + " can no longer be read; it was there when the model was opened", e);
        }
    }
}
