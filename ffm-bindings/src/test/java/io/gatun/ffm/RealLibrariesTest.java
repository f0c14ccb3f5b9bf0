package io.gatun.ffm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.nccl.NcclCommunicator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What the machine's own libraries do without a GPU. */
class RealLibrariesTest {
    @BeforeAll
    static void onlyWithRealOnes() {
        assumeTrue(StandIn.isReal(), "these tests are for the real libraries: -Dgatun.cuda.real=true");
    }

    @Test
    void theDriverIsThereOrSaysWhyNot() {
        String why = CudaDevice.why(0);
        assertThat(CudaDevice.open(0).isEmpty()).isEqualTo(!why.isEmpty());
        if (!CudaDevice.library().isFound())
            assertThat(why).contains("no such file: ").contains("libcuda.so.1");
    }

    @Test
    void cublasLtIsThereOrSaysWhyNot() {
        assumeTrue(CublasLt.why().isEmpty(), CublasLt.why());
        assertThat(CublasLt.version()).matches("1[2-9]\\.\\d+\\.\\d+");
    }

    @Test
    void ncclIsThereOrSaysWhyNot() {
        assumeTrue(NcclCommunicator.why().isEmpty(), NcclCommunicator.why());
        assertThat(NcclCommunicator.newId()).hasSize(128);
    }
}
