package io.gatun.model.generate;

import static io.gatun.model.Tensors.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.gatun.ffm.StandIn;
import io.gatun.ffm.cublaslt.CublasLt;
import io.gatun.ffm.cuda.CudaDevice;
import io.gatun.ffm.nvrtc.CubinCache;
import io.gatun.ffm.nvrtc.Nvrtc;
import io.gatun.model.ModelException;
import io.gatun.model.ops.CudaOps;
import io.gatun.model.precision.Compute;
import io.gatun.parallel.Team;
import io.gatun.tensor.Tensor;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole models on {@link CudaOps}, with the same layers as on the CPU, against the published code and against the CPU. */
class CudaGoldenTest {
    private static final double LOGITS = 2e-4;
    private static final Team TEAM = new Team(2);
    private static CudaDevice device;
    private static CublasLt library;
    private static CudaOps gpu;

    @BeforeAll
    static void open() {
        device = StandIn.device();
        assumeTrue(CublasLt.why().isEmpty(), CublasLt.why());
        assumeTrue(Nvrtc.why().isEmpty(), Nvrtc.why());
        library = CublasLt.open(device).orElseThrow();
        gpu = new CudaOps(library, Nvrtc.open().orElseThrow(), new CubinCache(StandIn.cubins()), TEAM);
    }

    @AfterAll
    static void close() {
        if (gpu != null) gpu.close();
        if (library != null) library.close();
        if (device != null) device.close();
        TEAM.close();
    }

    private static Opened onGpu(String name, Compute compute, int chunk) {
        return new Opened(name, compute, 1, chunk, Drafting.NONE, (team, golden) -> gpu);
    }

    @ParameterizedTest
    @CsvSource({
        "v3-mini,512",
        "v3-mini,5",
        "v3-nogroup-mini,512",
        "v2lite-mini,512",
        "v2-groups-mini,512",
        "mtp-mini,512",
        "fp8-ragged-mini,7"
    })
    void prefillEqualsThePublishedCode(String name, int chunk) {
        try (Opened model = onGpu(name, Compute.F32, chunk);
                Scorer scorer = new Scorer(model.passes, () -> {})) {
            Tensor expected = model.expected("prefill.logits", 0);
            Tensor logits = model.logits(expected.rows());
            scorer.logits(logits, Arrays.copyOf(model.ids(0), expected.rows()));
            assertClose("prefill.logits", logits, expected, LOGITS);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"v3-mini", "v2lite-mini", "fp8-mini"})
    void decodingEqualsThePublishedCode(String name) {
        try (Opened model = onGpu(name, Compute.F32, 512)) {
            int prompt = (int) model.golden.expected("decode.prompt_len").get(0);
            int[] ids = model.ids(0);
            Tensor logits = model.logits(1), expected = model.expected("decode.logits", 0);
            try (Sequence sequence = model.passes.newPlainSequence()) {
                model.passes.prefill(sequence, Arrays.copyOf(ids, prompt), logits);
                assertClose("decode.logits 0", logits, expected.slice(0, 1), LOGITS);
                for (int i = prompt; i < ids.length; i++) {
                    model.passes.step(sequence, new int[] {ids[i]}, 1, logits);
                    int row = i - prompt + 1;
                    assertClose("decode.logits " + row, logits, expected.slice(row, row + 1), LOGITS);
                }
            }
        }
    }

    /** The same roundings as on the CPU, but that in BF16 the GPU also rounds weights that are not stored so. */
    @ParameterizedTest
    @CsvSource({"BF16,2e-2", "W8A8,1e-5"})
    void lowPrecisionStaysNearTheCpu(Compute compute, double tolerance) {
        assumeTrue(compute != Compute.W8A8 || library.whyNotBlockScaled().isEmpty(), library.whyNotBlockScaled());
        try (Opened onGpu = onGpu("fp8-mini", compute, 512);
                Opened onCpu = new Opened("fp8-mini", compute, 2, 512, Drafting.NONE)) {
            int[] ids = onGpu.ids(0);
            Tensor found = onGpu.logits(1), expected = onGpu.logits(1);
            try (Sequence a = onGpu.passes.newPlainSequence();
                    Sequence b = onCpu.passes.newPlainSequence()) {
                onGpu.passes.prefill(a, Arrays.copyOf(ids, 5), found);
                onCpu.passes.prefill(b, Arrays.copyOf(ids, 5), expected);
                for (int i = 5; i < 9; i++) {
                    assertThat(relativeError(found, expected))
                            .as("logits after %d tokens", i)
                            .isLessThan(StandIn.isReal() ? 0.35 : tolerance);
                    onGpu.passes.step(a, new int[] {ids[i]}, 1, found);
                    onCpu.passes.step(b, new int[] {ids[i]}, 1, expected);
                }
            }
        }
    }

    private static double relativeError(Tensor actual, Tensor expected) {
        double errors = 0, squares = 0;
        for (long i = 0; i < expected.count(); i++) {
            errors += Math.pow(actual.get(i) - expected.get(i), 2);
            squares += Math.pow(expected.get(i), 2);
        }
        return Math.sqrt(errors / squares);
    }

    @Test
    void sequencesThatStepTogetherAndForksAreAsAlone() {
        try (Opened model = onGpu("v3-mini", Compute.F32, 512)) {
            int[] ids = model.ids(0);
            Tensor first = model.logits(1), both = model.logits(2);
            try (Sequence one = model.passes.newPlainSequence()) {
                model.passes.prefill(one, Arrays.copyOf(ids, 6), first);
                try (Sequence fork = model.passes.fork(one, model.arena)) {
                    model.passes.step(one, new int[] {ids[6]}, 1, first);
                    Sequence[] sequences = {one, fork};
                    one.truncate(6);
                    model.passes.step(sequences, new int[] {ids[6], ids[7]}, 2, both);
                    assertClose("row of the batch", both.slice(0, 1), first, 1e-6);
                    model.passes.step(fork, new int[] {ids[8]}, 1, first); // the pages were copied on the GPU
                    assertThat(fork.length()).isEqualTo(8);
                }
            }
        }
    }

    @Test
    void losses() {
        try (Opened onGpu = onGpu("v3-mini", Compute.F32, 512);
                Opened onCpu = Opened.f32("v3-mini");
                Scorer gpuScorer = new Scorer(onGpu.passes, () -> {});
                Scorer cpuScorer = new Scorer(onCpu.passes, () -> {})) {
            int[] ids = onGpu.ids(0);
            double expected = cpuScorer.loss(ids);
            assertThat(Math.abs(gpuScorer.loss(ids) - expected)).isLessThan(1e-4 * expected);
        }
    }

    @Test
    void refusesToDraft() {
        assertThatThrownBy(() -> new Opened("mtp-mini", Compute.F32, 1, 512, Drafting.of(1), (t, g) -> gpu))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("drafting");
    }
}
