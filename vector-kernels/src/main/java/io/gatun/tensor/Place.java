package io.gatun.tensor;

/** Where a tensor's memory lies. */
public enum Place {
    /** Ordinary off-heap memory. */
    HOST,
    /** Host memory that a GPU reads and writes directly. */
    PINNED,
    /** GPU memory: it has an address, but no segment that this process may read. */
    DEVICE
}
