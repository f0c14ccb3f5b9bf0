package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.IntConsumer;
import java.util.zip.CRC32C;

/** Writes the tokens of a text to a file and counts as it goes. */
final class ShardWriter implements AutoCloseable {
    private final TokenEncoder encoder;
    private final FileChannel channel;
    private final int tokenBytes;
    private final IntConsumer sink = this::token;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
    private final CRC32C checksum = new CRC32C();
    private long tokens;
    private long textBytes;

    ShardWriter(Path file, TokenEncoder encoder) throws IOException {
        this.encoder = encoder;
        this.tokenBytes = encoder.vocabulary() <= 1 << 16 ? Short.BYTES : Integer.BYTES;
        this.channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE);
    }

    /**
     * Writes all of {@code source}: a separator, then its documents as its {@link Joining} says.
     *
     * @throws UncheckedIOException when the file cannot be written
     */
    ShardManifest write(TextSource source) throws IOException {
        String fingerprint =
                source.fingerprint(); // before reading: a change in between makes the tokens anew next time
        token(encoder.separator());
        source.read(new TextSource.Reader() {
            private long last = Long.MIN_VALUE;

            @Override
            public boolean passage(long document, String text) {
                boolean divided = source.joining() == Joining.SEPARATOR_TOKEN && document != last;
                if (divided && last != Long.MIN_VALUE) token(encoder.separator());
                last = document;
                textBytes += text.getBytes(UTF_8).length;
                encoder.encode(text, sink);
                return true;
            }
        });
        flush();
        channel.force(true);
        return new ShardManifest(
                fingerprint, encoder.fingerprint(), tokenBytes, tokens, textBytes, checksum.getValue());
    }

    private void token(int id) {
        if (id < 0 || id >= encoder.vocabulary()) {
            throw new DataException(
                    "the tokenizer gave id %d; its vocabulary is 0 to %d".formatted(id, encoder.vocabulary() - 1));
        }
        if (buffer.remaining() < tokenBytes) flush();
        if (tokenBytes == Short.BYTES) buffer.putShort((short) id);
        else buffer.putInt(id);
        tokens++;
    }

    private void flush() {
        buffer.flip();
        checksum.update(buffer.duplicate());
        try {
            while (buffer.hasRemaining()) channel.write(buffer);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        buffer.clear();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
