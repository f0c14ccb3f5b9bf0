package io.gatun.ffm.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.ffm.CudaFolders;
import io.gatun.ffm.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * The CUDA driver's functions as they are in C, in the order of cuda.h. Handles and device addresses are plain numbers; statuses other
 * than 0 are thrown as {@link CudaException}.
 */
final class DriverCalls {
    static final int SUCCESS = 0;
    static final int ERROR_INVALID_VALUE = 1;
    static final int ERROR_NOT_READY = 600; // not an error

    static final int DEVICE_MULTIPROCESSOR_COUNT = 16;
    static final int DEVICE_COMPUTE_CAPABILITY_MAJOR = 75;
    static final int DEVICE_COMPUTE_CAPABILITY_MINOR = 76;
    static final int DEVICE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97;

    static final int MEMHOSTALLOC_PORTABLE = 1;
    static final int STREAM_NON_BLOCKING = 1;
    static final int EVENT_DEFAULT = 0;
    static final int EVENT_DISABLE_TIMING = 2;
    static final int CAPTURE_THREAD_LOCAL = 1;
    static final int FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;

    static final NativeLibrary LIBRARY = NativeLibrary.open("the CUDA driver", CudaFolders.candidates("libcuda.so.1"));

    private static final MethodHandle INIT = LIBRARY.status("cuInit", JAVA_INT);
    private static final MethodHandle DRIVER_GET_VERSION = LIBRARY.status("cuDriverGetVersion", ADDRESS);
    private static final MethodHandle DEVICE_GET_COUNT = LIBRARY.status("cuDeviceGetCount", ADDRESS);
    private static final MethodHandle DEVICE_GET = LIBRARY.status("cuDeviceGet", ADDRESS, JAVA_INT);
    private static final MethodHandle DEVICE_GET_NAME = LIBRARY.status("cuDeviceGetName", ADDRESS, JAVA_INT, JAVA_INT);
    private static final MethodHandle DEVICE_GET_ATTRIBUTE =
            LIBRARY.status("cuDeviceGetAttribute", ADDRESS, JAVA_INT, JAVA_INT);
    private static final MethodHandle DEVICE_TOTAL_MEM = LIBRARY.status("cuDeviceTotalMem_v2", ADDRESS, JAVA_INT);
    private static final MethodHandle DEVICE_PRIMARY_CTX_RETAIN =
            LIBRARY.status("cuDevicePrimaryCtxRetain", ADDRESS, JAVA_INT);
    private static final MethodHandle DEVICE_PRIMARY_CTX_RELEASE =
            LIBRARY.status("cuDevicePrimaryCtxRelease_v2", JAVA_INT);
    private static final MethodHandle CTX_SET_CURRENT = LIBRARY.status("cuCtxSetCurrent", JAVA_LONG);
    private static final MethodHandle MEM_GET_INFO = LIBRARY.status("cuMemGetInfo_v2", ADDRESS, ADDRESS);
    private static final MethodHandle MEM_ALLOC = LIBRARY.status("cuMemAlloc_v2", ADDRESS, JAVA_LONG);
    private static final MethodHandle MEM_FREE = LIBRARY.status("cuMemFree_v2", JAVA_LONG);
    private static final MethodHandle MEM_HOST_ALLOC = LIBRARY.status("cuMemHostAlloc", ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle MEM_FREE_HOST = LIBRARY.status("cuMemFreeHost", JAVA_LONG);
    private static final MethodHandle MEMCPY_HTOD_ASYNC =
            LIBRARY.status("cuMemcpyHtoDAsync_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle MEMCPY_DTOH_ASYNC =
            LIBRARY.status("cuMemcpyDtoHAsync_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle MEMCPY_DTOD_ASYNC =
            LIBRARY.status("cuMemcpyDtoDAsync_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle MEMSET_D8_ASYNC =
            LIBRARY.status("cuMemsetD8Async", JAVA_LONG, JAVA_BYTE, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle STREAM_CREATE = LIBRARY.status("cuStreamCreate", ADDRESS, JAVA_INT);
    private static final MethodHandle STREAM_SYNCHRONIZE = LIBRARY.status("cuStreamSynchronize", JAVA_LONG);
    private static final MethodHandle STREAM_QUERY = LIBRARY.status("cuStreamQuery", JAVA_LONG);
    private static final MethodHandle STREAM_WAIT_EVENT =
            LIBRARY.status("cuStreamWaitEvent", JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle STREAM_DESTROY = LIBRARY.status("cuStreamDestroy_v2", JAVA_LONG);
    private static final MethodHandle STREAM_BEGIN_CAPTURE =
            LIBRARY.status("cuStreamBeginCapture_v2", JAVA_LONG, JAVA_INT);
    private static final MethodHandle STREAM_END_CAPTURE = LIBRARY.status("cuStreamEndCapture", JAVA_LONG, ADDRESS);
    private static final MethodHandle EVENT_CREATE = LIBRARY.status("cuEventCreate", ADDRESS, JAVA_INT);
    private static final MethodHandle EVENT_RECORD = LIBRARY.status("cuEventRecord", JAVA_LONG, JAVA_LONG);
    private static final MethodHandle EVENT_SYNCHRONIZE = LIBRARY.status("cuEventSynchronize", JAVA_LONG);
    private static final MethodHandle EVENT_ELAPSED_TIME =
            LIBRARY.status("cuEventElapsedTime", ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle EVENT_DESTROY = LIBRARY.status("cuEventDestroy_v2", JAVA_LONG);
    private static final MethodHandle GRAPH_INSTANTIATE_WITH_FLAGS =
            LIBRARY.status("cuGraphInstantiateWithFlags", ADDRESS, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle GRAPH_LAUNCH = LIBRARY.status("cuGraphLaunch", JAVA_LONG, JAVA_LONG);
    private static final MethodHandle GRAPH_EXEC_DESTROY = LIBRARY.status("cuGraphExecDestroy", JAVA_LONG);
    private static final MethodHandle GRAPH_DESTROY = LIBRARY.status("cuGraphDestroy", JAVA_LONG);
    private static final MethodHandle MODULE_LOAD_DATA = LIBRARY.status("cuModuleLoadData", ADDRESS, ADDRESS);
    private static final MethodHandle MODULE_GET_FUNCTION =
            LIBRARY.status("cuModuleGetFunction", ADDRESS, JAVA_LONG, ADDRESS);
    private static final MethodHandle MODULE_UNLOAD = LIBRARY.status("cuModuleUnload", JAVA_LONG);
    private static final MethodHandle FUNC_GET_PARAM_INFO =
            LIBRARY.status("cuFuncGetParamInfo", JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS);
    private static final MethodHandle FUNC_SET_ATTRIBUTE =
            LIBRARY.status("cuFuncSetAttribute", JAVA_LONG, JAVA_INT, JAVA_INT);
    private static final MethodHandle LAUNCH_KERNEL = LIBRARY.status(
            "cuLaunchKernel",
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG);
    private static final MethodHandle GET_ERROR_NAME = LIBRARY.status("cuGetErrorName", JAVA_INT, ADDRESS);
    private static final MethodHandle GET_ERROR_STRING = LIBRARY.status("cuGetErrorString", JAVA_INT, ADDRESS);

    private DriverCalls() {}

    /** {@code CUresult cuInit(unsigned flags)} */
    static void cuInit(int flags) {
        try {
            check("cuInit", (int) INIT.invokeExact(flags));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuDriverGetVersion(int *version)} */
    static void cuDriverGetVersion(MemorySegment version) {
        try {
            check("cuDriverGetVersion", (int) DRIVER_GET_VERSION.invokeExact(version));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuDeviceGetCount(int *count)} */
    static void cuDeviceGetCount(MemorySegment count) {
        try {
            check("cuDeviceGetCount", (int) DEVICE_GET_COUNT.invokeExact(count));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuDeviceGet(CUdevice *device, int ordinal)} */
    static void cuDeviceGet(MemorySegment device, int ordinal) {
        try {
            check("cuDeviceGet", (int) DEVICE_GET.invokeExact(device, ordinal));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuDeviceGetName(char *name, int length, CUdevice device)} */
    static void cuDeviceGetName(MemorySegment name, int length, int device) {
        try {
            check("cuDeviceGetName", (int) DEVICE_GET_NAME.invokeExact(name, length, device));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device)} */
    static void cuDeviceGetAttribute(MemorySegment value, int attribute, int device) {
        try {
            check("cuDeviceGetAttribute", (int) DEVICE_GET_ATTRIBUTE.invokeExact(value, attribute, device));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device)} */
    static void cuDeviceTotalMem(MemorySegment bytes, int device) {
        try {
            check("cuDeviceTotalMem_v2", (int) DEVICE_TOTAL_MEM.invokeExact(bytes, device));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)} */
    static void cuDevicePrimaryCtxRetain(MemorySegment context, int device) {
        try {
            check("cuDevicePrimaryCtxRetain", (int) DEVICE_PRIMARY_CTX_RETAIN.invokeExact(context, device));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)} */
    static void cuDevicePrimaryCtxRelease(int device) {
        try {
            check("cuDevicePrimaryCtxRelease_v2", (int) DEVICE_PRIMARY_CTX_RELEASE.invokeExact(device));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuCtxSetCurrent(CUcontext context)} */
    static void cuCtxSetCurrent(long context) {
        try {
            check("cuCtxSetCurrent", (int) CTX_SET_CURRENT.invokeExact(context));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuMemGetInfo_v2(size_t *free, size_t *total)} */
    static void cuMemGetInfo(MemorySegment free, MemorySegment total) {
        try {
            check("cuMemGetInfo_v2", (int) MEM_GET_INFO.invokeExact(free, total));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes)} */
    static void cuMemAlloc(MemorySegment address, long bytes) {
        try {
            check("cuMemAlloc_v2", (int) MEM_ALLOC.invokeExact(address, bytes), bytes);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuMemFree_v2(CUdeviceptr address)} */
    static void cuMemFree(long address) {
        try {
            check("cuMemFree_v2", (int) MEM_FREE.invokeExact(address));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned flags)} */
    static void cuMemHostAlloc(MemorySegment address, long bytes, int flags) {
        try {
            check("cuMemHostAlloc", (int) MEM_HOST_ALLOC.invokeExact(address, bytes, flags), bytes);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuMemFreeHost(void *address)} */
    static void cuMemFreeHost(long address) {
        try {
            check("cuMemFreeHost", (int) MEM_FREE_HOST.invokeExact(address));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream)} */
    static void cuMemcpyHtoDAsync(long to, long from, long bytes, long stream) {
        try {
            check("cuMemcpyHtoDAsync_v2", (int) MEMCPY_HTOD_ASYNC.invokeExact(to, from, bytes, stream), bytes);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream)} */
    static void cuMemcpyDtoHAsync(long to, long from, long bytes, long stream) {
        try {
            check("cuMemcpyDtoHAsync_v2", (int) MEMCPY_DTOH_ASYNC.invokeExact(to, from, bytes, stream), bytes);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream)} */
    static void cuMemcpyDtoDAsync(long to, long from, long bytes, long stream) {
        try {
            check("cuMemcpyDtoDAsync_v2", (int) MEMCPY_DTOD_ASYNC.invokeExact(to, from, bytes, stream), bytes);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream)} */
    static void cuMemsetD8Async(long to, byte value, long bytes, long stream) {
        try {
            check("cuMemsetD8Async", (int) MEMSET_D8_ASYNC.invokeExact(to, value, bytes, stream), bytes);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuStreamCreate(CUstream *stream, unsigned flags)} */
    static void cuStreamCreate(MemorySegment stream, int flags) {
        try {
            check("cuStreamCreate", (int) STREAM_CREATE.invokeExact(stream, flags));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuStreamSynchronize(CUstream stream)} */
    static void cuStreamSynchronize(long stream) {
        try {
            check("cuStreamSynchronize", (int) STREAM_SYNCHRONIZE.invokeExact(stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuStreamQuery(CUstream stream)} */
    static int cuStreamQuery(long stream) {
        try {
            return (int) STREAM_QUERY.invokeExact(stream);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags)} */
    static void cuStreamWaitEvent(long stream, long event, int flags) {
        try {
            check("cuStreamWaitEvent", (int) STREAM_WAIT_EVENT.invokeExact(stream, event, flags));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuStreamDestroy_v2(CUstream stream)} */
    static void cuStreamDestroy(long stream) {
        try {
            check("cuStreamDestroy_v2", (int) STREAM_DESTROY.invokeExact(stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode)} */
    static void cuStreamBeginCapture(long stream, int mode) {
        try {
            check("cuStreamBeginCapture_v2", (int) STREAM_BEGIN_CAPTURE.invokeExact(stream, mode));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph)} */
    static void cuStreamEndCapture(long stream, MemorySegment graph) {
        try {
            check("cuStreamEndCapture", (int) STREAM_END_CAPTURE.invokeExact(stream, graph));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuEventCreate(CUevent *event, unsigned flags)} */
    static void cuEventCreate(MemorySegment event, int flags) {
        try {
            check("cuEventCreate", (int) EVENT_CREATE.invokeExact(event, flags));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuEventRecord(CUevent event, CUstream stream)} */
    static void cuEventRecord(long event, long stream) {
        try {
            check("cuEventRecord", (int) EVENT_RECORD.invokeExact(event, stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuEventSynchronize(CUevent event)} */
    static void cuEventSynchronize(long event) {
        try {
            check("cuEventSynchronize", (int) EVENT_SYNCHRONIZE.invokeExact(event));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end)} */
    static void cuEventElapsedTime(MemorySegment milliseconds, long start, long end) {
        try {
            check("cuEventElapsedTime", (int) EVENT_ELAPSED_TIME.invokeExact(milliseconds, start, end));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuEventDestroy_v2(CUevent event)} */
    static void cuEventDestroy(long event) {
        try {
            check("cuEventDestroy_v2", (int) EVENT_DESTROY.invokeExact(event));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long flags)} */
    static void cuGraphInstantiateWithFlags(MemorySegment executable, long graph, long flags) {
        try {
            check("cuGraphInstantiateWithFlags", (int)
                    GRAPH_INSTANTIATE_WITH_FLAGS.invokeExact(executable, graph, flags));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream)} */
    static void cuGraphLaunch(long executable, long stream) {
        try {
            check("cuGraphLaunch", (int) GRAPH_LAUNCH.invokeExact(executable, stream));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuGraphExecDestroy(CUgraphExec executable)} */
    static void cuGraphExecDestroy(long executable) {
        try {
            check("cuGraphExecDestroy", (int) GRAPH_EXEC_DESTROY.invokeExact(executable));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuGraphDestroy(CUgraph graph)} */
    static void cuGraphDestroy(long graph) {
        try {
            check("cuGraphDestroy", (int) GRAPH_DESTROY.invokeExact(graph));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuModuleLoadData(CUmodule *module, const void *image)} */
    static void cuModuleLoadData(MemorySegment module, MemorySegment image) {
        try {
            check("cuModuleLoadData", (int) MODULE_LOAD_DATA.invokeExact(module, image));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)} */
    static void cuModuleGetFunction(MemorySegment function, long module, MemorySegment name) {
        try {
            check("cuModuleGetFunction", (int) MODULE_GET_FUNCTION.invokeExact(function, module, name));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuModuleUnload(CUmodule module)} */
    static void cuModuleUnload(long module) {
        try {
            check("cuModuleUnload", (int) MODULE_UNLOAD.invokeExact(module));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuFuncGetParamInfo(CUfunction function, size_t index, size_t *offset, size_t *size)} */
    static int cuFuncGetParamInfo(long function, long index, MemorySegment offset, MemorySegment size) {
        try {
            return (int) FUNC_GET_PARAM_INFO.invokeExact(function, index, offset, size);
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value)} */
    static void cuFuncSetAttribute(long function, int attribute, int value) {
        try {
            check("cuFuncSetAttribute", (int) FUNC_SET_ATTRIBUTE.invokeExact(function, attribute, value));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /**
     * {@code CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
     * unsigned blockY, unsigned blockZ, unsigned sharedBytes, CUstream stream, void **parameters, void **extra)}
     */
    static void cuLaunchKernel(
            long function,
            int gridX,
            int gridY,
            int gridZ,
            int blockX,
            int blockY,
            int blockZ,
            int sharedBytes,
            long stream,
            MemorySegment parameters,
            long extra) {
        try {
            check("cuLaunchKernel", (int) LAUNCH_KERNEL.invokeExact(
                    function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, parameters, extra));
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    /** {@code CUresult cuGetErrorName(CUresult error, const char **name)} */
    static String cuGetErrorName(int status) {
        return errorText(GET_ERROR_NAME, status);
    }

    /** {@code CUresult cuGetErrorString(CUresult error, const char **text)} */
    static String cuGetErrorString(int status) {
        return errorText(GET_ERROR_STRING, status);
    }

    private static String errorText(MethodHandle call, int status) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            int unknown = (int) call.invokeExact(status, out);
            return unknown == 0 ? NativeLibrary.text(out.get(ADDRESS, 0)) : "unknown to this driver";
        } catch (Throwable t) {
            throw NativeLibrary.rethrow(t);
        }
    }

    private static void check(String call, int status) {
        if (status != SUCCESS) throw new CudaException(call, status);
    }

    private static void check(String call, int status, long bytes) {
        if (status != SUCCESS) throw new CudaException(call + " of " + bytes + " bytes", status);
    }
}
