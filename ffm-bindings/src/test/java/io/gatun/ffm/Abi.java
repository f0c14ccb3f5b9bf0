package io.gatun.ffm;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** What the C headers say, as {@code native/abi/abi_probe.c} printed it. */
public final class Abi {
    private static final String TEXT = read();

    private Abi() {}

    /** A value, size or offset by the name that the probe prints. */
    public static long value(String name) {
        for (String line : TEXT.lines().toList()) {
            if (line.startsWith(name + " ")) return Long.parseLong(line.substring(name.length() + 1));
        }
        throw new IllegalArgumentException("the probe prints no " + name);
    }

    static String text() {
        return TEXT;
    }

    private static String read() {
        try (InputStream text = Abi.class.getResourceAsStream("abi.txt")) {
            return new String(text.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
