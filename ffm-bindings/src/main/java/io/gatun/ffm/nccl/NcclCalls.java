package io.gatun.ffm.nccl;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.ffm.CudaFolders;
import io.gatun.ffm.NativeLibrary;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** NCCL's functions as they are in C, in the order of nccl.h. Statuses other than 0 are thrown as {@link NcclException}. */
final class NcclCalls {
    static final int SUCCESS = 0;
    static final int UNIQUE_ID_BYTES = 128;
    static final MemoryLayout UNIQUE_ID =
            MemoryLayout.structLayout(MemoryLayout.sequenceLayout(UNIQUE_ID_BYTES, JAVA_BYTE));

    static final NativeLibrary LIBRARY = NativeLibrary.open("NCCL", CudaFolders.candidates("libnccl.so.2"));

    private static final MethodHandle GET_VERSION = LIBRARY.status("ncclGetVersion", ADDRESS);
    private static final MethodHandle GET_UNIQUE_ID = LIBRARY.status("ncclGetUniqueId", ADDRESS);
    private static final MethodHandle COMM_DESTROY = LIBRARY.status("ncclCommDestroy", JAVA_LONG);
    private static final MethodHandle COMM_ABORT = LIBRARY.status("ncclCommAbort", JAVA_LONG);
    private static final MethodHandle COMM_GET_ASYNC_ERROR =
            LIBRARY.status("ncclCommGetAsyncError", JAVA_LONG, ADDRESS);
    private static final MethodHandle BROADCAST =
            LIBRARY.status("ncclBroadcast", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle ALL_REDUCE =
            LIBRARY.status("ncclAllReduce", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle REDUCE_SCATTER = LIBRARY.status(
            "ncclReduceScatter", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle ALL_GATHER =
            LIBRARY.status("ncclAllGather", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle SEND =
            LIBRARY.status("ncclSend", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle RECV =
            LIBRARY.status("ncclRecv", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle GROUP_START = LIBRARY.status("ncclGroupStart");
    private static final MethodHandle GROUP_END = LIBRARY.status("ncclGroupEnd");
    private static final MethodHandle COMM_INIT_RANK =
            LIBRARY.status("ncclCommInitRank", ADDRESS, JAVA_INT, UNIQUE_ID, JAVA_INT);
    private static final MethodHandle GET_ERROR_STRING =
            LIBRARY.handle("ncclGetErrorString", FunctionDescriptor.of(ADDRESS, JAVA_INT));
    private static final MethodHandle GET_LAST_ERROR =
            LIBRARY.handle("ncclGetLastError", FunctionDescriptor.of(ADDRESS, JAVA_LONG));

    private NcclCalls() {}

    /** {@code ncclResult_t ncclGetVersion(int *version)} */
    static void ncclGetVersion(MemorySegment version) {
        try {
            check("ncclGetVersion", (int) GET_VERSION.invokeExact(version));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code ncclResult_t ncclGetUniqueId(ncclUniqueId *id)} */
    static void ncclGetUniqueId(MemorySegment id) {
        try {
            check("ncclGetUniqueId", (int) GET_UNIQUE_ID.invokeExact(id));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code ncclResult_t ncclCommDestroy(ncclComm_t comm)} */
    static void ncclCommDestroy(long comm) {
        try {
            check("ncclCommDestroy", (int) COMM_DESTROY.invokeExact(comm));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code ncclResult_t ncclCommAbort(ncclComm_t comm)} */
    static void ncclCommAbort(long comm) {
        try {
            check("ncclCommAbort", (int) COMM_ABORT.invokeExact(comm));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error)} */
    static void ncclCommGetAsyncError(long comm, MemorySegment error) {
        try {
            check("ncclCommGetAsyncError", (int) COMM_GET_ASYNC_ERROR.invokeExact(comm, error));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code ncclResult_t ncclBroadcast(const void *send, void *receive, size_t count, ncclDataType_t type, int root,
     * ncclComm_t comm, cudaStream_t stream)}
     */
    static void ncclBroadcast(long send, long receive, long count, int type, int root, long comm, long stream) {
        try {
            check("ncclBroadcast", (int) BROADCAST.invokeExact(send, receive, count, type, root, comm, stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code ncclResult_t ncclAllReduce(const void *send, void *receive, size_t count, ncclDataType_t type, ncclRedOp_t op,
     * ncclComm_t comm, cudaStream_t stream)}
     */
    static void ncclAllReduce(long send, long receive, long count, int type, int op, long comm, long stream) {
        try {
            check("ncclAllReduce", (int) ALL_REDUCE.invokeExact(send, receive, count, type, op, comm, stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code ncclResult_t ncclReduceScatter(const void *send, void *receive, size_t count, ncclDataType_t type, ncclRedOp_t
     * op, ncclComm_t comm, cudaStream_t stream)}
     */
    static void ncclReduceScatter(long send, long receive, long count, int type, int op, long comm, long stream) {
        try {
            check("ncclReduceScatter", (int) REDUCE_SCATTER.invokeExact(send, receive, count, type, op, comm, stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code ncclResult_t ncclAllGather(const void *send, void *receive, size_t count, ncclDataType_t type, ncclComm_t comm,
     * cudaStream_t stream)}
     */
    static void ncclAllGather(long send, long receive, long count, int type, long comm, long stream) {
        try {
            check("ncclAllGather", (int) ALL_GATHER.invokeExact(send, receive, count, type, comm, stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code ncclResult_t ncclSend(const void *send, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
     * cudaStream_t stream)}
     */
    static void ncclSend(long send, long count, int type, int peer, long comm, long stream) {
        try {
            check("ncclSend", (int) SEND.invokeExact(send, count, type, peer, comm, stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code ncclResult_t ncclRecv(void *receive, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t
     * stream)}
     */
    static void ncclRecv(long receive, long count, int type, int peer, long comm, long stream) {
        try {
            check("ncclRecv", (int) RECV.invokeExact(receive, count, type, peer, comm, stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code ncclResult_t ncclGroupStart(void)} */
    static void ncclGroupStart() {
        try {
            check("ncclGroupStart", (int) GROUP_START.invokeExact());
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code ncclResult_t ncclGroupEnd(void)} */
    static void ncclGroupEnd() {
        try {
            check("ncclGroupEnd", (int) GROUP_END.invokeExact());
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank)}; the id goes by value */
    static void ncclCommInitRank(MemorySegment comm, int ranks, MemorySegment id, int rank) {
        try {
            check("ncclCommInitRank", (int) COMM_INIT_RANK.invokeExact(comm, ranks, id, rank));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code const char *ncclGetErrorString(ncclResult_t result)} */
    static String ncclGetErrorString(int status) {
        try {
            return NativeLibrary.text((MemorySegment) GET_ERROR_STRING.invokeExact(status));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code const char *ncclGetLastError(ncclComm_t comm)}; of this process for NULL */
    static String ncclGetLastError() {
        try {
            return NativeLibrary.text((MemorySegment) GET_LAST_ERROR.invokeExact(0L));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    private static void check(String call, int status) {
        if (status != SUCCESS) throw new NcclException(call, status);
    }
}
