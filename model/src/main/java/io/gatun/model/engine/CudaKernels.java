package io.gatun.model.engine;

import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.cuda.CudaFunction;
import io.gatun.ffm.cuda.CudaModule;
import io.gatun.ffm.cuda.CudaStream;
import io.gatun.ffm.nvrtc.CubinCache;
import io.gatun.ffm.nvrtc.Nvrtc;
import io.gatun.model.ModelException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Our own kernels on one GPU: the sources of module {@code native}, compiled for its architecture when first asked for, once a machine.
 * All of them run in one stream.
 */
public final class CudaKernels implements AutoCloseable {
    private static final String FOLDER = "io/gatun/native/";

    private final CudaStream stream;
    private final Nvrtc compiler;
    private final CubinCache cache;
    private final Map<String, CudaModule> modules = new HashMap<>(); // by file

    /** Kernels that run in {@code stream}, which stays the caller's. */
    public CudaKernels(CudaStream stream, Nvrtc compiler, CubinCache cache) {
        this.stream = stream;
        this.compiler = compiler;
        this.cache = cache;
    }

    /**
     * Kernel {@code name} of {@code file}.cu, with room for arguments of its own.
     *
     * @throws io.gatun.ffm.NativeException when it does not compile, or there is none of that name
     */
    public CudaKernel kernel(String file, String name) {
        CudaFunction function = modules.computeIfAbsent(file, this::load).function(name);
        return new CudaKernel(function, stream);
    }

    /** Most shared memory that a block may ask for, in bytes. */
    public int largestSharedMemory() {
        return stream.device().largestSharedMemory();
    }

    private CudaModule load(String file) {
        CudaDevice device = stream.device();
        String source = read("common.cuh") + "#line 1 \"" + file + ".cu\"\n" + read(file + ".cu");
        List<String> options = // exact division and square root, and subnormal numbers, are relied on
                List.of("--gpu-architecture=" + device.architecture(), "--std=c++17", "--fmad=true", "-lineinfo");
        return new CudaModule(device, cache.compile(compiler, file + ".cu", source, options));
    }

    private static String read(String name) {
        try (InputStream in = CudaKernels.class.getClassLoader().getResourceAsStream(FOLDER + name)) {
            if (in == null)
                throw new ModelException("the CUDA kernels are not on the module path: no " + FOLDER + name);
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(FOLDER + name + " cannot be read", e);
        }
    }

    /** Unloads the kernels, none of which may still run. */
    @Override
    public void close() {
        modules.values().forEach(CudaModule::close);
        modules.clear();
    }
}
