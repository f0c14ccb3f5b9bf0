package io.gatun.ffm.machinecode;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.gatun.ffm.machinecode.Instruction.Memory;
import java.lang.foreign.MemorySegment;

/** The AMX tiles of an {@link Emulator}. */
final class TileUnit {
    private static final int ROW = 64, ROWS = 16; // of bytes; what palette 1 allows

    private final Emulator cpu;
    private final MemorySegment[] tiles = new MemorySegment[8];
    private final int[] rows = new int[8];
    private final int[] rowBytes = new int[8];
    private boolean configured;

    TileUnit(Emulator cpu) {
        this.cpu = cpu;
        for (int t = 0; t < 8; t++) tiles[t] = MemorySegment.ofArray(new byte[ROW * ROWS]);
    }

    /** Whether tiles have a shape: from ldtilecfg until tilerelease. */
    boolean configured() {
        return configured;
    }

    void execute(Instruction i) {
        switch (i.name()) {
            case "ldtilecfg" -> configure(cpu.bytes(cpu.address(i.memory(0)), 64));
            case "tilerelease" -> configured = false;
            case "tilezero" -> shaped(i.tile(0)).fill((byte) 0);
            case "tileloadd" -> load(i.tile(0), i.memory(1));
            case "tilestored" -> store(i.memory(0), i.tile(1));
            case "tdpbf16ps" -> dotBf16(i.tile(0), i.tile(1), i.tile(2));
            default -> throw new UnsupportedOperationException("this emulator does not know " + i.name());
        }
    }

    /** The 64 bytes that Intel's manual calls the memory area of LDTILECFG. */
    private void configure(MemorySegment shape) {
        int palette = shape.get(JAVA_BYTE, 0);
        if (palette != 1) throw new IllegalStateException("palette " + palette + "; there is only 1");
        for (int reserved = 1; reserved < 64; reserved++) {
            boolean used = reserved >= 16 && reserved < 32 || reserved >= 48 && reserved < 56;
            if (!used && shape.get(JAVA_BYTE, reserved) != 0) {
                throw new IllegalStateException("byte " + reserved + " of the tiles' shape must be zero");
            }
        }
        for (int t = 0; t < 8; t++) {
            rowBytes[t] = shape.get(JAVA_SHORT_UNALIGNED, 16 + 2L * t);
            rows[t] = shape.get(JAVA_BYTE, 48 + t);
            boolean fits = rowBytes[t] >= 0 && rowBytes[t] <= ROW && rows[t] >= 0 && rows[t] <= ROWS;
            if (!fits || rows[t] == 0 != (rowBytes[t] == 0)) {
                throw new IllegalStateException("tile %d has %d rows of %d bytes".formatted(t, rows[t], rowBytes[t]));
            }
            tiles[t].fill((byte) 0);
        }
        configured = true;
    }

    private MemorySegment shaped(int tile) {
        if (!configured || rows[tile] == 0) throw new IllegalStateException("tmm" + tile + " has no shape");
        return tiles[tile];
    }

    private void load(int tile, Memory from) {
        MemorySegment to = shaped(tile).fill((byte) 0);
        long stride = cpu.index(from), base = cpu.address(from) - stride;
        for (int r = 0; r < rows[tile]; r++) {
            MemorySegment.copy(cpu.bytes(base + r * stride, rowBytes[tile]), 0, to, r * ROW, rowBytes[tile]);
        }
    }

    private void store(Memory to, int tile) {
        MemorySegment from = shaped(tile);
        long stride = cpu.index(to), base = cpu.address(to) - stride;
        for (int r = 0; r < rows[tile]; r++) {
            MemorySegment.copy(from, r * ROW, cpu.bytes(base + r * stride, rowBytes[tile]), 0, rowBytes[tile]);
        }
    }

    /** Even and odd products are summed apart over all of k, then added to each other, then to the destination. */
    private void dotBf16(int d, int a, int b) {
        MemorySegment sums = shaped(d), left = shaped(a), right = shaped(b);
        if (d == a || d == b || a == b) throw new IllegalStateException("three different tiles are needed");
        boolean fit = rows[a] == rows[d] && rowBytes[b] == rowBytes[d] && rowBytes[a] == 4 * rows[b];
        if (!fit || rowBytes[d] % 4 != 0) throw new IllegalStateException("these tiles' shapes do not multiply");
        for (int m = 0; m < rows[d]; m++) {
            for (int n = 0; n < rowBytes[d] / 4; n++) {
                float even = 0, odd = 0;
                for (int k = 0; k < rows[b]; k++) {
                    long x = m * ROW + 4L * k, w = k * ROW + 4L * n;
                    even = Bf16Pairs.fma(Bf16Pairs.even(left, x), Bf16Pairs.even(right, w), even);
                    odd = Bf16Pairs.fma(Bf16Pairs.odd(left, x), Bf16Pairs.odd(right, w), odd);
                }
                long at = m * ROW + 4L * n;
                float sum = Bf16Pairs.add(sums.get(JAVA_FLOAT_UNALIGNED, at), Bf16Pairs.add(even, odd));
                sums.set(JAVA_FLOAT_UNALIGNED, at, sum);
            }
        }
        for (int r = rows[d]; r < ROWS; r++) sums.asSlice(r * ROW, ROW).fill((byte) 0);
    }
}
