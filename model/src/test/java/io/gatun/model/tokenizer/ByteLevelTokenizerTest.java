package io.gatun.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ByteLevelTokenizerTest {
    @TempDir
    Path folder;

    private final ByteLevelTokenizer tokenizer = new ByteLevelTokenizer();

    @Test
    void givesBytesAndTheSeparator() {
        assertThat(tokenizer.encode("aé€🙂<|end_of_text|>\n"))
                .containsExactly(97, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x99, 0x82, 256, 10);
        assertThat(tokenizer.encode("")).isEmpty();
        assertThat(tokenizer.encode("\uD83D\uD83Dx\uDE42")).containsExactly(tokenizer.encode("\uFFFD\uFFFDx\uFFFD"));
        assertThat(tokenizer.vocabularySize()).isEqualTo(257);
        assertThat(tokenizer.separator()).isEqualTo(256);
        assertThat(tokenizer.idOf("<|end_of_text|>")).hasValue(256);
        assertThat(tokenizer.idOf("Ġ")).hasValue(' ');
    }

    @Test
    void keepsOrSkipsTheSeparator() {
        int[] ids = {72, 105, 256, 33, 300, -1}; // no token has the last two
        assertThat(tokenizer.decode(ids)).isEqualTo("Hi<|end_of_text|>!");
        assertThat(tokenizer.decode(ids, SpecialTokens.SKIP)).isEqualTo("Hi!");
    }

    @Test
    void streamsWholeCharacters() {
        StreamingDecoder decoder = tokenizer.decoder(SpecialTokens.KEEP);
        assertThat(decoder.put(0xF0)).isEmpty();
        assertThat(decoder.put(0x9F)).isEmpty();
        assertThat(decoder.put(0x99)).isEmpty();
        assertThat(decoder.put(0x82)).isEqualTo("🙂");
        assertThat(decoder.put(0xE2)).isEmpty();
        assertThat(decoder.put('x')).isEqualTo("\uFFFDx");
        assertThat(decoder.put(0xC3)).isEmpty();
        assertThat(decoder.finish()).isEqualTo("\uFFFD");
        assertThat(decoder.finish()).isEmpty();
    }

    @Test
    void agreesWithHuggingFaceOnTheFileItWrites() {
        List<String> names = List.of("<|end_of_text|>", "<tool>", "<s>", "a \"quoted\" \\ name é");
        for (ByteLevelTokenizer ours : List.of(tokenizer, new ByteLevelTokenizer(names))) {
            ours.write(folder);
            try (HuggingFace theirs = new HuggingFace(folder.resolve("tokenizer.json"))) {
                TokenizerAssertions.assertSame(ours, theirs, 1, 1000);
            }
        }
    }

    /** Bytes that are no UTF-8, mostly near misses: the number of U+FFFD must be right. */
    @Test
    void replacesBytesThatAreNoCharactersAsHuggingFaceDoes() {
        int[] bytes = {
            0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
            0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF
        };
        tokenizer.write(folder);
        try (HuggingFace theirs = new HuggingFace(folder.resolve("tokenizer.json"))) {
            var random = new java.util.SplittableRandom(2);
            for (int i = 0; i < 4000; i++) {
                int[] ids = random.ints(random.nextInt(1, 9), 0, bytes.length)
                        .map(j -> bytes[j])
                        .toArray();
                String expected = theirs.decode(ids, SpecialTokens.KEEP);
                assertThat(TokenizerAssertions.stream(tokenizer, ids, SpecialTokens.KEEP))
                        .as("%s", ids)
                        .isEqualTo(expected);
            }
        }
    }

    @Test
    void isEqualToWhatIsReadBack() throws IOException {
        tokenizer.write(folder);
        assertThat(TokenizerJson.read(folder.resolve("tokenizer.json")))
                .isEqualTo(tokenizer)
                .hasSameHashCodeAs(tokenizer);
        ByteLevelTokenizer more = new ByteLevelTokenizer(List.of("<a>", "<b>"));
        more.write(folder);
        assertThat(TokenizerJson.read(folder.resolve("tokenizer.json")))
                .isEqualTo(more)
                .isNotEqualTo(tokenizer);
        String config = Files.readString(folder.resolve("tokenizer_config.json"));
        assertThat(config).contains("\"eos_token\":\"<a>\"").contains("\"bos_token\":\"<a>\"");
    }

    @Test
    void isNotTakenForAnotherTokenizerOfBytes() {
        TokenizerFile otherOrder = new TokenizerFile(0);
        assertThat(TokenizerJson.read(otherOrder.write(folder))).isNotInstanceOf(ByteLevelTokenizer.class);
        assertThat(TokenizerJson.read(folder.resolve("tokenizer.json")).encode("A"))
                .containsExactly(256 - 'A');
    }

    @Test
    void roundTripsMegabytes() {
        String text = "A telescope: an instrument — für ferne Dinge, 望遠鏡 🔭.\n".repeat(40_000);
        int[] ids = tokenizer.encode(text);
        assertThat(ids).hasSize(text.getBytes(StandardCharsets.UTF_8).length);
        assertThat(tokenizer.decode(ids)).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "A", "Ġ", "<b>"})
    void refusesNamesThatClash(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new ByteLevelTokenizer(List.of("<b>", name)))
                .withMessageContaining("specials");
        assertThatIllegalArgumentException().isThrownBy(() -> new ByteLevelTokenizer(List.of()));
    }

    @Test
    void namesTheFolderThatIsNotThere() {
        assertThatThrownBy(() -> tokenizer.write(folder.resolve("nowhere")))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("nowhere");
    }
}
