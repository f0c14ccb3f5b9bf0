package io.gatun.trainer.data;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The tokens of a text in a mapped file, seen as a ring: after the last comes the first, which is the separator. Threads may
 * share it.
 */
public final class TokenShard {
    private static final ValueLayout.OfShort SHORT = JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final long CHECKED_AT_ONCE = 1 << 30; // a ByteBuffer holds less than 2 GB

    private final MemorySegment data;
    private final ShardManifest manifest;
    private final String name;

    private TokenShard(MemorySegment data, ShardManifest manifest, String name) {
        this.data = data;
        this.manifest = manifest;
        this.name = name;
    }

    /** The tokens in {@code file}, mapped until {@code arena} closes; empty when they are not those of the manifest. */
    static Optional<TokenShard> map(Path file, ShardManifest manifest, String name, Arena arena) {
        if (!Files.exists(file)) return Optional.empty();
        try (FileChannel channel = FileChannel.open(file)) {
            if (channel.size() != manifest.tokens() * manifest.tokenBytes()) return Optional.empty();
            MemorySegment data = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            if (checksum(data) != manifest.checksum()) return Optional.empty();
            return Optional.of(new TokenShard(data, manifest, name));
        } catch (IOException e) {
            throw DataException.reading(file, e);
        }
    }

    private static long checksum(MemorySegment data) {
        CRC32C checksum = new CRC32C();
        for (long at = 0; at < data.byteSize(); at += CHECKED_AT_ONCE) {
            long size = Math.min(CHECKED_AT_ONCE, data.byteSize() - at);
            checksum.update(data.asSlice(at, size).asByteBuffer());
        }
        return checksum.getValue();
    }

    /** What to call the text in a message. */
    String name() {
        return name;
    }

    ShardManifest manifest() {
        return manifest;
    }

    /** How many tokens there are: separators included, the first of which is a separator. */
    public long tokens() {
        return manifest.tokens();
    }

    /** How many bytes of UTF-8 text the tokens stand for; separators stand for none. */
    public long textBytes() {
        return manifest.textBytes();
    }

    /** The token at {@code index}, 0 (included) to {@link #tokens} (excluded). */
    public int token(long index) {
        return manifest.tokenBytes() == Short.BYTES
                ? data.get(SHORT, index * Short.BYTES) & 0xFFFF
                : data.get(INT, index * Integer.BYTES);
    }

    /** Writes the tokens from {@code from} on, round the ring, to row {@code row} of {@code into} i32. Allocates nothing. */
    void read(long from, Tensor into, long row) {
        MemorySegment memory = into.data();
        long at = row * into.rowStride() * Integer.BYTES;
        long index = from;
        for (int i = 0, count = into.cols(); i < count; i++) {
            memory.set(JAVA_INT_UNALIGNED, at + (long) i * Integer.BYTES, token(index));
            if (++index == manifest.tokens()) index = 0;
        }
    }

    /** Refuses a tensor that is not i32 [sequences, more than {@code sequence}]. */
    static void checkBatch(Tensor into, int sequence) {
        if (into.dtype() != DType.I32 || into.rank() != 2 || into.cols() <= sequence) {
            throw new DataException("a batch of sequences of %d tokens goes into i32[sequences, %d or more]; this is %s"
                    .formatted(sequence, sequence + 1, into));
        }
    }

    /** Refuses a sequence length that this text is too short for. */
    void checkSequence(int sequence, String remedy) {
        if (sequence < 1) throw new DataException("a sequence has " + sequence + " tokens; it must have 1 or more");
        if (tokens() <= sequence) {
            throw new DataException("%s has %d tokens; one sequence and its last target need %d: %s"
                    .formatted(name, tokens(), sequence + 1, remedy));
        }
    }
}
