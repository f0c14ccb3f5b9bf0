package io.gatun.trainer.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Cuts a UTF-8 stream into blocks of whole lines and checks every byte of it. A byte order mark at the start is dropped. */
final class Utf8Blocks implements AutoCloseable {
    private final String name;
    private final InputStream in;
    private final int least;
    private final int most;
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder(); // reports what is malformed
    private byte[] buffer = new byte[1 << 16];
    private CharBuffer chars = CharBuffer.allocate(1 << 16);
    private int start; // of the bytes not yet handed out, in the buffer
    private int end;
    private long offset; // of buffer[0] in the stream
    private boolean ended;

    /**
     * Blocks of at least {@code least} bytes (the last may be shorter) that end after a newline, or, where there is none,
     * between two characters after at most {@code most} bytes.
     *
     * @param name what to call the stream in a message
     */
    Utf8Blocks(String name, InputStream in, int least, int most) {
        this.name = name;
        this.in = in;
        this.least = least;
        this.most = most;
    }

    /**
     * The next block, or null at the end.
     *
     * @throws DataException naming the byte that is no text
     */
    String next() {
        int cut = cut();
        if (offset == 0 && start == 0 && cut >= 3 && isByteOrderMark()) {
            start = 3;
            cut = cut();
        }
        if (cut == start) return null;
        String text = decode(start, cut);
        start = cut;
        return text;
    }

    private int cut() {
        int size = least;
        while (true) {
            while (end - start < size && !ended) fill();
            for (int i = start + size - 1; i < end; i++) {
                if (buffer[i] == '\n') return i + 1;
                if (i - start == most) return characterStart(i);
            }
            if (ended) return end;
            size = end - start + 1;
        }
    }

    private int characterStart(int at) {
        int first = at;
        while (first > at - 3 && (buffer[first] & 0xC0) == 0x80) first--;
        return first;
    }

    private void fill() {
        if (start > 0) {
            System.arraycopy(buffer, start, buffer, 0, end - start);
            offset += start;
            end -= start;
            start = 0;
        }
        if (end == buffer.length) buffer = Arrays.copyOf(buffer, longer());
        try {
            int count = in.read(buffer, end, buffer.length - end);
            if (count < 0) ended = true;
            else end += count;
        } catch (IOException e) {
            throw DataException.reading(name, e);
        }
    }

    private int longer() {
        int limit = Integer.MAX_VALUE - 8; // the longest array of common JVMs
        if (buffer.length == limit) throw new DataException(name + " has a line of more than 2 GB at byte " + offset);
        return (int) Math.min(2L * buffer.length, limit);
    }

    private boolean isByteOrderMark() {
        return buffer[0] == (byte) 0xEF && buffer[1] == (byte) 0xBB && buffer[2] == (byte) 0xBF;
    }

    private String decode(int from, int to) {
        for (int i = from; i < to; i++) {
            if (buffer[i] == 0) throw new DataException(name + " is no text: byte " + (offset + i) + " is zero");
        }
        if (chars.capacity() < to - from) chars = CharBuffer.allocate(to - from);
        ByteBuffer bytes = ByteBuffer.wrap(buffer, from, to - from);
        CoderResult result = decoder.reset().decode(bytes, chars.clear(), true);
        if (result.isError()) {
            throw new DataException("%s is not UTF-8: byte %d is 0x%02x, which fits no character there"
                    .formatted(name, offset + bytes.position(), buffer[bytes.position()]));
        }
        return chars.flip().toString();
    }

    @Override
    public void close() {
        try {
            in.close();
        } catch (IOException e) {
            throw DataException.reading(name, e);
        }
    }
}
