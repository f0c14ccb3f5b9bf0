package io.gatun.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.Golden;
import io.gatun.model.checkpoint.StoredTensors.Part;
import io.gatun.model.config.ModelParameters;
import io.gatun.model.config.ParameterCounts;
import io.gatun.model.config.ParameterSpec;
import io.gatun.model.config.Role;
import org.junit.jupiter.api.Test;

class StoredTensorsTest {
    @Test
    void everyTensorIsOfOnePart() {
        for (String name : Golden.MODELS) {
            try (Golden golden = Golden.open(name)) {
                Checkpoint checkpoint = golden.checkpoint();
                StoredTensors stored = StoredTensors.of(checkpoint);
                assertThat(stored.groups().stream()
                                .mapToInt(StoredTensors.Group::tensors)
                                .sum())
                        .isEqualTo(checkpoint.names().size());
                assertThat(stored.groups().stream()
                                .mapToLong(StoredTensors.Group::bytes)
                                .sum())
                        .isEqualTo(stored.bytes());
                assertThat(stored.bytesOf(Part.UNUSED)).isZero();
            }
        }
    }

    @Test
    void tellsModulesFromTheMainModel() {
        try (Golden golden = Golden.open("mtp-mini")) {
            StoredTensors stored = StoredTensors.of(golden.checkpoint());
            ParameterCounts counts = ParameterCounts.of(golden.config());
            assertThat(stored.bytesOf(Part.MTP)).isEqualTo(counts.mtpWithCopies() * 4);
            assertThat(stored.bytes()).isEqualTo((counts.total() + counts.mtpWithCopies()) * 4);
            assertThat(stored.typeOf(Part.EXPERTS)).isEqualTo("F32");
            assertThat(stored.typeOf(Part.SCALES)).isEmpty();
        }
    }

    @Test
    void countsCodesAndScalesApart() {
        try (Golden golden = Golden.open("fp8-ragged-mini")) {
            StoredTensors stored = StoredTensors.of(golden.checkpoint());
            long experts = ModelParameters.of(golden.config()).stream()
                    .filter(spec -> spec.role() == Role.EXPERT)
                    .mapToLong(ParameterSpec::count)
                    .sum();
            assertThat(stored.bytesOf(Part.EXPERTS)).isEqualTo(experts);
            assertThat(stored.typeOf(Part.EXPERTS)).isEqualTo("F8_E4M3");
            assertThat(stored.files()).isEqualTo(2);
            assertThat(stored.bytesOf(Part.SCALES)).isEqualTo(280);
        }
    }
}
