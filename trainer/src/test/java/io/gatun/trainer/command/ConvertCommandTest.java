package io.gatun.trainer.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.Golden;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConvertCommandTest {
    @Test
    void convertsOnceAndRefusesASecondTime(@TempDir Path folder) {
        String out = folder.resolve("out").toString();
        String model = Golden.folder("v3-mini").toString();
        CommandOutput first =
                CommandOutput.of("convert", "--model", model, "--out", out, "--dtype", "fp8", "--shard-size", "200000");
        assertThat(first.code()).isZero();
        assertThat(first.out()).isEmpty();
        assertThat(folder.resolve("out/model.safetensors.index.json")).exists();
        CommandOutput second = CommandOutput.of("convert", "--model", model, "--out", out, "--dtype", "fp8");
        assertThat(second.code()).isEqualTo(1);
        assertThat(second.err()).isEqualTo("gatun: " + out + " exists and is not empty; name a folder that is new\n");
    }

    @Test
    void namesTheTypesThatThereAre(@TempDir Path folder) {
        CommandOutput wrong = CommandOutput.of(
                "convert", "--model", "m", "--out", folder.resolve("x").toString(), "--dtype", "int4");
        assertThat(wrong.code()).isEqualTo(2);
        assertThat(wrong.err()).contains("F32, BF16, FP8");
        assertThat(CommandOutput.of("convert", "--model", "m", "--out", "x", "--dtype", "f32", "--shard-size", "0")
                        .code())
                .isEqualTo(2);
    }
}
