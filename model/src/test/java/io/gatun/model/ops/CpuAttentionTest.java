package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.gatun.model.ops.Attention.Rotation;
import io.gatun.model.ops.Attention.Shape;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The CPU's attention against its scalar twin, at sizes beside every tile and lane count. */
class CpuAttentionTest {
    private static final Team TEAM = new Team(2);
    private static final Attention FAST = CpuOps.on(TEAM).attention();
    private static final Attention PLAIN = new ReferenceAttention();

    @AfterAll
    static void endTheTeam() {
        TEAM.close();
    }

    @ParameterizedTest
    @CsvSource({
        // heads, nope, rope, value, sequence, sequences
        "1, 1, 2, 1, 1, 3",
        "2, 3, 2, 5, 7, 2",
        "3, 7, 4, 9, 5, 1",
        "4, 8, 8, 8, 16, 2",
        "2, 15, 6, 17, 17, 2",
        "1, 16, 16, 31, 31, 1",
        "4, 32, 16, 32, 128, 1",
        "3, 20, 12, 33, 48, 3",
        "2, 33, 10, 40, 95, 1",
        "2, 24, 8, 16, 96, 1",
        "2, 24, 8, 15, 97, 2",
        "2, 24, 8, 16, 144, 1",
        "2, 24, 8, 15, 145, 2",
        "1, 9, 2, 7, 191, 1",
        "1, 12, 4, 20, 193, 2",
        "2, 128, 64, 128, 100, 1",
        "1, 8, 8, 24, 255, 1",
        "1, 8, 8, 24, 257, 1",
        "1, 8, 4, 8, 530, 1",
        "1, 12, 4, 20, 289, 2",
        "8, 5, 2, 6, 300, 4",
        "2, 16, 8, 16, 1000, 1"
    })
    void causalAndItsGradients(int heads, int nope, int rope, int value, int sequence, int sequences) {
        Shape shape = new Shape(heads, nope, rope, value, sequence, (float) (1 / Math.sqrt(nope + rope)));
        AttentionCase fast = new AttentionCase(DType.F32, shape, sequences, 7);
        AttentionCase plain = new AttentionCase(DType.F64, shape, sequences, 7);
        fast.forward(FAST);
        plain.forward(PLAIN);
        assertClose("o", fast.o, plain.o, 3e-6);
        assertClose("logSumExp", fast.logSumExp, plain.logSumExp, 3e-6);
        fast.backward(FAST);
        plain.backward(PLAIN);
        double error = 1e-6 * Math.sqrt(nope + rope + sequence);
        assertClose("dq", fast.dq, plain.dq, error);
        assertClose("dkv", fast.dkv, plain.dkv, error);
        assertClose("dkRope", fast.dkRope, plain.dkRope, error * heads);
    }

    @Test
    void largeScoresStayExact() { // maxima far apart, growing along the sequence, past the first block of keys
        Shape shape = new Shape(1, 8, 4, 8, 600, 1);
        AttentionCase fast = new AttentionCase(DType.F32, shape, 1, 8);
        AttentionCase plain = new AttentionCase(DType.F64, shape, 1, 8);
        for (int r = 0; r < 600; r++) {
            for (int c = 0; c < 8; c++) {
                fast.kv.set(r, c, (float) (fast.kv.get(r, c) * (1 + r / 20f)));
                plain.kv.set(r, c, fast.kv.get(r, c));
            }
        }
        fast.forward(FAST);
        plain.forward(PLAIN);
        assertClose("o", fast.o, plain.o, 1e-4); // scores of some hundred, known to seven digits
        for (int r = 0; r < 600; r++) {
            assertThat(fast.logSumExp.get(r)).isCloseTo(plain.logSumExp.get(r), within(plain.logSumExp.get(r)));
        }
    }

    private static org.assertj.core.data.Offset<Double> within(double value) {
        return org.assertj.core.data.Offset.offset(1e-6 * Math.abs(value) + 1e-5);
    }

