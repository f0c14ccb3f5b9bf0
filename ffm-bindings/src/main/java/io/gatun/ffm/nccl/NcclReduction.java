package io.gatun.ffm.nccl;

/** How numbers of several ranks become one: {@code ncclRedOp_t}. */
public enum NcclReduction {
    SUM(0),
    MAX(2);

    final int code;

    NcclReduction(int code) {
        this.code = code;
    }
}
