package io.gatun.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.Golden;
import io.gatun.tensor.BlockScaled;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlockQuantiserTest {
    private static final Arena ARENA = Arena.ofAuto();
    private static final SafetensorsFile QUANT =
            SafetensorsFile.open(Golden.folder("fp8-quant").resolve("quant.safetensors"), ARENA);

    @Test
    void encodesToTheGoldenCodes() {
        Tensor input = QUANT.tensor("e4m3.encode_input");
        Tensor codes = QUANT.tensor("e4m3.encode_saturating");
        for (long i = 0; i < input.count(); i++) {
            float x = (float) input.get(i);
            int expected = codes.data().get(ValueLayout.JAVA_BYTE, i) & 0xFF;
            int mask = Float.isNaN(x) ? 0x7F : 0xFF; // a NaN's sign is free
            assertThat(BlockQuantiser.encode(x) & mask).as("%s", x).isEqualTo(expected & mask);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"blk_a", "blk_b", "blk_c", "blk_d"})
    void quantisesToTheGoldenCodesAndScales(String name) {
        Tensor x = QUANT.tensor(name + ".x");
        Tensor codes = Tensor.zeros(ARENA, DType.F8_E4M3, x.shape());
        Tensor expected = QUANT.tensor(name + ".scale_inv");
        Tensor scales = Tensor.zeros(ARENA, DType.F32, expected.shape());
        BlockQuantiser.quantise(new BlockScaled(codes, scales, 128, 128), x);
        assertThat(scales.data().mismatch(expected.data())).isEqualTo(-1);
        assertThat(codes.data().mismatch(QUANT.tensor(name + ".q").data())).isEqualTo(-1);
    }
}
