package io.gatun.model.ops;

import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;

/** What the tests of {@link Elementwise} share: one team, random tensors, their twins in double, and how they are compared. */
abstract class ElementwiseFixture {
    private static Team team;

    static Elementwise cpu;
    static final Elementwise REFERENCE = new ReferenceElementwise();

    final Arena arena = Arena.ofShared();
    final SplittableRandom random = new SplittableRandom(20_250_101);

    @BeforeAll
    static void startTeam() {
        team = new Team(2);
        cpu = new CpuElementwise(team);
    }

    @AfterAll
    static void endTeam() {
        team.close();
    }

    @AfterEach
    void freeTensors() {
        arena.close();
    }

    /** A matrix of normal numbers; with {@code gap} columns of a wider one around it, which are normal numbers too. */
    Tensor matrix(int rows, int cols, int gap) {
        Tensor wide = Tensor.zeros(arena, DType.F32, rows, cols + 2L * gap);
        for (long i = 0; i < wide.count(); i++) wide.set(i, random.nextGaussian());
        return gap == 0 ? wide : wide.columns(gap, gap + (long) cols);
    }

    Tensor vector(int count) {
        return matrix(1, count, 0).reshape(count);
    }

    /** Ids below {@code vocabulary} as columns of a longer matrix, the way a batch holds inputs and targets. */
    Tensor ids(int sequences, int length, int vocabulary) {
        Tensor ids = Tensor.zeros(arena, DType.I32, sequences, length + 1L);
        for (long i = 0; i < ids.count(); i++) ids.set(i, random.nextInt(vocabulary));
        return ids.columns(1, length + 1L);
    }

    /** A contiguous copy in double. */
    Tensor twin(Tensor x) {
        Tensor twin = Tensor.zeros(arena, DType.F64, x.shape());
        twin.copyFrom(x);
        return twin;
    }

    /** A contiguous copy of the same type. */
    Tensor copy(Tensor x) {
        Tensor copy = Tensor.zeros(arena, x.dtype(), x.shape());
        copy.copyFrom(x);
        return copy;
    }

    /** Every element lies within {@code tolerance · max(1, |expected|)}; the first that does not is named, and the worst. */
    static void assertClose(Tensor actual, Tensor expected, double tolerance) {
        double worst = 0;
        long first = -1;
        for (long i = 0; i < expected.count(); i++) {
            double error = Math.abs(actual.get(i) - expected.get(i)) / Math.max(1, Math.abs(expected.get(i)));
            boolean bad = !(error <= tolerance) && Double.compare(actual.get(i), expected.get(i)) != 0;
            if (bad && first < 0) first = i;
            worst = Math.max(worst, error);
        }
        if (first >= 0) {
            throw new AssertionError("element %d of %s is %s, not %s; worst error %s, allowed %s"
                    .formatted(first, expected, actual.get(first), expected.get(first), worst, tolerance));
        }
    }

    /** Equal bit for bit. */
    static void assertSame(Tensor actual, Tensor expected) {
        for (long i = 0; i < expected.count(); i++) {
            if (Double.compare(actual.get(i), expected.get(i)) != 0) {
                throw new AssertionError(
                        "element %d of %s is %s, not %s".formatted(i, expected, actual.get(i), expected.get(i)));
            }
        }
    }
}
