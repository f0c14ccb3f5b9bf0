package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.ModelException;
import io.gatun.model.config.Configs;
import io.gatun.model.config.ModelConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EndTokensTest {
    private static final ModelConfig CONFIG = Configs.builtIn("v3");

    @TempDir
    private Path folder;

    private EndTokens read(String generation, String config) throws IOException {
        if (generation != null) Files.writeString(folder.resolve("generation_config.json"), generation);
        if (config != null) Files.writeString(folder.resolve("config.json"), config);
        return EndTokens.read(folder, CONFIG);
    }

    @Test
    void generationConfigComesFirst() throws IOException {
        EndTokens end = read("{\"eos_token_id\": [5, 9]}", "{\"eos_token_id\": 7}");
        assertThat(end.ids()).containsExactly(5, 9);
        assertThat(end.contains(5)).isTrue();
        assertThat(end.contains(9)).isTrue();
        assertThat(end.contains(7)).isFalse();
    }

    @Test
    void configComesWhereGenerationConfigIsSilent() throws IOException {
        assertThat(read("{\"temperature\": 0.6}", "{\"eos_token_id\": [7]}").ids())
                .containsExactly(7);
        assertThat(read("{\"eos_token_id\": null}", "{\"eos_token_id\": 8}").ids())
                .containsExactly(8);
    }

    @Test
    void withoutFilesTheConfigurationHolds() throws IOException {
        assertThat(read(null, null).ids()).containsExactly(CONFIG.eosTokenId());
    }

    @Test
    void refusesWhatIsNoId() {
        for (String bad : new String[] {"1.5", "\"end\"", "[1, \"end\"]", "{}"}) {
            assertThatThrownBy(() -> read("{\"eos_token_id\": " + bad + "}", null))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("generation_config.json: eos_token_id is");
        }
        assertThatThrownBy(() -> read("{\"eos_token_id\": [1, 129280]}", null))
                .isInstanceOf(ModelException.class)
                .hasMessageEndingWith("eos_token_id has 129280; ids go from 0 to 129279");
    }
}
