package io.gatun.trainer.command;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** What the operating system says of the machine. */
final class Machine {
    private Machine() {}

    /** Bytes of memory, or of what a container may use of it. */
    static long memory() {
        return system().getTotalMemorySize();
    }

    /** Bytes of memory that are free, the page cache not counted. */
    static long freeMemory() {
        return system().getFreeMemorySize();
    }

    private static OperatingSystemMXBean system() {
        return (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    }
}
