package io.gatun.ffm.machinecode;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The memory that emulated code may touch: native segments, each at its own address. */
final class AddressSpace {
    private final List<MemorySegment> segments = new ArrayList<>();

    void add(MemorySegment memory) {
        if (!memory.isNative()) throw new IllegalArgumentException("emulated code sees native segments only");
        segments.add(memory);
    }

    /**
     * {@code bytes} bytes from {@code address}.
     *
     * @throws IndexOutOfBoundsException unless one of the segments holds them all
     */
    MemorySegment at(long address, long bytes) {
        for (MemorySegment segment : segments) {
            long offset = address - segment.address();
            if (offset >= 0 && offset <= segment.byteSize() - bytes) return segment.asSlice(offset, bytes);
        }
        throw new IndexOutOfBoundsException("%d bytes at 0x%x are %s".formatted(bytes, address, nearest(address)));
    }

    private String nearest(long address) {
        MemorySegment nearest = segments.stream()
                .min(Comparator.comparingLong(segment -> distance(segment, address)))
                .orElseThrow();
        return "at byte %d of a segment of %d".formatted(address - nearest.address(), nearest.byteSize());
    }

    private static long distance(MemorySegment segment, long address) {
        long offset = address - segment.address();
        return offset < 0 ? -offset : Math.max(0, offset - segment.byteSize());
    }
}
