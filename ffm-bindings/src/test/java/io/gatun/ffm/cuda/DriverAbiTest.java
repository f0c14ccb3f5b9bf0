package io.gatun.ffm.cuda;

import static io.gatun.ffm.Abi.value;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DriverAbiTest {
    @Test
    void numbersAreThoseOfTheHeader() {
        assertThat(value("sizeof(CUdevice)")).isEqualTo(Integer.BYTES);
        assertThat(value("sizeof(CUdeviceptr)")).isEqualTo(Long.BYTES);
        assertThat(value("sizeof(CUstream)")).isEqualTo(Long.BYTES);
        assertThat(value("CUDA_SUCCESS")).isEqualTo(DriverCalls.SUCCESS);
        assertThat(value("CUDA_ERROR_INVALID_VALUE")).isEqualTo(DriverCalls.ERROR_INVALID_VALUE);
        assertThat(value("CUDA_ERROR_NOT_READY")).isEqualTo(DriverCalls.ERROR_NOT_READY);
        assertThat(value("CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT"))
                .isEqualTo(DriverCalls.DEVICE_MULTIPROCESSOR_COUNT);
        assertThat(value("CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR"))
                .isEqualTo(DriverCalls.DEVICE_COMPUTE_CAPABILITY_MAJOR);
        assertThat(value("CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR"))
                .isEqualTo(DriverCalls.DEVICE_COMPUTE_CAPABILITY_MINOR);
        assertThat(value("CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN"))
                .isEqualTo(DriverCalls.DEVICE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
        assertThat(value("CU_MEMHOSTALLOC_PORTABLE")).isEqualTo(DriverCalls.MEMHOSTALLOC_PORTABLE);
        assertThat(value("CU_STREAM_NON_BLOCKING")).isEqualTo(DriverCalls.STREAM_NON_BLOCKING);
        assertThat(value("CU_EVENT_DEFAULT")).isEqualTo(DriverCalls.EVENT_DEFAULT);
        assertThat(value("CU_EVENT_DISABLE_TIMING")).isEqualTo(DriverCalls.EVENT_DISABLE_TIMING);
        assertThat(value("CU_STREAM_CAPTURE_MODE_THREAD_LOCAL")).isEqualTo(DriverCalls.CAPTURE_THREAD_LOCAL);
        assertThat(value("CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES"))
                .isEqualTo(DriverCalls.FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES);
    }
}
