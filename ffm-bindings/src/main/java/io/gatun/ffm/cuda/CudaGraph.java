package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Recorded work of a stream, which runs again in one call. All memory that it names has to live as long as the graph is used. */
public final class CudaGraph implements AutoCloseable {
    private final CudaDevice device;
    private final long executable;
    private boolean closed;

    /** Takes a captured graph and makes it ready to run. */
    CudaGraph(CudaDevice device, long graph) {
        this.device = device;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            DriverCalls.cuGraphInstantiateWithFlags(out, graph, 0);
            executable = out.get(JAVA_LONG, 0);
        } finally {
            DriverCalls.cuGraphDestroy(graph);
        }
    }

    /** Puts the whole graph into {@code stream}. */
    public void launch(CudaStream stream) {
        DriverCalls.cuGraphLaunch(executable, stream.handle());
    }

    @Override
    public void close() {
        if (closed || device.isClosed()) return;
        closed = true;
        device.makeCurrent();
        DriverCalls.cuGraphExecDestroy(executable);
    }
}