    @Test
    void bitsDependOnNeitherThreadsNorNeighbours() {
        Shape shape = new Shape(3, 20, 8, 24, 300, 0.2f);
        AttentionCase two = new AttentionCase(DType.F32, shape, 2, 9);
        two.forward(FAST);
        two.backward(FAST);
        for (int threads : new int[] {1, 3}) {
            try (Team team = new Team(threads)) {
                AttentionCase other = new AttentionCase(DType.F32, shape, 2, 9);
                Attention attention = CpuOps.on(team).attention();
                other.forward(attention);
                other.backward(attention);
                assertSame(other.o, two.o);
                assertSame(other.logSumExp, two.logSumExp);
                assertSame(other.dq, two.dq);
                assertSame(other.dkv, two.dkv);
                assertSame(other.dkRope, two.dkRope);
            }
        }
        AttentionCase many = new AttentionCase(DType.F32, shape, 20, 9); // cut into other tasks
        many.q.slice(0, 600).copyFrom(two.q);
        many.kv.slice(0, 600).copyFrom(two.kv);
        many.kRope.slice(0, 600).copyFrom(two.kRope);
        many.forward(FAST);
        assertSame(many.o.slice(0, 600), two.o);
        Shape shorter = new Shape(3, 20, 8, 24, 277, 0.2f);
        AttentionCase part = new AttentionCase(DType.F32, shorter, 1, 9);
        part.q.copyFrom(two.q.slice(0, 277));
        part.kv.copyFrom(two.kv.slice(0, 277));
        part.kRope.copyFrom(two.kRope.slice(0, 277));
        part.forward(FAST);
        assertSame(part.o, two.o.slice(0, 277));
    }

    @Test
    void aNaNShowsUpInItsOwnAndLaterRowsOnly() {
        Shape shape = new Shape(1, 8, 4, 8, 20, 0.3f);
        for (String where : new String[] {"q", "kv", "kRope"}) {
            AttentionCase bad = new AttentionCase(DType.F32, shape, 1, 10);
            Tensor tensor = where.equals("q") ? bad.q : where.equals("kv") ? bad.kv : bad.kRope;
            tensor.set(13, 1, Double.NaN);
            bad.forward(FAST);
            for (int r = 0; r < 20; r++) {
                boolean reached = where.equals("q") ? r == 13 : r >= 13;
                assertThat(Double.isNaN(bad.o.get(r, 0)))
                        .as(where + " row " + r)
                        .isEqualTo(reached);
                assertThat(Double.isNaN(bad.logSumExp.get(0, r))).isEqualTo(reached);
            }
            bad.backward(FAST);
            assertThat(bad.dq.get(13, 0)).isNaN();
        }
    }

    @ParameterizedTest
    @CsvSource({
        // heads, headDim, pairs, start, sequence, rows
        "1, 2, 1, 0, 1, 1",
        "3, 9, 3, 5, 4, 8",
        "4, 48, 8, 0, 70, 140",
        "2, 20, 5, 1, 7, 7",
        "1, 64, 32, 3, 65, 130",
        "5, 30, 15, 2, 3, 7",
        "128, 24, 4, 9, 1, 5"
    })
    void rope(int heads, int headDim, int pairs, int start, int sequence, int rows) {
        AttentionCase floats = new AttentionCase(DType.F32, new Shape(1, 1, 1, 1, 1, 1), 1, 0);
        AttentionCase doubles = new AttentionCase(DType.F64, new Shape(1, 1, 1, 1, 1, 1), 1, 0);
        Tensor x = floats.filled(new Random(11), rows, heads * headDim);
        Tensor expected = doubles.filled(new Random(11), rows, heads * headDim);
        Tensor original = doubles.filled(new Random(11), rows, heads * headDim);
        Tensor cos = floats.filled(new Random(12), start + sequence, pairs);
        Tensor sin = floats.filled(new Random(13), start + sequence, pairs);
        for (int p = 0; p < start + sequence; p++) {
            for (int i = 0; i < pairs; i++) {
                cos.set(p, i, Math.cos(p * 0.3 / (i + 1)));
                sin.set(p, i, Math.sin(p * 0.3 / (i + 1)));
            }
        }
        FAST.rope(x, heads, cos, sin, start, sequence, Rotation.FORWARD);
        PLAIN.rope(expected, heads, cos, sin, start, sequence, Rotation.FORWARD);
        assertClose("turned", x, expected, 1e-6);
        FAST.rope(x, heads, cos, sin, start, sequence, Rotation.BACKWARD);
        assertClose("turned back", x, original, 2e-6);
    }

