package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.function.IntConsumer;

/** Bytes as ids, the separator after them; {@code vocabulary} may be wider than that needs. */
record ByteEncoder(int vocabulary, String fingerprint) implements TokenEncoder {
    static final int SEPARATOR = 256;

    ByteEncoder() {
        this(257, "bytes");
    }

    @Override
    public void encode(String text, IntConsumer sink) {
        for (byte b : text.getBytes(UTF_8)) sink.accept(b & 0xFF);
    }

    @Override
    public int separator() {
        return SEPARATOR;
    }
}
