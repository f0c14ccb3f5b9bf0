package io.gatun.trainer.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;

/** A protocol buffers message, field by field, in its wire format. */
final class ProtoMessage {
    private static final int VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5; // wire types

    private final ByteArrayOutputStream out = new ByteArrayOutputStream(256);

    ProtoMessage add(int field, long value) {
        tag(field, VARINT);
        varint(value);
        return this;
    }

    ProtoMessage add(int field, double value) {
        tag(field, FIXED64);
        little(Double.doubleToRawLongBits(value), Double.BYTES);
        return this;
    }

    ProtoMessage add(int field, float value) {
        tag(field, FIXED32);
        little(Float.floatToRawIntBits(value), Float.BYTES);
        return this;
    }

    ProtoMessage add(int field, String value) {
        return add(field, value.getBytes(UTF_8));
    }

    ProtoMessage add(int field, ProtoMessage value) {
        return add(field, value.bytes());
    }

    private ProtoMessage add(int field, byte[] value) {
        tag(field, BYTES);
        varint(value.length);
        out.writeBytes(value);
        return this;
    }

    byte[] bytes() {
        return out.toByteArray();
    }

    private void tag(int field, int wireType) {
        varint((long) field << 3 | wireType);
    }

    private void varint(long value) {
        for (; (value & ~0x7fL) != 0; value >>>= 7) out.write((int) (value & 0x7f | 0x80));
        out.write((int) value);
    }

    private void little(long bits, int bytes) {
        for (int i = 0; i < bytes; i++) out.write((int) (bits >>> 8 * i));
    }
}
