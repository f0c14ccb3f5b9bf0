package io.gatun.jmh;

import io.gatun.kernels.Roofs;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OutputTimeUnit;

/** What one thread of this machine can do at most: GB/s = 268 / milliseconds of a read; GF/s = the operations of a round / its ns. */
@OutputTimeUnit(TimeUnit.MILLISECONDS)
public class RoofBenchmark extends CpuBenchmark {
    private static final long BYTES = 256L << 20; // no cache holds them
    private static final int ROUNDS = 1_000_000;

    private MemorySegment buffer;

    @Override
    void setUp() {
        buffer = memory.arena().allocate(BYTES, 4096);
        buffer.fill((byte) 1); // pages are there before they are read
    }

    @Benchmark
    public long read() {
        return Roofs.read(buffer, 0, (int) (BYTES / Roofs.PIECE));
    }

    @Benchmark
    public float multiplyAdd() {
        return Roofs.multiplyAdd(ROUNDS);
    }
}
