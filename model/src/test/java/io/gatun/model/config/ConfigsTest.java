package io.gatun.model.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.Golden;
import io.gatun.model.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class ConfigsTest {
    @SuppressWarnings("unused") // the source of a test's names
    private static final List<String> NAMES = Configs.NAMES;

    @ParameterizedTest
    @FieldSource("NAMES")
    void everyNameIsThere(String name) {
        assertThat(Configs.builtIn(name)).isEqualTo(Configs.model(Configs.tree(name)));
    }

    @Test
    void tinyHasEveryPart() {
        ModelConfig tiny = Configs.builtIn("tiny");
        assertThat(tiny.hasQueryCompression()).isTrue();
        assertThat(tiny.nRoutedExperts()).isEqualTo(8);
        assertThat(tiny.numNextnPredictLayers()).isEqualTo(1);
        assertThat(tiny.nGroup()).isEqualTo(2);
    }

    @Test
    void anUnknownNameListsTheKnownOnes() {
        assertThatThrownBy(() -> Configs.builtIn("huge"))
                .isInstanceOf(ModelException.class)
                .hasMessage("there is no built-in configuration huge; there are " + String.join(", ", Configs.NAMES));
        assertThatThrownBy(() -> Configs.tree("no/such.json"))
                .isInstanceOf(ModelException.class)
                .hasMessage("no/such.json is neither a file nor a built-in configuration ("
                        + String.join(", ", Configs.NAMES) + ")");
    }

    @Test
    void aFileMayHoldMoreThanTheModelOrTheModelBare(@TempDir Path folder) throws IOException {
        Path bare = Golden.folder("v3-mini").resolve("config.json");
        Path whole = folder.resolve("run.json");
        Files.writeString(whole, "{\"model\": " + Files.readString(bare) + ", \"train\": {\"lr\": 1e-3}}");
        assertThat(Configs.model(Configs.tree(whole.toString())))
                .isEqualTo(Configs.model(Configs.tree(bare.toString())));
        assertThat(Configs.tree(whole.toString()).object("train").orElseThrow().number("lr"))
                .isEqualTo(1e-3);
    }

    @Test
    void errorsNameThePathOfTheField(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("run.json");
        Files.writeString(file, "{\"model\": {\"vocab_size\": true, \"num_attention_heads\": 1}}");
        assertThatThrownBy(() -> Configs.model(Configs.tree(file.toString())))
                .hasMessage(file + ": model.vocab_size is true; it should be a whole number");
    }
}
