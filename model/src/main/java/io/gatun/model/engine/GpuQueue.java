package io.gatun.model.engine;

import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cublaslt.MatmulPlan;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.cuda.DeviceMemory;
import io.gatun.parallel.Team;

/** What an engine's products share: one stream, the way of rows to the GPU and back, plans and the library's workspace. */
final class GpuQueue implements AutoCloseable {
    final CudaDevice device;
    final CudaStream stream;
    final RowTransfer transfer;
    private final PlanTable plans;
    private final DeviceMemory workspace;

    GpuQueue(CublasLt library, Team team) {
        device = library.device();
        stream = new CudaStream(device);
        transfer = new RowTransfer(stream, team);
        plans = new PlanTable(library);
        workspace = DeviceMemory.allocate(device, MatmulPlan.WORKSPACE_BYTES);
    }

    /** Puts a product of contiguous matrices at these addresses into the stream; without scales theirs are 0. */
    void run(Kind kind, long m, long n, long k, long a, long aScales, long b, long bScales, long d) {
        plans.get(kind, m, n, k).run(a, aScales, b, bScales, d, workspace.address(), stream.handle());
    }

    @Override
    public void close() {
        device.makeCurrent();
        stream.synchronize();
        workspace.close();
        transfer.close();
        stream.close();
    }
}
