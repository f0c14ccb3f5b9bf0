package io.gatun.model.tokenizer;

import static io.gatun.model.tokenizer.TokenizerFile.BYTE_LEVEL;
import static io.gatun.model.tokenizer.TokenizerFile.PLAIN;
import static io.gatun.model.tokenizer.TokenizerFile.added;
import static io.gatun.model.tokenizer.TokenizerFile.sequence;
import static io.gatun.model.tokenizer.TokenizerFile.split;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is not supported is refused by name. */
class TokenizerJsonTest {
    @TempDir
    Path folder;

    private static Arguments refused(String message, Consumer<TokenizerFile> change) {
        return Arguments.of(message, change);
    }

    static Stream<Arguments> unsupported() {
        String special = PLAIN + ",\"special\":true";
        return Stream.of(
                refused("normalizer.type is NFC", f -> f.normalizer = "{\"type\":\"NFC\"}"),
                refused(
                        "normalizer.normalizers is [{type=NFC}]",
                        f -> f.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"}]}"),
                refused("pre_tokenizer is missing", f -> f.preTokenizer = "null"),
                refused("pre_tokenizer is 7", f -> f.preTokenizer = "7"),
                refused("pre_tokenizer.type is Metaspace", f -> f.preTokenizer = "{\"type\":\"Metaspace\"}"),
                refused("pre_tokenizer.pretokenizers is []", f -> f.preTokenizer = sequence()),
                refused(
                        "pre_tokenizer.pretokenizers[1].type is Digits; ByteLevel as the last step was expected",
                        f -> f.preTokenizer = sequence(split("a", "Isolated", false), "{\"type\":\"Digits\"}")),
                refused(
                        "pre_tokenizer.pretokenizers[0].type is Punctuation",
                        f -> f.preTokenizer = sequence("{\"type\":\"Punctuation\"}", BYTE_LEVEL)),
                refused(
                        "pre_tokenizer.pretokenizers[0].behavior is Contiguous",
                        f -> f.preTokenizer = sequence(split("a", "Contiguous", false), BYTE_LEVEL)),
                refused(
                        "pre_tokenizer.pretokenizers[0].pattern.Regex: the regular expression has this escape at character 0",
                        f -> f.preTokenizer = sequence(split("\\w+", "Isolated", false), BYTE_LEVEL)),
                refused(
                        "add_prefix_space is true; false was expected",
                        f -> f.preTokenizer = BYTE_LEVEL.replace("prefix_space\":false", "prefix_space\":true")),
                refused(
                        "pattern.Regex: the regular expression has more than 100 open groups",
                        f -> f.preTokenizer =
                                sequence(split("(".repeat(4000) + ")".repeat(4000), "Isolated", false), BYTE_LEVEL)),
                refused(
                        "pattern.Regex: the regular expression has 20,000 characters; at most 10,000",
                        f -> f.preTokenizer = sequence(split("a".repeat(20_000), "Isolated", false), BYTE_LEVEL)),
                refused(
                        "added_tokens have more than 1048576 characters",
                        f -> f.addedTokens = added(900, "a".repeat(2_000_000), special)),
                refused("Document nesting depth", f -> f.preTokenizer = "[".repeat(100_000)),
                refused("decoder.type is Fuse", f -> f.decoder = "{\"type\":\"Fuse\"}"),
                refused("decoder is missing", f -> f.decoder = "null"),
                refused("model.ignore_merges is 1", f -> f.more = "\"ignore_merges\":1,"),
                refused("model.dropout is 0.1", f -> f.more = "\"dropout\":0.1,"),
                refused("model.end_of_word_suffix is </w>", f -> f.more = "\"end_of_word_suffix\":\"</w>\","),
                refused("model.continuing_subword_prefix is ##", f -> f.more = "\"continuing_subword_prefix\":\"##\","),
                refused("added_tokens[0].id is -1", f -> f.addedTokens = added(-1, "<a>", special)),
                refused("added_tokens[0].content is ; a text", f -> f.addedTokens = added(900, "", special)),
                refused("added_tokens[0].special is missing", f -> f.addedTokens = added(900, "<a>", PLAIN)),
                refused(
                        "added_tokens[0].lstrip is 1",
                        f -> f.addedTokens = added(900, "<a>", special.replace("\"lstrip\":false", "\"lstrip\":1"))),
                refused("<a> the id 3, which ý has already", f -> f.addedTokens = added(3, "<a>", special)),
                refused("model.vocab gives it 0", f -> f.addedTokens = added(900, "<|begin|>", special)),
                refused("the byte 65; a byte-level", f -> f.vocabulary().remove("A")),
                refused("model.vocab gives ", f -> f.vocabulary().put("B", 5)),
                refused("model.vocab[\"B\"] is -5", f -> f.vocabulary().put("B", -5)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("unsupported")
    void refusesByFileAndField(String message, Consumer<TokenizerFile> change) {
        TokenizerFile file = new TokenizerFile(0);
        change.accept(file);
        assertRefused(file.write(folder), message);
    }

    static Stream<Arguments> damaged() {
        return Stream.of(
                Arguments.of("is not JSON, line 4, column ", edit(json -> json.substring(0, json.length() - 9))),
                Arguments.of("is no JSON object", edit(json -> "")),
                Arguments.of("is no JSON object", edit(json -> "[1]")),
                Arguments.of("version is 2.0", edit(json -> json.replace("\"1.0\"", "\"2.0\""))),
                Arguments.of("model is missing", edit(json -> json.replace("\"model\"", "\"modell\""))),
                Arguments.of("model.type is Unigram", edit(json -> json.replace("\"BPE\"", "\"Unigram\""))),
                Arguments.of("model.type is missing", edit(json -> json.replace("\"type\":\"BPE\",", ""))),
                Arguments.of("model.vocab is missing", edit(json -> json.replace("\"vocab\"", "\"vocabulary\""))),
                Arguments.of("model.merges[0] is t hh e", edit(json -> json.replace("[]}", "[\"t hh e\"]}"))),
                Arguments.of("model.merges[0]: hh is not in", edit(json -> json.replace("[]}", "[\"t hh\"]}"))),
                Arguments.of("model.merges[0]: th is not in", edit(json -> json.replace("[]}", "[[\"t\",\"h\"]]}"))),
                Arguments.of("model.merges[0] is an array", edit(json -> json.replace("[]}", "[[\"t\"]]}"))),
                Arguments.of("truncation is set", edit(json -> json.replace("tion\":null", "tion\":{\"max\":1}"))));
    }

    private static UnaryOperator<String> edit(UnaryOperator<String> edit) {
        return edit;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damaged")
    void saysWhatIsWrongWithADamagedFile(String message, UnaryOperator<String> edit) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        Files.writeString(file, edit.apply(new TokenizerFile(0).json()));
        assertRefused(file, message);
    }

    @Test
    void namesTheFileThatIsNotThere() {
        assertRefused(folder.resolve("tokenizer.json"), "cannot be read: there is no file");
        assertRefused(folder, "cannot be read");
    }

    private static void assertRefused(Path file, String message) {
        assertThatThrownBy(() -> TokenizerJson.read(file))
                .isInstanceOf(TokenizerException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(message);
    }
}
