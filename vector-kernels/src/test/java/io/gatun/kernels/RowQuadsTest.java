package io.gatun.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rows packed in quads, and the two products of them, against sums in double. */
class RowQuadsTest {
    private final Arena arena = Arena.ofAuto();
    private final SplittableRandom random = new SplittableRandom(3);

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "1, 3, 7", "2, 4, 8", "3, 5, 9", "5, 8, 16", "16, 31, 33", "7, 32, 63", "8, 29, 576"})
    void productsAreThoseOfTheFormulas(int queries, int rows, int dim) {
        int padded = RowQuads.padded(dim);
        MemorySegment c = randoms(rows * dim);
        MemorySegment halves = arena.allocate(JAVA_SHORT, (long) rows * dim);
        Bf16.encode(halves, 0, c, 0, rows * dim);
        Bf16.decode(c, 0, halves, 0, rows * dim); // numbers that both types hold
        MemorySegment x = arena.allocate(4L * queries * padded, 64);
        for (int i = 0; i < queries; i++) MemorySegment.copy(randoms(dim), 0, x, 4L * i * padded, 4L * dim);
        MemorySegment quads = pack(c, halves, rows, dim);
        MemorySegment s = arena.allocate(4L * queries * rows + 4, 4);
        MemorySegment lanes = RowDots.lanes();
        for (int j = 0; j < rows; j += 4) {
            RowDots.four(lanes, j, x, 0, 4L * padded, queries, quads, RowQuads.at(j, dim), padded);
        }
        RowDots.sums(s, 0, 4L * rows, lanes, queries, rows);
        assertThat(s.getAtIndex(JAVA_FLOAT, (long) queries * rows)).isZero(); // the neighbour is left alone
        MemorySegment y = arena.allocate(4L * queries * padded, 64);
        WeightedRows.add(y, 0, 4L * padded, queries, s, 0, 4L * rows, quads, rows, padded, dim);
        for (int i = 0; i < queries; i++) {
            double[] context = new double[dim];
            for (int j = 0; j < rows; j++) {
                double sum = 0;
                for (int l = 0; l < dim; l++) sum += (double) at(x, i * padded + l) * at(c, j * dim + l);
                assertThat((double) at(s, i * rows + j)).isCloseTo(sum, within(1e-6 * Math.sqrt(dim)));
                for (int l = 0; l < dim; l++) context[l] += (double) at(s, i * rows + j) * at(c, j * dim + l);
            }
            for (int l = 0; l < dim; l++) {
                assertThat((double) at(y, i * padded + l)).isCloseTo(context[l], within(1e-6 * rows * Math.sqrt(dim)));
            }
        }
    }

    /** Packs both types and compares them. */
    private MemorySegment pack(MemorySegment c, MemorySegment halves, int rows, int dim) {
        MemorySegment quads = arena.allocate(RowQuads.bytes(rows, dim), 64);
        MemorySegment twin = arena.allocate(RowQuads.bytes(rows, dim), 64);
        quads.fill((byte) -1); // NaN
        twin.fill((byte) -1);
        for (int j = 0; j < rows; j += 4) {
            RowQuads.pack(quads, j, c, 4L * j * dim, 4L * dim, rows - 1 - j, dim);
            RowQuads.packBf16(twin, j, halves, 2L * j * dim, 2L * dim, rows - 1 - j, dim);
        }
        assertThat(quads.mismatch(twin)).isEqualTo(-1);
        return quads;
    }

    @Test
    void lanesAreAddedInTheOrderOfOneSum() {
        int lanes = FloatVector.SPECIES_PREFERRED.length();
        MemorySegment one = randoms(32 * lanes),
                many = arena.allocate(4L * 32 * lanes, 64).copyFrom(one);
        LaneSums.of(many, 0, 32);
        for (int i = 0; i < 32; i++) {
            assertThat(at(many, i)).isEqualTo(LaneSum.of(one, 4L * lanes * i));
        }
    }

    private MemorySegment randoms(int count) {
        MemorySegment x = arena.allocate(4L * count, 64);
        for (int i = 0; i < count; i++) x.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        return x;
    }

    private static float at(MemorySegment x, int index) {
        return x.getAtIndex(JAVA_FLOAT, index);
    }
}
