package io.gatun.ffm.cublaslt;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.StandIn;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.cuda.CudaGraph;
import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.cuda.DeviceMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Products of whole numbers, which every order of summing gives exactly; layouts of scales are tested with the engine that makes them. */
class MatmulPlanTest {
    private static final int M = 24, N = 16, K = 48;
    private static CudaDevice device;
    private static CublasLt library;
    private static CudaStream stream;
    private static DeviceMemory workspace;

    private final Arena arena = Arena.ofAuto();

    @BeforeAll
    static void open() {
        device = StandIn.device();
        assumeTrue(CublasLt.why().isEmpty(), CublasLt.why());
        library = CublasLt.open(device).orElseThrow();
        stream = new CudaStream(device);
        workspace = DeviceMemory.allocate(device, MatmulPlan.WORKSPACE_BYTES);
    }

    @AfterAll
    static void close() {
        if (device == null) return;
        if (library != null) library.close();
        device.close();
    }

    @Test
    void saysWhatItIs() {
        assertThat(CublasLt.version()).matches("1[2-9]\\.\\d+\\.\\d+");
        assertThat(CublasLt.library().path()).isNotNull();
        if (!StandIn.isReal()) assertThat(library.whyNotBlockScaled()).isEmpty();
    }

    @Test
    void multipliesBf16InEveryOrder() {
        for (int order = 0; order < 4; order++) {
            boolean transA = order % 2 == 1, transB = order / 2 == 1;
            MatmulPlan plan = new MatmulPlan(library, bf16(transA, transB, false));
            float[] found = run(plan, transA, transB, 1, false);
            for (int j = 0; j < N; j++) {
                for (int i = 0; i < M; i++) {
                    assertThat(found[j * M + i])
                            .as("%s: (%d, %d)", plan.product(), i, j)
                            .isEqualTo(expected(i, j));
                }
            }
        }
    }

    @Test
    void addsWhatIsThere() {
        MatmulPlan plan = new MatmulPlan(library, bf16(true, false, true));
        float[] found = run(plan, true, false, 2, false);
        assertThat(found[5 * M + 7]).isEqualTo(2 * expected(7, 5));
    }

    @Test
    void runsInAGraph() {
        MatmulPlan plan = new MatmulPlan(library, bf16(true, false, true));
        float[] found = run(plan, true, false, 3, true);
        assertThat(found[5 * M + 7]).isEqualTo(3 * expected(7, 5));
    }

    @Test
    void namesAProductThatTheLibraryDoesNotHave() {
        MatmulPlan.Product product = new MatmulPlan.Product(
                16,
                16,
                24,
                DataType.E4M3,
                DataType.F32,
                true,
                false,
                24,
                24,
                16,
                ScaleMode.BLOCK128,
                ScaleMode.VEC128,
                false);
        assertThatThrownBy(() -> new MatmulPlan(library, product))
                .isInstanceOf(CublasException.class)
                .hasMessageContaining("CUBLAS_STATUS_")
                .hasMessageContaining("k=24")
                .satisfies(e -> assertThat(((CublasException) e).status()).isPositive());
    }

    private static MatmulPlan.Product bf16(boolean transA, boolean transB, boolean accumulate) {
        int lda = transA ? K : M, ldb = transB ? N : K;
        ScaleMode none = ScaleMode.NONE;
        return new MatmulPlan.Product(
                M, N, K, DataType.BF16, DataType.F32, transA, transB, lda, ldb, M, none, none, accumulate);
    }

    private static int a(int i, int k) {
        return (3 * i + 5 * k) % 7 - 3;
    }

    private static int b(int k, int j) {
        return (2 * k + 7 * j) % 5 - 1;
    }

    private static float expected(int i, int j) {
        int sum = 0;
        for (int k = 0; k < K; k++) sum += a(i, k) * b(k, j);
        return sum;
    }

    private float[] run(MatmulPlan plan, boolean transA, boolean transB, int times, boolean graph) {
        try (DeviceMemory a = DeviceMemory.allocate(device, 2 * M * K);
                DeviceMemory b = DeviceMemory.allocate(device, 2 * K * N);
                DeviceMemory d = DeviceMemory.allocate(device, 4 * M * N)) {
            MemorySegment left = arena.allocate(2 * M * K), right = arena.allocate(2 * K * N);
            for (int k = 0; k < K; k++) {
                for (int i = 0; i < M; i++) left.setAtIndex(JAVA_SHORT, transA ? i * K + k : k * M + i, half(a(i, k)));
                for (int j = 0; j < N; j++) right.setAtIndex(JAVA_SHORT, transB ? k * N + j : j * K + k, half(b(k, j)));
            }
            stream.upload(a.address(), left, 0, left.byteSize());
            stream.upload(b.address(), right, 0, right.byteSize());
            stream.fill(d.address(), (byte) 0, 4 * M * N);
            if (graph) stream.beginCapture();
            for (int i = 0; i < (graph ? 1 : times); i++) {
                plan.run(a.address(), 0, b.address(), 0, d.address(), workspace.address(), stream.handle());
            }
            if (graph) {
                try (CudaGraph recorded = stream.endCapture()) {
                    for (int i = 0; i < times; i++) recorded.launch(stream);
                    stream.synchronize();
                }
            }
            MemorySegment found = arena.allocate(4 * M * N);
            stream.download(found, 0, d.address(), found.byteSize());
            stream.synchronize();
            return found.toArray(JAVA_FLOAT);
        }
    }

    private static short half(int value) {
        return (short) (Float.floatToRawIntBits(value) >>> 16);
    }
}
