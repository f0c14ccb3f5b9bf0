package io.gatun.ffm.cublaslt;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.StandIn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Descriptors need no GPU, so the real library is tested wherever it is: it checks the size of every attribute. */
class DescriptorsTest {
    private final Arena arena = Arena.ofAuto();

    @BeforeAll
    static void open() {
        if (!StandIn.isReal()) StandIn.require();
        assumeTrue(CublasLt.why().isEmpty(), CublasLt.why());
    }

    @Test
    void attributesHaveTheSizesThatWeGive() {
        MemorySegment desc = arena.allocate(CublasLtCalls.DESC_BYTES, 8);
        CublasLtCalls.cublasLtMatmulDescInit(desc, desc.byteSize(), CublasLtCalls.COMPUTE_32F, DataType.F32.code);
        setsOnly(desc, CublasLtCalls.DESC_TRANSA, 4);
        setsOnly(desc, CublasLtCalls.DESC_TRANSB, 4);
        setsOnly(desc, CublasLtCalls.DESC_A_SCALE_MODE, 4);
        setsOnly(desc, CublasLtCalls.DESC_B_SCALE_MODE, 4);
        setsOnly(desc, CublasLtCalls.DESC_A_SCALE_POINTER, 8);
        setsOnly(desc, CublasLtCalls.DESC_B_SCALE_POINTER, 8);
        setsOnly(desc, CublasLtCalls.DESC_FAST_ACCUM, 1);
    }

    private void setsOnly(MemorySegment desc, int attribute, int bytes) {
        MemorySegment value = arena.allocate(16, 8);
        CublasLtCalls.cublasLtMatmulDescSetAttribute(desc, attribute, value, bytes);
        for (int other : new int[] {1, 4, 8}) {
            if (other == bytes) continue;
            assertThatThrownBy(() -> CublasLtCalls.cublasLtMatmulDescSetAttribute(desc, attribute, value, other))
                    .as("attribute %d with %d bytes", attribute, other)
                    .isInstanceOf(CublasException.class)
                    .hasMessage("cublasLtMatmulDescSetAttribute: CUBLAS_STATUS_INVALID_VALUE (7)");
        }
    }

    @Test
    void preferencesAndLayoutsAreMade() {
        MemorySegment preference = arena.allocate(CublasLtCalls.PREFERENCE_BYTES, 8);
        CublasLtCalls.cublasLtMatmulPreferenceInit(preference, preference.byteSize());
        MemorySegment bytes = arena.allocateFrom(JAVA_LONG, MatmulPlan.WORKSPACE_BYTES);
        CublasLtCalls.cublasLtMatmulPreferenceSetAttribute(
                preference, CublasLtCalls.PREF_MAX_WORKSPACE_BYTES, bytes, 8);
        MemorySegment zero = arena.allocate(JAVA_INT);
        CublasLtCalls.cublasLtMatmulPreferenceSetAttribute(
                preference, CublasLtCalls.PREF_REDUCTION_SCHEME_MASK, zero, 4);
        assertThatThrownBy(() -> CublasLtCalls.cublasLtMatmulPreferenceSetAttribute(
                        preference, CublasLtCalls.PREF_REDUCTION_SCHEME_MASK, bytes, 8))
                .isInstanceOf(CublasException.class);
        MemorySegment layout = arena.allocate(CublasLtCalls.LAYOUT_BYTES, 8);
        CublasLtCalls.cublasLtMatrixLayoutInit(layout, layout.byteSize(), DataType.BF16.code, 24, 16, 32);
        assertThatThrownBy(() -> CublasLtCalls.cublasLtMatrixLayoutInit(layout, 8, DataType.BF16.code, 24, 16, 32))
                .isInstanceOf(CublasException.class);
    }

    @Test
    void statusesHaveNames() {
        assertThat(CublasLtCalls.cublasLtGetStatusName(15)).isEqualTo("CUBLAS_STATUS_NOT_SUPPORTED");
    }
}
