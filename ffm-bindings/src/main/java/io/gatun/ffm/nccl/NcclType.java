package io.gatun.ffm.nccl;

/** Element types: {@code ncclDataType_t}. FP8 codes travel as bytes. */
public enum NcclType {
    U8(1),
    I32(2),
    F32(7),
    BF16(9);

    final int code;

    NcclType(int code) {
        this.code = code;
    }
}
