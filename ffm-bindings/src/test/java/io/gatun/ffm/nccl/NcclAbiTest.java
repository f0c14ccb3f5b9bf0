package io.gatun.ffm.nccl;

import static io.gatun.ffm.Abi.value;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NcclAbiTest {
    @Test
    void numbersAreThoseOfTheHeader() {
        assertThat(value("ncclSuccess")).isEqualTo(NcclCalls.SUCCESS);
        assertThat(value("sizeof(ncclUniqueId)")).isEqualTo(NcclCalls.UNIQUE_ID_BYTES);
        assertThat(value("ncclUint8")).isEqualTo(NcclType.U8.code);
        assertThat(value("ncclInt32")).isEqualTo(NcclType.I32.code);
        assertThat(value("ncclFloat32")).isEqualTo(NcclType.F32.code);
        assertThat(value("ncclBfloat16")).isEqualTo(NcclType.BF16.code);
        assertThat(value("ncclSum")).isEqualTo(NcclReduction.SUM.code);
        assertThat(value("ncclMax")).isEqualTo(NcclReduction.MAX.code);
    }
}
