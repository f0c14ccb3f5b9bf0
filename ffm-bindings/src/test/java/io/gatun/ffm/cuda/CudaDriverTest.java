package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.ffm.StandIn;
import io.gatun.ffm.nvrtc.Nvrtc;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class CudaDriverTest {
    private static final String SOURCE = """
            extern "C" __global__ void __launch_bounds__(256) axpy(float* y, const float* x, int count, float factor) {
                int i = blockIdx.x * blockDim.x + threadIdx.x;
                if (i < count) y[i] += factor * x[i];
            }

            extern "C" __global__ void place(int* to) {
                int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
                int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
                int i = block * blockDim.x * blockDim.y * blockDim.z + thread;
                to[i] = 100 * block + thread;
            }

            extern "C" __global__ void nothing() {}
            """;
    private static CudaDevice device;
    private static CudaModule module;

    private final Arena arena = Arena.ofAuto();

    @BeforeAll
    static void compile() {
        device = StandIn.device();
        byte[] cubin = Nvrtc.open()
                .orElseThrow()
                .compile("test.cu", SOURCE, List.of("--gpu-architecture=" + device.architecture()));
        module = new CudaModule(device, cubin);
    }

    @AfterAll
    static void close() {
        if (device == null) return;
        module.close();
        device.close();
    }

    @Test
    void describesTheDevice() {
        assertThat(CudaDevice.why(0)).isEmpty();
        assertThat(CudaDevice.count()).isPositive();
        assertThat(CudaDevice.why(99)).startsWith("there is no GPU number 99");
        assertThat(CudaDevice.open(99)).isEmpty();
        assertThat(CudaDevice.library().path()).isNotNull();
        assertThat(CudaDevice.driverVersion()).matches("1[2-9]\\.\\d+");
        assertThat(device.name()).isNotBlank();
        assertThat(device.capability()).isGreaterThanOrEqualTo(75);
        assertThat(device.architecture()).startsWith("sm_" + device.capability());
        assertThat(device.multiprocessors()).isPositive();
        assertThat(device.largestSharedMemory()).isGreaterThan(48 << 10);
        assertThat(device.freeMemory()).isPositive().isLessThanOrEqualTo(device.totalMemory());
    }

    @Test
    void copiesThereAndBack() {
        try (DeviceMemory a = DeviceMemory.allocate(device, 1000);
                DeviceMemory b = DeviceMemory.allocate(device, 1000);
                PinnedMemory pinned = PinnedMemory.allocate(device, 1000);
                CudaStream stream = new CudaStream(device)) {
            assertThat(a.address() % 256).isZero();
            assertThat(a.bytes()).isEqualTo(1000);
            MemorySegment host = arena.allocate(1000);
            for (int i = 0; i < 1000; i++) pinned.segment().set(JAVA_BYTE, i, (byte) (7 * i));
            stream.upload(a.address(), pinned.segment(), 0, 1000);
            stream.fill(b.address(), (byte) 3, 1000);
            stream.copy(b.address() + 100, a.address() + 200, 300);
            stream.download(host, 10, b.address(), 990);
            stream.synchronize();
            for (int i = 0; i < 990; i++) {
                byte expected = i >= 100 && i < 400 ? (byte) (7 * (i + 100)) : 3;
                assertThat(host.get(JAVA_BYTE, i + 10)).as("byte %d", i).isEqualTo(expected);
            }
        }
    }

    @Test
    void refusesCopiesOfOtherMemory() {
        try (DeviceMemory memory = DeviceMemory.allocate(device, 64);
                CudaStream stream = new CudaStream(device)) {
            MemorySegment host = arena.allocate(128);
            assertThatThrownBy(() -> stream.upload(memory.address(), host, 100, 64))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> stream.upload(memory.address(), MemorySegment.ofArray(new byte[64]), 0, 64))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("Java array");
            if (StandIn.isReal()) return; // a real driver may know the memory behind ours
            assertThatThrownBy(() -> stream.upload(memory.address(), host, 0, 65))
                    .isInstanceOf(CudaException.class)
                    .hasMessageStartingWith("cuMemcpyHtoDAsync_v2 of 65 bytes: CUDA_ERROR_INVALID_VALUE (1), ")
                    .satisfies(e -> assertThat(((CudaException) e).status()).isEqualTo(1));
        }
    }

    @Test
    void memoryEndsWithItsArena() {
        long free = device.freeMemory();
        try (Arena owner = Arena.ofShared()) {
            DeviceMemory.allocate(device, owner, 64 << 20);
            assertThat(device.freeMemory()).isLessThanOrEqualTo(free - (64 << 20));
        }
        assertThat(device.freeMemory()).isEqualTo(free);
        assertThatThrownBy(() -> DeviceMemory.allocate(device, 1L << 50))
                .isInstanceOf(CudaException.class)
                .hasMessageContaining("1125899906842624 bytes: CUDA_ERROR_OUT_OF_MEMORY (2)");
    }

    @Test
    void runsKernels() {
        int count = 1000;
        try (DeviceMemory x = DeviceMemory.allocate(device, 4L * count);
                DeviceMemory y = DeviceMemory.allocate(device, 4L * count);
                CudaStream stream = new CudaStream(device)) {
            MemorySegment numbers = arena.allocate(JAVA_FLOAT, count);
            for (int i = 0; i < count; i++) numbers.setAtIndex(JAVA_FLOAT, i, i);
            stream.upload(x.address(), numbers, 0, 4L * count);
            stream.fill(y.address(), (byte) 0, 4L * count);
            CudaLaunch axpy = new CudaLaunch(module.function("axpy"), arena);
            axpy.pointer(0, y.address())
                    .pointer(1, x.address())
                    .integer(2, count)
                    .real(3, 0.5f);
            axpy.run(stream, Math.ceilDiv(count, 256), 256, 0);
            axpy.real(3, 2);
            axpy.run(stream, Math.ceilDiv(count, 256), 256, 0);
            stream.download(numbers, 0, y.address(), 4L * count);
            stream.synchronize();
            assertThat(stream.isDone()).isTrue();
            for (int i = 0; i < count; i++) {
                assertThat(numbers.getAtIndex(JAVA_FLOAT, i)).isEqualTo(2.5f * i);
            }
        }
    }

    @Test
    void runsKernelsInThreeDimensions() {
        int blocks = 2 * 3 * 5, threads = 4 * 2 * 3;
        try (DeviceMemory to = DeviceMemory.allocate(device, 4L * blocks * threads);
                CudaStream stream = new CudaStream(device)) {
            new CudaLaunch(module.function("place"), arena)
                    .pointer(0, to.address())
                    .run(stream, 2, 3, 5, 4, 2, 3, 0);
            MemorySegment places = arena.allocate(4L * blocks * threads);
            stream.download(places, 0, to.address(), places.byteSize());
            stream.synchronize();
            for (int i = 0; i < blocks * threads; i++) {
                int place = places.getAtIndex(JAVA_INT, i);
                assertThat(place).isEqualTo(100 * (i / threads) + i % threads);
            }
        }
    }

    @Test
    void threadsOfABlockWaitForEachOther() {
        String source = """
                extern "C" __global__ void reverse(int* to) {
                    __shared__ int shared[64];
                    shared[threadIdx.x] = to[threadIdx.x];
                    __syncthreads();
                    to[threadIdx.x] = shared[63 - threadIdx.x];
                }
                """;
        byte[] cubin = Nvrtc.open()
                .orElseThrow()
                .compile("reverse.cu", source, List.of("--gpu-architecture=" + device.architecture()));
        try (CudaModule reverse = new CudaModule(device, cubin);
                DeviceMemory to = DeviceMemory.allocate(device, 4 * 64);
                CudaStream stream = new CudaStream(device)) {
            MemorySegment numbers = arena.allocate(JAVA_INT, 64);
            for (int i = 0; i < 64; i++) numbers.setAtIndex(JAVA_INT, i, i * i);
            stream.upload(to.address(), numbers, 0, 4 * 64);
            new CudaLaunch(reverse.function("reverse"), arena)
                    .pointer(0, to.address())
                    .run(stream, 1, 64, 0);
            stream.download(numbers, 0, to.address(), 4 * 64);
            stream.synchronize();
            for (int i = 0; i < 64; i++)
                assertThat(numbers.getAtIndex(JAVA_INT, i)).isEqualTo((63 - i) * (63 - i));
        }
    }

    @Test
    void refusesArgumentsThatTheKernelDoesNotHave() {
        CudaFunction function = module.function("axpy");
        assertThat(function.parameters()).isEqualTo(4);
        assertThat(function.size(1)).isEqualTo(8);
        assertThat(module.function("nothing").parameters()).isZero();
        CudaLaunch axpy = new CudaLaunch(function, arena);
        assertThatThrownBy(() -> axpy.pointer(2, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("parameter 2 of kernel axpy has 4 bytes; an argument of 8 was given");
        assertThatThrownBy(() -> axpy.integer(4, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("kernel axpy has 4 parameters; argument 4 was given");
        try (CudaStream stream = new CudaStream(device)) {
            assertThatThrownBy(() -> axpy.integer(2, 1).run(stream, 1, 1, 0))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("kernel axpy has 4 parameters; 3 of them were never given");
        }
        assertThatThrownBy(() -> module.function("axpby"))
                .isInstanceOf(CudaException.class)
                .hasMessageStartingWith("kernel axpby: cuModuleGetFunction: CUDA_ERROR_NOT_FOUND (500)");
    }

    @Test
    void refusesWhatNoBlockCanHave() {
        try (CudaStream stream = new CudaStream(device)) {
            CudaFunction function = module.function("nothing");
            CudaLaunch nothing = new CudaLaunch(function, arena);
            assertThatThrownBy(() -> nothing.run(stream, 1, 1025, 0))
                    .isInstanceOf(CudaException.class)
                    .hasMessageStartingWith(
                            "kernel nothing, grid 1 x 1 x 1, block 1025 x 1 x 1, 0 bytes shared: cuLaunchKernel: ");
            assertThatThrownBy(() -> nothing.run(stream, 1, 32, 64 << 10)).isInstanceOf(CudaException.class);
            function.allowSharedMemory(64 << 10);
            nothing.run(stream, 1, 32, 64 << 10);
            stream.synchronize();
            assertThatThrownBy(() -> function.allowSharedMemory(1 << 20))
                    .isInstanceOf(CudaException.class)
                    .hasMessageStartingWith("1048576 bytes of shared memory for kernel nothing: ");
        }
        assertThatThrownBy(() -> new CudaModule(device, "no machine code".getBytes()))
                .isInstanceOf(CudaException.class)
                .hasMessageStartingWith("cuModuleLoadData: ");
    }

    @Test
    void repeatsWhatAGraphRecorded() {
        try (DeviceMemory x = DeviceMemory.allocate(device, 4);
                DeviceMemory y = DeviceMemory.allocate(device, 4);
                PinnedMemory host = PinnedMemory.allocate(device, 8);
                CudaStream stream = new CudaStream(device)) {
            MemorySegment numbers = host.segment();
            numbers.setAtIndex(JAVA_FLOAT, 0, 1);
            numbers.setAtIndex(JAVA_FLOAT, 1, 0);
            stream.fill(y.address(), (byte) 0, 4);
            CudaLaunch axpy = new CudaLaunch(module.function("axpy"), arena);
            axpy.pointer(0, y.address()).pointer(1, x.address()).integer(2, 1).real(3, 10);
            stream.beginCapture();
            stream.upload(x.address(), numbers, 0, 4);
            axpy.run(stream, 1, 1, 0);
            axpy.real(3, 100); // the graph keeps both
            axpy.run(stream, 1, 1, 0);
            stream.download(numbers, 4, y.address(), 4);
            try (CudaGraph graph = stream.endCapture()) {
                assertThat(result(stream, numbers)).isZero(); // nothing ran yet
                graph.launch(stream);
                assertThat(result(stream, numbers)).isEqualTo(110);
                numbers.setAtIndex(JAVA_FLOAT, 0, 2);
                graph.launch(stream);
                assertThat(result(stream, numbers)).isEqualTo(330);
            }
        }
    }

    private static float result(CudaStream stream, MemorySegment numbers) {
        stream.synchronize();
        return numbers.getAtIndex(JAVA_FLOAT, 1);
    }

    @Test
    void streamsWaitForEvents() {
        try (CudaStream first = new CudaStream(device);
                CudaStream second = new CudaStream(device);
                CudaEvent start = CudaEvent.timed(device);
                CudaEvent end = CudaEvent.timed(device);
                CudaEvent plain = CudaEvent.plain(device)) {
            start.record(first);
            plain.record(first);
            second.await(plain);
            end.record(second);
            end.synchronize();
            assertThat(end.millisSince(start)).isBetween(0f, 1000f);
            assertThatThrownBy(() -> end.millisSince(plain)).isInstanceOf(CudaException.class);
        }
    }

    @Test
    void eachThreadMakesTheDeviceItsOwn() throws InterruptedException {
        Throwable[] thrown = new Throwable[1];
        Thread other = new Thread(() -> {
            try (CudaStream stream = new CudaStream(device)) {
                stream.synchronize();
            } catch (Throwable t) {
                thrown[0] = t;
            }
        });
        other.start();
        other.join();
        assertThat(thrown[0]).isNull();
    }
}
