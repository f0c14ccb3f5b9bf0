package io.gatun.model.tokenizer;

import static io.gatun.model.tokenizer.TokenizerAssertions.assertSame;
import static io.gatun.model.tokenizer.TokenizerFile.BYTE_LEVEL;
import static io.gatun.model.tokenizer.TokenizerFile.PLAIN;
import static io.gatun.model.tokenizer.TokenizerFile.added;
import static io.gatun.model.tokenizer.TokenizerFile.sequence;
import static io.gatun.model.tokenizer.TokenizerFile.split;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Small BPE tokenizers against Hugging Face's library on the same file. */
class BpeTokenizerTest {
    @TempDir
    Path folder;

    static Stream<Arguments> preTokenizers() {
        String llama3 =
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
                        + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
        String words = "\\p{L}+|\\p{N}+";
        return Stream.of(
                Arguments.of("DeepSeek-V3", TokenizerFile.DEEPSEEK),
                Arguments.of("GPT-2", BYTE_LEVEL.replace("\"use_regex\":false", "\"use_regex\":true")),
                Arguments.of("use_regex by default", BYTE_LEVEL.replace(",\"use_regex\":false", "")),
                Arguments.of("Llama 3", sequence(split(llama3, "Isolated", false), BYTE_LEVEL)),
                Arguments.of(
                        "steps of DeepSeek-V2",
                        sequence(
                                split("[\r\n]", "Isolated", false),
                                split("\\s?[A-Za-zµÀ-ÖØ-öø-ƺΑ-ΡΣ-ϵЀ-ҁ\uD801\uDC00-\uD801\uDC4F]+", "Isolated", false),
                                split("\\s?[!-/:-~！-／：-～‘-‟\u3000-。]+", "Isolated", false),
                                split("\\s+$", "Isolated", false),
                                split("[一-龥ࠀ-一가-퟿]+", "Isolated", false),
                                "{\"type\":\"Digits\",\"individual_digits\":true}",
                                BYTE_LEVEL)),
                Arguments.of(
                        "runs of digits", sequence("{\"type\":\"Digits\",\"individual_digits\":false}", BYTE_LEVEL)),
                Arguments.of("words only", sequence(split(words, "Removed", true), BYTE_LEVEL)),
                Arguments.of("words removed", sequence(split(words, "Removed", false), BYTE_LEVEL)),
                Arguments.of(
                        "lines", sequence(split("^.+", "Removed", true), split("a*", "Isolated", false), BYTE_LEVEL)),
                Arguments.of(
                        "a string",
                        sequence(
                                "{\"type\":\"Split\",\"pattern\":{\"String\":\"e.\"},\"behavior\":\"Removed\",\"invert\":false}",
                                BYTE_LEVEL)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("preTokenizers")
    void givesTheSameIdsAndTextsAsHuggingFace(String name, String preTokenizer) {
        TokenizerFile file = new TokenizerFile(200);
        file.preTokenizer = preTokenizer;
        assertSameAsHuggingFace(file, 3, 600);
    }

    @Test
    void readsMergesAsPairs() {
        TokenizerFile strings = new TokenizerFile(200);
        TokenizerFile pairs = new TokenizerFile(200);
        pairs.mergesAsPairs = true;
        int[] ids = TokenizerJson.read(strings.write(folder)).encode("The harbour keeper's ships");
        assertThat(ids).hasSizeLessThan(16);
        assertThat(TokenizerJson.read(pairs.write(folder)).encode("The harbour keeper's ships"))
                .containsExactly(ids);
        assertSameAsHuggingFace(pairs, 4, 100);
    }

    @Test
    void mayIgnoreMerges() {
        TokenizerFile file = new TokenizerFile(40);
        file.vocabulary().put("harbour", file.modelSize()); // no merge leads there
        assertThat(TokenizerJson.read(file.write(folder)).encode("harbour")).hasSizeGreaterThan(1);
        file.more = "\"ignore_merges\":true,";
        assertThat(TokenizerJson.read(file.write(folder)).encode("harbour")).containsExactly(file.modelSize() - 1);
        assertSameAsHuggingFace(file, 5, 300);
    }

    @Test
    void findsAddedTokensAsHuggingFaceDoes() {
        TokenizerFile file = new TokenizerFile(100);
        int id = file.modelSize();
        String flags = "\"single_word\":%s,\"lstrip\":%s,\"rstrip\":%s,\"normalized\":%s,\"special\":%s";
        file.addedTokens = String.join(
                ",",
                added(0, "<|begin|>", PLAIN + ",\"special\":true"),
                added(id, "<|end_of_text|>", flags.formatted(false, true, true, false, true)),
                added(id + 1, "ab", flags.formatted(false, false, false, true, false)),
                added(id + 2, "abc", flags.formatted(true, false, false, true, false)),
                added(id + 3, "<tool>", flags.formatted(true, true, false, false, false)),
                added(id + 4, "<s>", flags.formatted(false, false, true, true, true)),
                added(id + 5, " <", flags.formatted(false, false, false, true, false)),
                added(id + 6, "w\u00e9", flags.formatted(false, false, false, false, false)));
        assertSameAsHuggingFace(file, 6, 3000);
    }

    @Test
    void takesALongPieceAndLongRuns() {
        TokenizerFile file = new TokenizerFile(200);
        Path json = file.write(folder);
        Tokenizer ours = TokenizerJson.read(json);
        try (HuggingFace theirs = new HuggingFace(json)) {
            for (String text :
                    new String[] {"thereintheharbour".repeat(3000), " ".repeat(50_000) + "x", "\n".repeat(50_000)}) {
                assertThat(ours.encode(text)).containsExactly(theirs.encode(text));
            }
        }
        assertThat(ours.decode(ours.encode("é".repeat(1_000_000)))).hasSize(1_000_000);
    }

    @Test
    void givesTheSameIdsToSeveralThreads() {
        Tokenizer tokenizer = TokenizerJson.read(new TokenizerFile(200).write(folder));
        String text = "The keeper's daughter counted 12 ships 灯台 \r\n".repeat(50);
        int[] ids = tokenizer.encode(text);
        assertThat(Stream.generate(() -> text).limit(64).parallel().map(tokenizer::encode))
                .allMatch(other -> Arrays.equals(ids, other));
    }

    @Test
    void namesItsTokensAndCopiesItsFiles() throws IOException {
        TokenizerFile file = new TokenizerFile(200);
        Path json = file.write(folder);
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"bos_token\":\"<|begin|>\"}");
        Tokenizer tokenizer = TokenizerJson.read(json);
        assertThat(tokenizer.idOf("<|begin|>")).hasValue(0);
        assertThat(tokenizer.idOf("Ġ")).hasValue(file.vocabulary().get("Ġ"));
        assertThat(tokenizer.idOf("no such token")).isEmpty();
        assertThat(tokenizer.vocabularySize()).isEqualTo(file.modelSize());
        Path copy = Files.createDirectory(folder.resolve("copy"));
        String written = Files.readString(json);
        Files.delete(json); // the checkpoint it came from may be gone
        tokenizer.write(copy);
        assertThat(copy.resolve("tokenizer.json")).hasContent(written);
        assertThat(copy.resolve("tokenizer_config.json")).hasContent("{\"bos_token\":\"<|begin|>\"}");
        assertThat(copy.resolve("special_tokens_map.json")).doesNotExist();
    }

    @Test
    void countsAnUnpairedSurrogateAsReplacementCharacter() {
        Tokenizer tokenizer = TokenizerJson.read(new TokenizerFile(200).write(folder));
        assertThat(tokenizer.encode("ship \uD83D ship\uDE42"))
                .containsExactly(tokenizer.encode("ship \uFFFD ship\uFFFD"));
    }

    private void assertSameAsHuggingFace(TokenizerFile file, long seed, int texts) {
        Path json = file.write(folder);
        try (HuggingFace theirs = new HuggingFace(json)) {
            assertSame(TokenizerJson.read(json), theirs, seed, texts);
        }
    }
}
