package io.gatun.trainer.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.Golden;
import io.gatun.model.json.JsonObject;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
    @Test
    void countsV3() {
        JsonObject v3 = CommandOutput.of("inspect", "--config", "v3", "--json").json();
        assertThat(v3.object("parameters").orElseThrow().fields())
                .isEqualTo(Map.of(
                        "total", 671_026_419_200L,
                        "active_per_token", 37_552_297_472L,
                        "active_without_embedding", 36_625_618_432L,
                        "mtp", 11_610_068_224L,
                        "mtp_with_copies_in_files", 13_463_426_304L));
        JsonObject memory = v3.object("memory").orElseThrow();
        assertThat(memory.integer("cache_bf16_bytes_per_token")).isEqualTo(61 * (512 + 64) * 2);
        assertThat(memory.integer("cache_f32_bytes_per_token")).isEqualTo(61 * (512 + 64) * 4);
        assertThat(v3.object("configuration").orElseThrow().text("rotary_frequencies"))
                .isEqualTo("YaRN");
    }

    @Test
    void countsV2Lite() {
        JsonObject lite = CommandOutput.of("inspect", "--config", "v2-lite", "--context", "1000", "--json")
                .json();
        assertThat(lite.object("parameters").orElseThrow().fields())
                .isEqualTo(Map.of(
                        "total", 15_706_484_224L,
                        "active_per_token", 2_661_150_208L,
                        "active_without_embedding", 2_451_435_008L));
        assertThat(lite.object("memory").orElseThrow().integer("cache_at_that_context"))
                .isEqualTo(1000 * 27 * (512 + 64) * 4);
    }

    @Test
    void tellsWhatAFolderHolds(@TempDir Path folder) throws IOException {
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(Golden.folder("fp8-mini").resolve(name), folder.resolve(name));
        }
        new ByteLevelTokenizer().write(folder);
        String path = folder.toString();
        JsonObject all = CommandOutput.of("inspect", "--model", path, "--json").json();
        JsonObject files = all.object("files").orElseThrow();
        assertThat(files.list("unused_tensors")).isEmpty();
        assertThat(files.integer("mtp_modules")).isZero();
        assertThat(files.text("tokenizer")).startsWith("tokenizer.json, 257 tokens, more than vocab_size");
        JsonObject experts =
                files.object("experts").orElseThrow().object("F8_E4M3").orElseThrow();
        assertThat(experts.integer("tensors")).isEqualTo(18);
        assertThat(experts.integer("bytes")).isEqualTo(18 * 128 * 256);
        assertThat(files.object("scales")
                        .orElseThrow()
                        .object("F32")
                        .orElseThrow()
                        .integer("tensors"))
                .isEqualTo(34);
        assertThat(all.object("engine").orElseThrow().text("compute")).isEqualTo("bf16");
        CommandOutput text = CommandOutput.of("inspect", "--model", path);
        assertThat(text.code()).isZero();
        assertThat(text.out())
                .contains("kept in the page cache")
                .contains("all tensors ")
                .contains(", 1 file\n");
    }

    @Test
    void doesWithAConfigurationAlone(@TempDir Path folder) throws IOException {
        Files.copy(Golden.folder("v3-mini").resolve("config.json"), folder.resolve("config.json"));
        CommandOutput text = CommandOutput.of("inspect", "--model", folder.toString());
        assertThat(text.code()).isZero();
        assertThat(text.out()).contains("none in this folder");
    }

    @Test
    void failsWithOneLine(@TempDir Path folder) {
        CommandOutput none = CommandOutput.of("inspect", "--model", folder.toString());
        assertThat(none.code()).isEqualTo(1);
        assertThat(none.err()).isEqualTo("gatun: there is no file " + folder.resolve("config.json") + "\n");
        assertThat(CommandOutput.of("inspect").code()).isEqualTo(2);
        assertThat(CommandOutput.of("inspect", "--config", "v3", "--context", "-1")
                        .code())
                .isEqualTo(2);
    }
}
