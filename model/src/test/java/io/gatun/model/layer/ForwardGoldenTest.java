package io.gatun.model.layer;

import static io.gatun.model.Tensors.assertClose;
import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.Golden;
import io.gatun.model.ops.CpuOps;
import io.gatun.model.ops.Ops;
import io.gatun.model.ops.ReferenceOps;
import io.gatun.model.ops.Routing;
import io.gatun.parallel.Team;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole models against the published code: tolerances are those that test-data/README.md gives. */
class ForwardGoldenTest {
    private static final double HIDDEN = 2e-4;
    private static final double CACHE = 5e-5;
    private static final double ROUTER = 2e-5;

    @ParameterizedTest
    @ValueSource(
            strings = {"v3-mini", "v3-nogroup-mini", "v3-realrope-mini", "v2lite-mini", "v2-groups-mini", "mtp-mini"})
    void vectorKernelsEqualThePublishedCode(String name) {
        try (Team team = new Team(2);
                Golden golden = Golden.open(name)) {
            checkPrefill(golden, CpuOps.on(team));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"v3-mini", "v3-nogroup-mini", "v3-realrope-mini", "v2lite-mini", "v2-groups-mini", "mtp-mini"})
    void theReferenceEqualsThePublishedCode(String name) {
        try (Golden golden = Golden.open(name)) {
            checkPrefill(golden, new ReferenceOps());
        }
    }

    private static void checkPrefill(Golden golden, Ops ops) {
        Tensor ids = golden.expected("input_ids");
        int batch = (int) ids.size(0);
        int sequence = golden.has("prefill.logits")
                ? (int) golden.expected("prefill.logits").size(1)
                : (int) ids.size(1) - 1;
        DeepSeekV3 model = golden.model(ops, golden.parameters(ops, "f32", false));
        ModelSlot slot = model.plan(Workspace.training(ops, golden.arena()), batch, sequence);
        model.load(ints(golden.arena(), ids.columns(0, sequence)), slot);
        model.forward(slot);
        Tensor logits = ops.reals(
                golden.arena(), (long) batch * sequence, golden.config().vocabSize());
        model.logits(logits, slot.hidden());

        compare(golden, "hidden.embed", slot.stream(-1), HIDDEN);
        for (int layer = 0; layer < golden.config().numHiddenLayers(); layer++) {
            compare(
                    golden,
                    "attn_out." + layer,
                    difference(golden.arena(), slot.blocks[layer].h, slot.stream(layer - 1)),
                    HIDDEN);
            compare(
                    golden,
                    "ffn_out." + layer,
                    difference(golden.arena(), slot.stream(layer), slot.blocks[layer].h),
                    HIDDEN);
            compare(golden, "hidden." + layer, slot.stream(layer), HIDDEN);
        }
        for (ModelSlot.Routed routed : slot.routed()) compareRouting(golden, routed);
        compare(golden, "hidden.norm", slot.hidden(), HIDDEN);
        compare(golden, "prefill.logits", logits, HIDDEN);
    }

    private static void compare(Golden golden, String name, Tensor actual, double tolerance) {
        if (golden.has(name)) assertClose(name, actual, golden.expected(name), tolerance);
    }

    private static void compareRouting(Golden golden, ModelSlot.Routed routed) {
        if (!golden.has("router." + routed.layer() + ".indices")) return;
        Tensor indices = golden.expected("router." + routed.layer() + ".indices");
        Tensor weights = golden.expected("router." + routed.layer() + ".weights");
        Routing routing = routed.routing();
        for (int row = 0; row < routing.ids().rows(); row++) {
            var expected = new TreeMap<Integer, Double>();
            var actual = new TreeMap<Integer, Double>();
            for (int k = 0; k < routing.ids().cols(); k++) {
                expected.put((int) indices.get(row, k), weights.get(row, k));
                actual.put((int) routing.ids().get(row, k), routing.weights().get(row, k));
            }
            assertThat(actual.keySet())
                    .as("experts of row %d, layer %d", row, routed.layer())
                    .isEqualTo(expected.keySet());
            for (int expert : expected.keySet()) {
                assertThat(Math.abs(actual.get(expert) - expected.get(expert)))
                        .as("weight of expert %d, row %d, layer %d", expert, row, routed.layer())
                        .isLessThan(ROUTER);
            }
        }
    }

    private static Tensor difference(Arena arena, Tensor a, Tensor b) {
        Tensor d = Tensor.zeros(arena, DType.F64, a.shape());
        for (long i = 0; i < a.count(); i++) d.set(i, a.get(i) - b.get(i));
        return d;
    }

    private static Tensor ints(Arena arena, Tensor ids) {
        Tensor copy = Tensor.zeros(arena, DType.I32, ids.shape());
        for (long i = 0; i < ids.count(); i++) copy.set(i, ids.get(i));
        return copy;
    }
}
