package io.gatun.tensor;

/** Element types, named as in safetensors files. */
public enum DType {
    F64(8),
    F32(4),
    BF16(2),
    F8_E4M3(1),
    I64(8),
    I32(4),
    U8(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** The size of one element in bytes. */
    public int bytes() {
        return bytes;
    }
}
