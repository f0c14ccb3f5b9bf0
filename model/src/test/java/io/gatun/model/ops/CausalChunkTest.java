package io.gatun.model.ops;

import static io.gatun.model.Tensors.assertClose;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.ops.Attention.Rotation;
import io.gatun.model.ops.Attention.Shape;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import io.gatun.tensor.TensorException;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Expanded attention of chunks, and rotations row by row. */
class CausalChunkTest {
    private static final Team TEAM = new Team(2);
    private static final Attention FAST = CpuOps.on(TEAM).attention();
    private static final Attention PLAIN = new ReferenceAttention();

    @AfterAll
    static void endTheTeam() {
        TEAM.close();
    }

    @ParameterizedTest
    @CsvSource({
        // heads, nope, rope, value, start, rows
        "1, 1, 2, 1, 0, 1",
        "2, 3, 2, 5, 4, 3",
        "3, 20, 12, 33, 255, 1",
        "3, 20, 12, 33, 256, 2",
        "2, 15, 6, 17, 17, 300",
        "2, 128, 64, 128, 250, 20",
        "33, 4, 2, 6, 10, 30"
    })
    void equalsItsReference(int heads, int nope, int rope, int value, int start, int rows) {
        Shape shape = new Shape(heads, nope, rope, value, start + rows, (float) (1 / Math.sqrt(nope + rope)));
        AttentionCase fast = new AttentionCase(DType.F32, shape, 1, 51);
        AttentionCase plain = new AttentionCase(DType.F64, shape, 1, 51);
        chunk(FAST, fast, start, start + rows, 0, heads);
        chunk(PLAIN, plain, start, start + rows, 0, heads);
        assertClose("o", fast.o.slice(start, start + rows), plain.o.slice(start, start + rows), 3e-6);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 64, 100, 256, 257, 300})
    void bitsAreThoseOfTheWholeSequence(int step) {
        Shape shape = new Shape(4, 20, 8, 24, 530, 0.2f);
        AttentionCase whole = new AttentionCase(DType.F32, shape, 1, 52);
        AttentionCase cut = new AttentionCase(DType.F32, shape, 1, 52);
        whole.forward(FAST);
        try (Team three = new Team(3)) {
            Attention attention = CpuOps.on(three).attention();
            for (int start = 0; start < 530; start += step) {
                int end = Math.min(530, start + step);
                chunk(start % 2 == 0 ? attention : FAST, cut, start, end, 0, 1); // heads in groups, each some columns
                chunk(FAST, cut, start, end, 1, 4);
            }
        }
        assertClose("o", cut.o, whole.o, 0);
    }

    private static void chunk(Attention attention, AttentionCase c, int start, int end, int from, int to) {
        Shape all = c.shape;
        Shape group = new Shape(to - from, all.nopeDim(), all.ropeDim(), all.valueDim(), 0, all.scale());
        attention.causal(
                c.o.slice(start, end).columns((long) from * all.valueDim(), (long) to * all.valueDim()),
                c.q.slice(start, end).columns((long) from * all.keyDim(), (long) to * all.keyDim()),
                c.kv.slice(0, end).columns((long) from * all.kvDim(), (long) to * all.kvDim()),
                c.kRope.slice(0, end),
                start,
                group);
    }

    @Test
    void ropeTurnsEveryRowByItsOwnPosition() {
        Shape shape = new Shape(3, 5, 4, 7, 70, 1);
        AttentionCase c = new AttentionCase(DType.F32, shape, 2, 53);
        AttentionCase twin = new AttentionCase(DType.F64, shape, 2, 53);
        Tensor cos = c.kRope.columns(0, 2), sin = c.kRope.columns(2, 4);
        Tensor positions = Tensor.zeros(Arena.ofAuto(), DType.I32, 140);
        for (int r = 0; r < 140; r++) positions.set(r, r * 37 % 140);
        FAST.rope(c.q, 3, cos, sin, positions, Rotation.FORWARD);
        PLAIN.rope(twin.q, 3, cos, sin, positions, Rotation.FORWARD);
        assertClose("turned", c.q, twin.q, 2e-6);
        positions.set(9, 140);
        assertThatThrownBy(() -> FAST.rope(c.q, 3, cos, sin, positions, Rotation.FORWARD))
                .isInstanceOf(TensorException.class)
                .hasMessage("rope: row 9 has position 140; cos f32[140, 2] has those below 140");
    }

    @Test
    void refusesWhatDoesNotFit() {
        Shape shape = new Shape(2, 4, 2, 3, 0, 0.5f);
        AttentionCase c = new AttentionCase(DType.F32, new Shape(2, 4, 2, 3, 5, 0.5f), 1, 54);
        assertThatThrownBy(() -> FAST.causal(c.o, c.q, c.kv, c.kRope, 1, shape))
                .isInstanceOf(TensorException.class)
                .hasMessage("kv is f32[5, 14]; asked for is [6, 14]");
        assertThatThrownBy(() -> FAST.causal(c.o, c.q, c.kv, c.kRope, -1, shape))
                .isInstanceOf(TensorException.class)
                .hasMessage("causal: start is -1; positions begin at 0");
    }
}
