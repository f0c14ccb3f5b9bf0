package io.gatun.model.generate;

import static io.gatun.model.Tensors.assertClose;
import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.kernels.Accumulate;
import io.gatun.kernels.Format;
import io.gatun.kernels.Weight;
import io.gatun.model.Golden;
import io.gatun.model.checkpoint.Checkpoint;
import io.gatun.model.ops.ForcedExperts;
import io.gatun.model.ops.LatentPages;
import io.gatun.model.precision.Compute;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Inference from mapped weights against the published code: tolerances are those that test-data/README.md gives. */
class DecodeGoldenTest {
    private static final double LOGITS = 2e-4;
    private static final double CACHE = 5e-5;

    @ParameterizedTest
    @CsvSource({
        "v3-mini,512", "v3-nogroup-mini,512", "v3-realrope-mini,512", "v2lite-mini,512", "v2-groups-mini,512",
        "mtp-mini,512", "fp8-mini,512", "fp8-ragged-mini,512", "v3-mini,1", "fp8-ragged-mini,7"
    })
    void prefillEqualsThePublishedCode(String name, int chunk) {
        try (Opened model = new Opened(name, Compute.F32, 2, chunk, Drafting.NONE);
                Scorer scorer = new Scorer(model.passes, () -> {})) {
            for (int b = 0; b < model.golden.expected("input_ids").size(0); b++) {
                Tensor expected = model.expected("prefill.logits", b);
                Tensor logits = model.logits(expected.rows());
                scorer.logits(logits, Arrays.copyOf(model.ids(b), expected.rows()));
                assertClose("prefill.logits of sequence " + b, logits, expected, LOGITS);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "v3-mini",
                "v3-nogroup-mini",
                "v3-realrope-mini",
                "v2lite-mini",
                "v2-groups-mini",
                "fp8-mini",
                "fp8-ragged-mini"
            })
    void decodingEqualsThePublishedCode(String name) {
        try (Opened model = Opened.f32(name)) {
            int prompt = (int) model.golden.expected("decode.prompt_len").get(0);
            Tensor logits = model.logits(1);
            for (int b = 0; b < model.golden.expected("input_ids").size(0); b++) {
                int[] ids = model.ids(b);
                Tensor expected = model.expected("decode.logits", b);
                try (Sequence sequence = model.passes.newPlainSequence()) {
                    model.passes.prefill(sequence, Arrays.copyOf(ids, prompt), logits);
                    assertClose("decode.logits 0", logits, expected.slice(0, 1), LOGITS);
                    for (int i = prompt; i < ids.length; i++) {
                        model.passes.step(sequence, new int[] {ids[i]}, 1, logits);
                        int row = i - prompt + 1;
                        assertClose("decode.logits " + row, logits, expected.slice(row, row + 1), LOGITS);
                    }
                    compareCaches(model, b, sequence);
                }
            }
        }
    }

    private static void compareCaches(Opened model, int b, Sequence sequence) {
        for (int layer = 0; layer < model.golden.config().numHiddenLayers(); layer++) {
            if (!model.golden.has("cache." + layer + ".kv")) continue;
            int width = model.golden.config().kvLoraRank();
            Tensor cached = cached(model.arena, sequence.cache.layer(layer), sequence.length());
            Tensor kv = cached.columns(0, width);
            Tensor pe = cached.columns(width, cached.cols());
            assertClose("cache." + layer + ".kv", kv, model.expected("cache." + layer + ".kv", b), CACHE);
            assertClose("cache." + layer + ".pe", pe, model.expected("cache." + layer + ".pe", b), CACHE);
        }
    }

    private static Tensor cached(Arena arena, LatentPages pages, int length) {
        Tensor all = Tensor.zeros(arena, DType.F32, length, pages.page(0).cols());
        for (int r = 0; r < length; r++) {
            int row = r % pages.pageSize();
            all.slice(r, r + 1).copyFrom(pages.page(r / pages.pageSize()).slice(row, row + 1));
        }
        return all;
    }

    @ParameterizedTest
    @ValueSource(strings = {"v3-mini"})
    void greedyContinuationsEqualThePublishedCode(String name) {
        try (Opened model = Opened.f32(name)) {
            Tensor expected = model.golden.expected("greedy.ids");
            int prompt = (int) model.golden.expected("greedy.prompt_len").get(0);
            Tensor logits = model.logits(1);
            for (int b = 0; b < expected.size(0); b++) {
                try (Sequence sequence = model.passes.newPlainSequence()) {
                    model.passes.prefill(sequence, Arrays.copyOf(model.ids(b), prompt), logits);
                    Sampler sampler = new Sampler(Sampling.GREEDY, model.vocabulary());
                    for (int i = 0; i < expected.size(1); i++) {
                        int best = sampler.next(logits);
                        assertThat(best).as("token %d of sequence %d", i, b).isEqualTo((int) expected.get(b, i));
                        model.passes.step(sequence, new int[] {best}, 1, logits);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"masked0,headnorm", "masked0,blockout", "unmasked,headnorm", "unmasked,blockout"})
    void draftsEqualThePublishedCode(String mask, String recycle) {
        var fed = recycle.equals("headnorm") ? Drafting.Recycle.HEAD_NORM : Drafting.Recycle.BLOCK_OUT;
        Drafting drafting = new Drafting(2, mask.equals("masked0"), fed);
        try (Opened model = new Opened("mtp-mini", Compute.F32, 2, 512, drafting)) {
            Tensor logits = model.logits(1);
            String golden = "mtp." + mask + ".";
            for (int b = 0; b < model.golden.expected("input_ids").size(0); b++) {
                int[] ids = model.ids(b);
                int length = ids.length - 1;
                Tensor first = model.expected(golden + "logits", b).slice(length - 1, length);
                Tensor second = model.golden
                        .expected(golden + "recycle_" + recycle + ".draft2_logits")
                        .slice(b, b + 1);
                try (Sequence sequence = model.passes.newSequence(model.arena)) {
                    model.passes.prefill(sequence, Arrays.copyOf(ids, length), logits);
                    int[] drafts = new int[2];
                    int sequenceIndex = b;
                    model.passes.draft(sequence, ids[length], drafts, (row, index) -> {
                        assertClose("draft " + index, row, index == 0 ? first : second, LOGITS);
                        Tensor draft1 = model.golden.expected(golden + "recycle_" + recycle + ".draft1_ids");
                        return (int) draft1.get(sequenceIndex);
                    });
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "v3-mini",
                "v3-nogroup-mini",
                "v3-realrope-mini",
                "v2lite-mini",
                "v2-groups-mini",
                "fp8-mini",
                "fp8-ragged-mini"
            })
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
                            (team, golden) -> ForcedExperts.on(team, chosen(golden, sequence)));
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

    @Test
    void quantisedActivationsStayNearThePublishedKernels() {
        try (Opened model = new Opened("fp8-mini", Compute.W8A8, 2, 512, Drafting.NONE);
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

    @Test
    void quantisedProductsEqualThePublishedOnes() {
        try (Opened model = Opened.f32("fp8-mini")) {
            Checkpoint checkpoint = model.golden.checkpoint();
            int compared = 0;
            for (String name : checkpoint.names()) {
                String golden = "w8a8.linear." + name.replace(".weight", "");
                if (!model.golden.has(golden + ".x")) continue;
                Tensor expected = model.golden.expected(golden + ".y");
                Weight weight = model.passes
                        .ops()
                        .products()
                        .map(new BlockScaled(checkpoint.tensor(name), checkpoint.scales(name), 128, 128), Format.FP8);
                Tensor y = model.passes.ops().reals(model.arena, expected.shape());
                model.passes
                        .ops()
                        .products()
                        .forward(y, model.golden.expected(golden + ".x"), weight, Accumulate.WRITE);
                double largest = 0;
                for (long i = 0; i < expected.count(); i++) largest = Math.max(largest, Math.abs(expected.get(i)));
                assertClose(golden, y, expected, 1e-5 * largest);
                compared++;
            }
            assertThat(compared).isEqualTo(14);
        }
    }
}
