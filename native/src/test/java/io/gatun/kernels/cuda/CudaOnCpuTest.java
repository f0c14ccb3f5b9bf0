package io.gatun.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What stands in for a GPU does what one does, and finds what one would not forgive. */
class CudaOnCpuTest {
    private static final String SOURCE = """
            extern "C" __global__ void indices(int* y) {
                int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
                y[block * blockDim.x + threadIdx.x] = 1000 * block + threadIdx.x;
            }
            extern "C" __global__ void turned(float* y, const float* x) {
                DYNAMIC_SHARED(float, all);
                all[threadIdx.x] = x[threadIdx.x];
                __syncthreads();
                y[threadIdx.x] = all[blockDim.x - 1 - threadIdx.x];
            }
            extern "C" __global__ void unwritten(float* y) {
                __shared__ float one;
                y[blockIdx.x] = one;
                one = 7;
            }
            extern "C" __global__ void shuffled(int* y) {
                int t = threadIdx.x, lane = t % 32;
                y[t] = __shfl_xor_sync(~0u, t, 5);
                y[64 + t] = __shfl_down_sync(~0u, t, 3);
                y[128 + t] = __shfl_sync(~0u, t, 9);
                y[192 + t] = __shfl_up_sync(~0u, t, 2);
                y[256 + t] = __ballot_sync(~0u, t % 3 == 0);
                if (lane >= 16) y[320 + t] = __shfl_sync(0xffff0000u, t, 16);
                double wide = __shfl_xor_sync(~0u, t + 0.5, 1);
                y[384 + t] = (int)(2 * wide);
            }
            extern "C" __global__ void oddOnesWait() {
                if (threadIdx.x % 2) __syncthreads();
            }
            extern "C" __global__ void twoPlaces() {
                if (threadIdx.x < 32) __syncthreads();
                else
                    __syncthreads();
            }
            extern "C" __global__ void laneEnds(int* y) {
                if (threadIdx.x == 3) return;
                y[threadIdx.x] = __shfl_xor_sync(~0u, 1, 1);
            }
            extern "C" __global__ void overrun() {
                DYNAMIC_SHARED(char, all);
                all[blockDim.x] = 1;
            }
            extern "C" __global__ void counted(int* y) { atomicAdd(y, 1); }
            """;

    private static CudaOnCpu cuda;

    private final Arena arena = Arena.ofAuto();
    private final MemorySegment y = arena.allocate(ValueLayout.JAVA_INT, 512);

    @BeforeAll
    static void compile() {
        assumeTrue(CudaOnCpu.whyNot() == null, CudaOnCpu.whyNot());
        cuda = CudaOnCpu.compile("emulation", SOURCE);
    }

    private int y(int i) {
        return y.getAtIndex(ValueLayout.JAVA_INT, i);
    }

    @Test
    void threadsKnowWhereTheyAre() {
        cuda.launch("indices", 2, 3, 2, 40, 0, y);
        for (int i = 0; i < 480; i++) assertThat(y(i)).isEqualTo(i / 40 * 1000 + i % 40);
    }

    @Test
    void barriersMakeSharedMemoryVisible() {
        MemorySegment x = arena.allocateFrom(ValueLayout.JAVA_FLOAT, floats(96));
        for (boolean reversed : new boolean[] {false, true}) {
            cuda.reverse(reversed);
            cuda.launch("turned", 1, 1, 1, 96, 96 * 4, y, x);
            for (int i = 0; i < 96; i++) {
                assertThat(y.getAtIndex(ValueLayout.JAVA_FLOAT, i)).isEqualTo(95 - i);
            }
        }
        cuda.reverse(false);
    }

    private static float[] floats(int count) {
        float[] x = new float[count];
        for (int i = 0; i < count; i++) x[i] = i;
        return x;
    }

    @Test
    void unwrittenSharedMemoryIsNaN() {
        cuda.launch("unwritten", 2, 1, 1, 1, 0, y);
        assertThat(y.getAtIndex(ValueLayout.JAVA_FLOAT, 0)).isNaN();
        assertThat(y.getAtIndex(ValueLayout.JAVA_FLOAT, 1)).isNaN(); // what another block wrote is gone
    }

    @Test
    void warpFunctionsMoveWhatLanesHold() {
        cuda.launch("shuffled", 1, 1, 1, 64, 0, y);
        int ballot = IntStream.range(0, 32).map(i -> i % 3 == 0 ? 1 << i : 0).sum();
        for (int t = 0; t < 64; t++) {
            int first = t / 32 * 32, lane = t % 32;
            assertThat(y(t)).isEqualTo(t ^ 5);
            assertThat(y(64 + t)).isEqualTo(lane + 3 < 32 ? t + 3 : t);
            assertThat(y(128 + t)).isEqualTo(first + 9);
            assertThat(y(192 + t)).isEqualTo(lane >= 2 ? t - 2 : t);
            if (first == 0) assertThat(y(256 + t)).isEqualTo(ballot);
            if (lane >= 16) assertThat(y(320 + t)).isEqualTo(first + 16);
            assertThat(y(384 + t)).isEqualTo(2 * (t ^ 1) + 1);
        }
    }

    @Test
    void barriersThatNotAllReachAreFound() {
        assertThatThrownBy(() -> cuda.launch("oddOnesWait", 1, 1, 1, 64, 0))
                .hasMessageContaining(
                        "a barrier that not all threads reach: 32 threads have ended, thread (1, 0, 0) waits");
        assertThatThrownBy(() -> cuda.launch("twoPlaces", 1, 1, 1, 64, 0))
                .hasMessageContaining("__syncthreads of lines");
        assertThatThrownBy(() -> cuda.launch("laneEnds", 1, 1, 1, 32, 0, y)).hasMessageContaining("in a warp function");
        cuda.launch("counted", 5, 1, 1, 33, 0, y); // and the next launch is sound again
        assertThat(y(0)).isEqualTo(165);
    }

    @Test
    void limitsAndArgumentsAreChecked() {
        assertThatThrownBy(() -> cuda.launch("overrun", 1, 1, 1, 32, 32))
                .hasMessageContaining("32 bytes of dynamic shared");
        assertThatThrownBy(() -> cuda.launch("counted", 1, 1, 1, 1025, 0, y)).hasMessageContaining("1025 threads");
        assertThatThrownBy(() -> cuda.launch("counted", 1, 65536, 1, 32, 0, y)).hasMessageContaining("65536");
        assertThatThrownBy(() -> cuda.launch("counted", 1, 1, 1, 32, 1 << 18, y))
                .hasMessageContaining("262144 bytes");
        assertThatThrownBy(() -> cuda.launch("counted", 1, 1, 1, 32, 0, y, 1))
                .hasMessageContaining("takes p and is given pi");
    }
}
