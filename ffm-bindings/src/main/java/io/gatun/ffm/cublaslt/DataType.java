package io.gatun.ffm.cublaslt;

/** Element types of matrices: {@code cudaDataType}. */
public enum DataType {
    F32(0, 4),
    BF16(14, 2),
    E4M3(28, 1);

    final int code;
    private final int bytes;

    DataType(int code, int bytes) {
        this.code = code;
        this.bytes = bytes;
    }

    /** The size of an element. */
    public int bytes() {
        return bytes;
    }
}
