package io.gatun.ffm.nccl;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.ffm.NativeLibrary;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.cuda.CudaStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One GPU's part in a group of GPUs. Calls are put into a stream and return at once; all ranks make the same calls in the same order,
 * each communicator from one thread at a time. Addresses are the GPU's, counts are of elements.
 */
public final class NcclCommunicator implements AutoCloseable {
    private final CudaDevice device;
    private final int ranks;
    private final int rank;
    private final long handle;
    private boolean closed;

    /**
     * Joins a group; returns when all ranks have.
     *
     * @param device this rank's GPU, which no other rank has
     * @param id what {@link #newId} gave to one of the ranks
     */
    public NcclCommunicator(CudaDevice device, byte[] id, int ranks, int rank) {
        if (id.length != NcclCalls.UNIQUE_ID_BYTES) {
            throw new IllegalArgumentException(
                    "an id of %d bytes; NCCL's have %d".formatted(id.length, NcclCalls.UNIQUE_ID_BYTES));
        }
        this.device = device;
        this.ranks = ranks;
        this.rank = rank;
        device.makeCurrent();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            NcclCalls.ncclCommInitRank(out, ranks, arena.allocateFrom(JAVA_BYTE, id), rank);
            handle = out.get(JAVA_LONG, 0);
        }
    }

    /** Why there is no NCCL; empty when there is one. */
    public static String why() {
        return NcclCalls.LIBRARY.why();
    }

    public static NativeLibrary library() {
        return NcclCalls.LIBRARY;
    }

    /** The library's version, such as 2.30.7; it needs no GPU. */
    public static String version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            NcclCalls.ncclGetVersion(out);
            int version = out.get(JAVA_INT, 0);
            return version / 10000 + "." + version % 10000 / 100 + "." + version % 100;
        }
    }

    /** A new group's name, which the rank that asked for it gives to the others. */
    public static byte[] newId() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(NcclCalls.UNIQUE_ID);
            NcclCalls.ncclGetUniqueId(out);
            return out.toArray(JAVA_BYTE);
        }
    }

    public int ranks() {
        return ranks;
    }

    public int rank() {
        return rank;
    }

    /** {@code to} of every rank becomes the reduction of all ranks' {@code from}; the two may be the same. */
    public void allReduce(long to, long from, long count, NcclType type, NcclReduction reduction, CudaStream stream) {
        NcclCalls.ncclAllReduce(from, to, count, type.code, reduction.code, handle, stream.handle());
    }

    /** {@code to} [count] becomes this rank's share of the reduction of all ranks' {@code from} [ranks, count]. */
    public void reduceScatter(
            long to, long from, long count, NcclType type, NcclReduction reduction, CudaStream stream) {
        NcclCalls.ncclReduceScatter(from, to, count, type.code, reduction.code, handle, stream.handle());
    }

    /** {@code to} [ranks, count] of every rank becomes all ranks' {@code from} [count]. */
    public void allGather(long to, long from, long count, NcclType type, CudaStream stream) {
        NcclCalls.ncclAllGather(from, to, count, type.code, handle, stream.handle());
    }

    /** {@code to} of every rank becomes {@code from} of rank {@code root}. */
    public void broadcast(long to, long from, long count, NcclType type, int root, CudaStream stream) {
        NcclCalls.ncclBroadcast(from, to, count, type.code, root, handle, stream.handle());
    }

    /** Sends to rank {@code peer}, which receives as many. */
    public void send(long from, long count, NcclType type, int peer, CudaStream stream) {
        NcclCalls.ncclSend(from, count, type.code, peer, handle, stream.handle());
    }

    /** Receives from rank {@code peer}, which sends as many. */
    public void receive(long to, long count, NcclType type, int peer, CudaStream stream) {
        NcclCalls.ncclRecv(to, count, type.code, peer, handle, stream.handle());
    }

    /** What this thread asks for from here on begins together at {@link #endGroup}: sends and receives of an all-to-all. */
    public static void beginGroup() {
        NcclCalls.ncclGroupStart();
    }

    public static void endGroup() {
        NcclCalls.ncclGroupEnd();
    }

    /** Throws what went wrong in calls that have returned long since, such as a rank that is gone. */
    public void check() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_INT);
            NcclCalls.ncclCommGetAsyncError(handle, out);
            int status = out.get(JAVA_INT, 0);
            if (status != NcclCalls.SUCCESS) throw new NcclException("a collective that was asked for earlier", status);
        }
    }

    /** Leaves without waiting for the others, after a failure; they fail too. */
    public void abort() {
        if (closed) return;
        closed = true;
        NcclCalls.ncclCommAbort(handle);
    }

    @Override
    public void close() {
        if (closed || device.isClosed()) return;
        closed = true;
        device.makeCurrent();
        NcclCalls.ncclCommDestroy(handle);
    }
}
