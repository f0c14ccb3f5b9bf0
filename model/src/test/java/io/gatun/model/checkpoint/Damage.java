package io.gatun.model.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Damages files as broken disks and unfriendly people do. */
final class Damage {
    private static final Pattern TOKEN = Pattern.compile(
            "\"(?:[^\"\\\\]|\\\\.)*+\"|-?\\d+(?:\\.\\d+)?(?:[eE][-+]?\\d+)?|true|false|null|[\\[\\]{},:]");
    private static final List<String> VALUES = List.of(
            "null",
            "true",
            "0",
            "-1",
            "1",
            "127",
            "2147483647",
            "2147483648",
            "-2147483648",
            "4294967296",
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "1e999",
            "-1e-999",
            "0.5",
            "NaN",
            "Infinity",
            "1" + "0".repeat(5000),
            "\"\"",
            "\"F32\"",
            "\"F4\"",
            "\"..\"",
            "\"../../etc/passwd\"",
            "\"/etc/passwd\"",
            "\"C:\\\\a\"",
            "\"a\\u0000b\"",
            "\"\\ud800\"",
            "\"line\\nline\"",
            "\"(((a+)+)+)+%s%n\"",
            '"' + "x".repeat(200_000) + '"',
            "[]",
            "{}",
            "[0]",
            "[0, 0]",
            "[4294967296, 4294967296]",
            "[0, 9223372036854775807]",
            "[8, 4]",
            "[[]]",
            "{\"type\": \"yarn\"}",
            "[".repeat(100_000),
            "{\"a\":".repeat(100_000),
            "[".repeat(400) + "]".repeat(400));

    private final Random random;
    private String last = "";

    Damage(Random random) {
        this.random = random;
    }

    /** What was done last. */
    String last() {
        return last;
    }

    /** A safetensors file with a damaged header, whose length is that of the damaged text in most cases; or a file damaged anywhere. */
    byte[] safetensors(byte[] whole) {
        ByteBuffer file = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) file.getLong(0);
        switch (random.nextInt(8)) {
            case 0 -> {
                long[] lengths = {
                    0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, 100_000_000, whole.length, whole.length - 8, length + 1
                };
                long other = lengths[random.nextInt(lengths.length)];
                last = "header's length " + other;
                byte[] damaged = whole.clone();
                ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN).putLong(0, other);
                return damaged;
            }
            case 1 -> {
                return bytes(whole);
            }
            default -> {
                byte[] header = json(Arrays.copyOfRange(whole, 8, 8 + length));
                ByteBuffer damaged = ByteBuffer.allocate(whole.length - length + header.length)
                        .order(ByteOrder.LITTLE_ENDIAN);
                damaged.putLong(random.nextInt(8) == 0 ? length : header.length);
                return damaged.put(header)
                        .put(whole, 8 + length, whole.length - 8 - length)
                        .array();
            }
        }
    }

    /** A JSON text with another value, name or bracket somewhere, something doubled or left out, or damaged bytes. */
    byte[] json(byte[] text) {
        String json = new String(text, StandardCharsets.UTF_8);
        List<MatchResult> tokens = TOKEN.matcher(json).results().toList();
        MatchResult at = tokens.get(random.nextInt(tokens.size()));
        String before = json.substring(0, at.start());
        String after = json.substring(at.end());
        return switch (random.nextInt(6)) {
            case 0 -> bytes(text);
            case 1 -> {
                last = "without " + at.group() + " at " + at.start();
                yield (before + after).getBytes(StandardCharsets.UTF_8);
            }
            case 2 -> { // the same name, tensor or element twice
                int end = json.indexOf(',', at.start());
                String twice = end < 0 ? at.group() : json.substring(at.start(), end + 1);
                last = "twice " + twice + " at " + at.start();
                yield (before + twice + json.substring(at.start())).getBytes(StandardCharsets.UTF_8);
            }
            case 3 -> { // what another place has
                String other = tokens.get(random.nextInt(tokens.size())).group();
                last = other + " for " + at.group() + " at " + at.start();
                yield (before + other + after).getBytes(StandardCharsets.UTF_8);
            }
            default -> {
                List<MatchResult> values = new ArrayList<>(tokens);
                values.removeIf(token -> "[]{},:".contains(token.group()));
                at = values.get(random.nextInt(values.size()));
                String value = VALUES.get(random.nextInt(VALUES.size()));
                last = value.substring(0, Math.min(40, value.length())) + " for " + at.group() + " at " + at.start();
                yield (json.substring(0, at.start()) + value + json.substring(at.end()))
                        .getBytes(StandardCharsets.UTF_8);
            }
        };
    }

    private byte[] bytes(byte[] whole) {
        int at = random.nextInt(whole.length);
        int length = random.nextInt(1, 100);
        ByteArrayOutputStream damaged = new ByteArrayOutputStream();
        switch (random.nextInt(4)) {
            case 0 -> {
                last = "flipped at " + at;
                byte[] flipped = whole.clone();
                for (int i = 0; i < 3; i++) flipped[random.nextInt(whole.length)] ^= (byte) (1 << random.nextInt(8));
                return flipped;
            }
            case 1 -> {
                last = "cut off at " + at;
                return Arrays.copyOf(whole, random.nextInt(10) == 0 ? 0 : at);
            }
            case 2 -> {
                last = "without " + length + " bytes from " + at;
                damaged.write(whole, 0, at);
                int next = Math.min(whole.length, at + length);
                damaged.write(whole, next, whole.length - next);
            }
            default -> {
                last = length + " random bytes at " + at;
                byte[] noise = new byte[length];
                random.nextBytes(noise);
                damaged.write(whole, 0, at);
                damaged.writeBytes(noise);
                damaged.write(whole, at, whole.length - at);
            }
        }
        return damaged.toByteArray();
    }
}
