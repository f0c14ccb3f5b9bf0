package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.StandIn;
import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.MatmulEngine;
import io.gatun.kernels.VectorMatmul;
import io.gatun.kernels.Weight;
import io.gatun.model.Golden;
import io.gatun.model.checkpoint.Checkpoint;
import io.gatun.model.engine.CublasLtMatmul;
import io.gatun.model.engine.HybridMatmul;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.ForcedExperts;
import io.gatun.model.precision.Compute;
import io.gatun.parallel.Team;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole models whose products run on a GPU against the published code, within the bounds that the CPU's products have. */
class HybridGoldenTest {
    private static final Team TEAM = new Team(2);
    private static CudaDevice device;
    private static CublasLt library;
    private static CublasLtMatmul gpu;
    private static MatmulEngine engine;

    @BeforeAll
    static void open() {
        device = StandIn.device();
        assumeTrue(CublasLt.why().isEmpty(), CublasLt.why());
        library = CublasLt.open(device).orElseThrow();
        gpu = new CublasLtMatmul(library, TEAM);
        engine = new HybridMatmul(gpu, new VectorMatmul(TEAM));
    }

    @AfterAll
    static void close() {
        if (gpu != null) gpu.close();
        if (library != null) library.close();
        if (device != null) device.close();
        TEAM.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"fp8-mini", "fp8-ragged-mini", "v3-mini", "v2lite-mini"})
    void bf16StaysWithinTwoPercentWhereTheExpertsAreTheSame(String name) {
        double errors = 0, squares = 0;
        for (int b = 0; b < sequences(name); b++) {
            int sequence = b;
            try (Opened model = new Opened(
                            name,
                            Compute.BF16,
                            2,
                            512,
                            Drafting.NONE,
                            (team, golden) -> ForcedExperts.on(team, engine, chosen(golden, sequence)));
                    Scorer scorer = new Scorer(model.passes, () -> {})) {
                Tensor expected = model.expected("prefill.logits", b);
                Tensor logits = model.logits(expected.rows());
                scorer.logits(logits, Arrays.copyOf(model.ids(b), expected.rows()));
                errors += errors(logits, expected);
                squares += squares(expected);
            }
        }
        assertThat(Math.sqrt(errors / squares)).isBetween(1e-5, 2e-2); // rounding must do something
    }

    @Test
    void quantisedActivationsStayNearThePublishedKernels() {
        assumeTrue(library.whyNotBlockScaled().isEmpty(), library.whyNotBlockScaled());
        try (Opened model = new Opened(
                        "fp8-mini", Compute.W8A8, 2, 512, Drafting.NONE, (team, golden) -> CpuOps.on(team, engine));
                Scorer scorer = new Scorer(model.passes, () -> {})) {
            for (int b = 0; b < model.golden.expected("input_ids").size(0); b++) {
                Tensor expected = model.expected("w8a8.naive.prefill.logits", b);
                Tensor logits = model.logits(expected.rows());
                scorer.logits(logits, model.ids(b));
                assertThat(Math.sqrt(errors(logits, expected) / squares(expected)))
                        .isLessThan(0.35);
            }
        }
    }

    /** Decoding has one row a product, and the same codes and scales as on the CPU. */
    @Test
    void decodingEqualsThatOnTheCpu() {
        assumeTrue(library.whyNotBlockScaled().isEmpty(), library.whyNotBlockScaled());
        try (Opened gpu = w8a8(engine);
                Opened cpu = w8a8(new VectorMatmul(TEAM))) {
            int[] ids = gpu.ids(0);
            Tensor found = gpu.logits(1), expected = cpu.logits(1);
            try (Sequence onGpu = gpu.passes.newPlainSequence();
                    Sequence onCpu = cpu.passes.newPlainSequence()) {
                gpu.passes.prefill(onGpu, Arrays.copyOf(ids, 5), found);
                cpu.passes.prefill(onCpu, Arrays.copyOf(ids, 5), expected);
                for (int i = 5; i < 9; i++) {
                    assertThat(Math.sqrt(errors(found, expected) / squares(expected)))
                            .as("logits after %d tokens", i)
                            .isLessThan(StandIn.isReal() ? 0.35 : 1e-3); // a code may round the other way
                    gpu.passes.step(onGpu, new int[] {ids[i]}, 1, found);
                    cpu.passes.step(onCpu, new int[] {ids[i]}, 1, expected);
                }
            }
        }
    }

    private static Opened w8a8(MatmulEngine engine) {
        return new Opened("fp8-mini", Compute.W8A8, 2, 512, Drafting.NONE, (team, golden) -> CpuOps.on(team, engine));
    }

    @Test
    void quantisedProductsEqualThePublishedOnes() {
        assumeTrue(library.whyNotBlockScaled().isEmpty(), library.whyNotBlockScaled());
        try (Golden golden = Golden.open("fp8-mini");
                Arena arena = Arena.ofShared()) {
            Checkpoint checkpoint = golden.checkpoint();
            int compared = 0;
            for (String name : checkpoint.names()) {
                String linear = "w8a8.linear." + name.replace(".weight", "");
                if (!golden.has(linear + ".x")) continue;
                Tensor expected = golden.expected(linear + ".y");
                BlockScaled blocks = new BlockScaled(checkpoint.tensor(name), checkpoint.scales(name), 128, 128);
                Weight weight = engine.map(blocks, Format.FP8);
                Tensor y = Tensor.zeros(arena, DType.F32, expected.shape());
                engine.forward(y, golden.expected(linear + ".x"), weight, Accumulate.WRITE);
                double largest = 0;
                for (long i = 0; i < expected.count(); i++) largest = Math.max(largest, Math.abs(expected.get(i)));
                double tolerance = StandIn.isReal() ? 1e-3 : 1e-5; // 14 bits between promotions on Hopper
                for (long i = 0; i < expected.count(); i++) {
                    assertThat(Math.abs(y.get(i) - expected.get(i)))
                            .as("%s: element %d is %s, expected %s", linear, i, y.get(i), expected.get(i))
                            .isLessThanOrEqualTo(tolerance * largest);
                }
                compared++;
            }
            assertThat(compared).isEqualTo(14);
        }
    }

    private static int sequences(String name) {
        try (Golden golden = Golden.open(name)) {
            return (int) golden.expected("input_ids").size(0);
        }
    }

    private static List<Tensor> chosen(Golden golden, int b) {
        List<Tensor> layers = new ArrayList<>();
        for (int layer = golden.config().firstKDenseReplace();
                layer < golden.config().numHiddenLayers();
                layer++) {
            Tensor all = golden.expected("router." + layer + ".indices");
            layers.add(all.slice(b, b + 1).reshape(all.size(1), all.size(2)));
        }
        return layers;
    }

    private static double errors(Tensor actual, Tensor expected) {
        double errors = 0;
        for (long i = 0; i < actual.count(); i++) errors += Math.pow(actual.get(i) - expected.get(i), 2);
        return errors;
    }

    private static double squares(Tensor expected) {
        double squares = 0;
        for (long i = 0; i < expected.count(); i++) squares += Math.pow(expected.get(i), 2);
        return squares;
    }
}
