package io.gatun.model.ops;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.gatun.model.ops.Attention.Rotation;
import io.gatun.model.ops.Attention.Shape;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Warm steps of inference allocate nothing. */
class CpuAbsorbedAllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F8_E4M3"})
    @Tag("allocation")
    void warmCallsAllocateNothing(DType weight) {
        Shape shape = new Shape(4, 16, 8, 16, 1, 0.2f);
        DType cache = weight == DType.F32 ? DType.F32 : DType.BF16;
        AbsorbedCase c = new AbsorbedCase(DType.F32, cache, weight, shape, 36, 32, new int[] {70, 3, -1});
        AttentionCase numbers = new AttentionCase(DType.F32, new Shape(4, 16, 8, 16, 90, 0.2f), 1, 61);
        Tensor cKv = numbers.strided(3, 36), kRope = numbers.strided(3, 8);
        Tensor latent = numbers.strided(40, 36), rope = numbers.strided(40, 8);
        Tensor cos = numbers.kRope.columns(0, 4), sin = numbers.kRope.columns(4, 8);
        Tensor o = numbers.o.slice(50, 90), q = numbers.q.slice(50, 90);
        try (Team team = new Team(1)) {
            Attention attention = CpuOps.on(team).attention();
            Runnable step = () -> {
                attention.rope(c.q, 4, cos, sin, c.positions, Rotation.FORWARD);
                attention.append(c.sequences, c.positions, cKv, kRope);
                c.run(attention);
                attention.cached(latent, rope, c.sequences[0]);
                attention.causal(o, q, numbers.kv, numbers.kRope, 50, shape);
            };
            long allocated = 1;
            for (int block = 0; block < 300 && allocated > 0; block++) { // compilers come and go
                long before = THREADS.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 300; i++) step.run();
                allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
            }
            assertThat(allocated).isZero();
        }
    }
}
