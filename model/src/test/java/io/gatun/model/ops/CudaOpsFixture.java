package io.gatun.model.ops;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.StandIn;
import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.nvrtc.CubinCache;
import io.gatun.ffm.nvrtc.Nvrtc;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** What the tests of {@link CudaOps} share: a GPU or what stands in for it, the CPU's verbs, and tensors on both. */
abstract class CudaOpsFixture {
    private static Team team;
    private static CudaDevice device;
    private static CublasLt library;
    static CudaOps gpu;
    static CpuOps cpu;

    final Arena arena = Arena.ofAuto();

    @BeforeAll
    static void open() {
        device = StandIn.device();
        assumeTrue(CublasLt.why().isEmpty(), CublasLt.why());
        assumeTrue(Nvrtc.why().isEmpty(), Nvrtc.why());
        team = new Team(2);
        library = CublasLt.open(device).orElseThrow();
        gpu = new CudaOps(library, Nvrtc.open().orElseThrow(), new CubinCache(StandIn.cubins()), team);
        cpu = CpuOps.on(team);
    }

    @AfterAll
    static void close() {
        if (gpu != null) gpu.close();
        if (library != null) library.close();
        if (device != null) device.close();
        if (team != null) team.close();
        gpu = null;
        library = null;
        device = null;
        team = null;
    }

    /** Normal numbers on the host, in rows that lie further apart than they are long. */
    Tensor normal(Random random, int rows, int cols) {
        Tensor wide = Tensor.zeros(arena, DType.F32, rows, cols + 7);
        for (long i = 0; i < wide.count(); i++) wide.set(i, random.nextGaussian());
        return wide.columns(4, cols + 4);
    }

    Tensor vector(Random random, int count) {
        Tensor vector = Tensor.zeros(arena, DType.F32, count);
        for (long i = 0; i < count; i++) vector.set(i, random.nextGaussian());
        return vector;
    }

    /** The same numbers on the GPU, in rows that lie further apart too unless they have no gaps on the host. */
    Tensor onGpu(Tensor host) {
        if (host.rowStride() == host.cols()) return gpu.resident(arena, host);
        Tensor copy =
                gpu.zeros(arena, host.dtype(), host.rows(), host.cols() + 5L).columns(3, host.cols() + 3L);
        gpu.upload(copy, host);
        return copy;
    }

    /** The same numbers on the host. */
    Tensor onHost(Tensor device) {
        Tensor copy = gpu.onHost(device);
        gpu.download(copy, device);
        return copy;
    }

    /** Numbers of the GPU and of the CPU lie within {@code tolerance · (1 + |expected|)}. */
    void assertClose(String name, Tensor device, Tensor expected, double tolerance) {
        RoutingFixture.assertClose(name, onHost(device), expected, tolerance);
    }
}
