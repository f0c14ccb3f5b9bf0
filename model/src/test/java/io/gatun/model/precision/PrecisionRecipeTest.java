package io.gatun.model.precision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.kernels.Format;
import io.gatun.model.config.Role;
import io.gatun.tensor.DType;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PrecisionRecipeTest {
    @Test
    void f32RoundsNothing() {
        PrecisionRecipe recipe = PrecisionRecipe.named("f32");
        for (Role role : Role.values())
            assertThat(recipe.format(role)).as(role.name()).isEqualTo(Format.F32);
        assertThat(recipe.exportType()).isEqualTo(DType.F32);
    }

    @Test
    void bf16RoundsLinearProductsButNotTheGate() {
        PrecisionRecipe recipe = PrecisionRecipe.named("bf16");
        Set<Role> kept = EnumSet.of(Role.EMBEDDING, Role.GATE, Role.NORM, Role.SELECTION_BIAS);
        for (Role role : Role.values()) {
            Format expected = kept.contains(role) ? Format.F32 : Format.BF16;
            assertThat(recipe.format(role)).as(role.name()).isEqualTo(expected);
        }
        assertThat(recipe.exportType()).isEqualTo(DType.BF16);
    }

    @Test
    void refusesUnknownNames() {
        assertThatThrownBy(() -> PrecisionRecipe.named("fp16"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("there is no recipe fp16; there are f32 and bf16");
        assertThatThrownBy(() -> PrecisionRecipe.named("fp8"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("recipe fp8 cannot be trained with yet; there are f32 and bf16");
    }

    @Test
    void refusesFormatsThatCannotBe() {
        assertThatThrownBy(() -> new PrecisionRecipe("x", Map.of(Role.GATE, Format.BF16), DType.F32))
                .hasMessage("recipe x gives BF16 to GATE, which is always FP32");
        assertThatThrownBy(() -> new PrecisionRecipe("x", Map.of(), DType.I64))
                .hasMessage("recipe x exports I64; it is F32 or BF16");
    }
}