    @Test
    @Tag("allocation")
    void warmCallsAllocateNothing() {
        Shape shape = new Shape(4, 16, 8, 16, 130, 0.2f);
        AttentionCase c = new AttentionCase(DType.F32, shape, 2, 18);
        Tensor cos = c.filled(new Random(22), 130, 4);
        Runnable calls = () -> {
            for (int i = 0; i < 20; i++) {
                FAST.rope(c.q, 4, cos, cos, 0, 130, i % 2 == 0 ? Rotation.FORWARD : Rotation.BACKWARD);
                c.forward(FAST);
                c.backward(FAST);
            }
        };
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = 1;
        for (int block = 0; block < 400 && allocated > 0; block++) { // two blocks in a row, compilers come and go
            long before = threads.getCurrentThreadAllocatedBytes();
            calls.run();
            calls.run();
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertThat(allocated).isZero();
    }

    @Test
    void refusesWhatDoesNotFit() {
        Shape shape = new Shape(2, 4, 2, 3, 5, 0.5f);
        AttentionCase c = new AttentionCase(DType.F32, shape, 1, 23);
        Tensor doubles = Tensor.zeros(Arena.ofAuto(), DType.F64, 5, 6);
        assertThatThrownBy(() -> FAST.causal(c.o, c.logSumExp, c.q, c.kRope, c.kRope, shape))
                .isInstanceOf(TensorException.class)
                .hasMessage("kv is f32[5, 2]; asked for is [5, 14]");
        assertThatThrownBy(() -> FAST.causal(doubles, c.logSumExp, c.q, c.kv, c.kRope, shape))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("o is f64[5, 6]");
        assertThatThrownBy(() -> FAST.causal(c.o, c.logSumExp, c.q, c.kv, c.kRope, new Shape(2, 4, 2, 3, 4, 0.5f)))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("5 rows are not whole sequences of 4");
        assertThatThrownBy(() -> FAST.causal(c.o, c.logSumExp, c.q, c.kv, c.kRope, new Shape(2, 4, 2, 3, 5, -1)))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("scale must be positive");
        assertThatThrownBy(() -> FAST.causalGrad(c.dq, c.dkv, c.dkv, c.dO, c.o, c.logSumExp, c.q, c.kv, c.kRope, shape))
                .isInstanceOf(TensorException.class)
                .hasMessage("dkRope is f32[5, 14]; asked for is [5, 2]");
        assertThatThrownBy(() -> FAST.rope(c.q, 5, c.kRope, c.kRope, 0, 5, Rotation.FORWARD))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("cannot be cut into 5 heads");
        assertThatThrownBy(() -> FAST.rope(c.q, 2, c.kRope, c.kRope, 3, 5, Rotation.FORWARD))
                .isInstanceOf(TensorException.class)
                .hasMessageContaining("5 positions; 8 are asked for");
    }

    private static void assertClose(String name, Tensor found, Tensor expected, double error) {
        for (int r = 0; r < expected.rows(); r++) {
            for (int c = 0; c < expected.cols(); c++) {
                double difference = Math.abs(found.get(r, c) - expected.get(r, c));
                if (!(difference <= error)) {
                    throw new AssertionError("%s[%d, %d] is %s; expected is %s, within %s"
                            .formatted(name, r, c, found.get(r, c), expected.get(r, c), error));
                }
            }
        }
    }

    private static void assertSame(Tensor found, Tensor expected) {
        assertClose("bits", found, expected, 0);
    }
}
