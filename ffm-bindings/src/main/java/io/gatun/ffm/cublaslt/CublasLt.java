package io.gatun.ffm.cublaslt;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.gatun.ffm.NativeLibrary;
import io.gatun.ffm.cuda.CudaDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** cuBLASLt on one device. */
public final class CublasLt implements AutoCloseable {
    /** The first version with block-scaled FP8. */
    private static final long BLOCK_SCALES_SINCE = 120900;

    private final CudaDevice device;
    private final long handle;
    private boolean closed;

    private CublasLt(CudaDevice device) {
        this.device = device;
        device.makeCurrent();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            CublasLtCalls.cublasLtCreate(out);
            handle = out.get(JAVA_LONG, 0);
        }
    }

    /** The library, on {@code device}, which has to outlive it; empty where there is none, and {@link #why} tells why. */
    public static Optional<CublasLt> open(CudaDevice device) {
        return why().isEmpty() ? Optional.of(new CublasLt(device)) : Optional.empty();
    }

    /** Why there is no cuBLASLt; empty when there is one. */
    public static String why() {
        return CublasLtCalls.LIBRARY.why();
    }

    public static NativeLibrary library() {
        return CublasLtCalls.LIBRARY;
    }

    /** The library's version, such as 13.1.1; it needs no GPU. */
    public static String version() {
        long version = CublasLtCalls.cublasLtGetVersion();
        return version / 10000 + "." + version % 10000 / 100 + "." + version % 100;
    }

    /** Why block-scaled FP8 products cannot run here; empty when they can. */
    public String whyNotBlockScaled() {
        if (CublasLtCalls.cublasLtGetVersion() < BLOCK_SCALES_SINCE) {
            return "FP8 with scales of blocks needs cuBLASLt 12.9 or later; this is " + version();
        }
        if (device.capability() != 90) {
            return "cuBLASLt multiplies FP8 with FP32 scales of blocks on GPUs of compute capability 9.0 only; %s has %.1f"
                    .formatted(device.name(), device.capability() / 10.0);
        }
        return "";
    }

    public CudaDevice device() {
        return device;
    }

    long handle() {
        return handle;
    }

    @Override
    public void close() {
        if (closed || device.isClosed()) return;
        closed = true;
        device.makeCurrent();
        CublasLtCalls.cublasLtDestroy(handle);
    }
}
