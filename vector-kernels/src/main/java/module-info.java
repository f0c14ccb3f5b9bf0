/** Tensors over off-heap memory, SIMD kernels and the threads that run them; no native code. */
module io.gatun.kernels {
    requires jdk.incubator.vector;
    requires java.management;
    requires jdk.management;

    exports io.gatun.tensor;
    exports io.gatun.kernels;
    exports io.gatun.parallel;
}
