package io.gatun.kernels;

/** Whether this JVM was started with the Vector API, an incubator module that has to be asked for on a class path. */
public final class VectorApi {
    private VectorApi() {}

    /**
     * Returns quietly where the Vector API is there. Must be called before a class that uses it is loaded.
     *
     * @throws IllegalStateException with the flag that mends it, where the module is missing
     */
    public static void require() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            throw new IllegalStateException("Gatun's kernels need the Vector API, which this JVM was started without:"
                    + " add --add-modules jdk.incubator.vector to the java command");
        }
    }
}
