package io.gatun.model.engine;

import io.gatun.ffm.cuda.CudaFunction;
import io.gatun.ffm.cuda.CudaLaunch;
import io.gatun.ffm.cuda.CudaStream;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;

/**
 * A kernel in a stream: {@link #with} begins its arguments, which follow in the kernel's order, and a run ends them. Used by one thread at
 * a time; allocates nothing.
 */
public final class CudaKernel {
    /** Threads of a block, unless a kernel says otherwise. */
    public static final int THREADS = 256;

    private static final int SHARED_BYTES = 48 << 10; // that need no permission

    private final CudaFunction function;
    private final CudaLaunch launch;
    private final CudaStream stream;
    private int allowedBytes = SHARED_BYTES;
    private int given;

    CudaKernel(CudaFunction function, CudaStream stream) {
        this.function = function;
        this.stream = stream;
        launch = new CudaLaunch(function, Arena.ofAuto());
    }

    /** Begins the arguments of a run. */
    public CudaKernel with() {
        given = 0;
        return this;
    }

    /** A matrix and its stride: two arguments. */
    public CudaKernel matrix(Tensor matrix) {
        launch.pointer(given++, matrix.deviceAddress());
        launch.pointer(given++, matrix.rowStride());
        return this;
    }

    /** A matrix and its stride, or null and 0. */
    public CudaKernel matrixOrNull(Tensor matrix) {
        return matrix == null ? address(0).number(0L) : matrix(matrix);
    }

    /** A tensor without gaps. */
    public CudaKernel vector(Tensor vector) {
        return address(vector.deviceAddress());
    }

    public CudaKernel address(long address) {
        launch.pointer(given++, address);
        return this;
    }

    public CudaKernel number(long number) {
        launch.pointer(given++, number);
        return this;
    }

    public CudaKernel number(int number) {
        launch.integer(given++, number);
        return this;
    }

    public CudaKernel number(float number) {
        launch.real(given++, number);
        return this;
    }

    /** Puts {@code blocks} blocks of {@link #THREADS} threads into the stream. */
    public void run(int blocks) {
        run(blocks, 1, 1, THREADS, 0);
    }

    /** Puts a run into the stream; one of no blocks is left out. */
    public void run(int x, int y, int z, int threads, long sharedBytes) {
        if (given != function.parameters()) {
            throw new IllegalStateException("kernel %s has %d parameters; %d arguments were given"
                    .formatted(function.name(), function.parameters(), given));
        }
        if (x == 0 || y == 0 || z == 0) return;
        stream.device().makeCurrent();
        if (sharedBytes > allowedBytes) allow(sharedBytes);
        launch.run(stream, x, y, z, threads, 1, 1, (int) sharedBytes);
    }

    private void allow(long bytes) {
        int most = stream.device().largestSharedMemory();
        if (bytes > most) {
            throw new TensorException("kernel %s needs %d bytes of shared memory for this shape; the GPU has %d a block"
                    .formatted(function.name(), bytes, most));
        }
        function.allowSharedMemory((int) bytes);
        allowedBytes = (int) bytes;
    }
}
