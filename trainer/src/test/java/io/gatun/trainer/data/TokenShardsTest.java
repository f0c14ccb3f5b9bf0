package io.gatun.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenShardsTest {
    @TempDir
    private Path folder;

    private Path text;
    private Path valid;
    private Path cache;

    @BeforeEach
    void writeTexts() {
        text = Streams.write(
                folder.resolve("text.jsonl"), "{\"text\": \"one\"}\n{\"text\": \"\"}\n{\"text\": \"zwölf\"}\n");
        valid = Streams.write(folder.resolve("valid.txt"), "two\n");
        cache = folder.resolve("run/data");
    }

    private TokenShards open() {
        return TokenShards.open(cache, Corpus.of(text, valid), new ByteEncoder());
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(cache)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void joinsDocumentsWithSeparators() throws Exception {
        try (TokenShards shards = open()) {
            assertThat(Streams.tokens(shards.train())).isEqualTo("|one|zw\u00c3\u00b6lf");
            assertThat(shards.train().textBytes()).isEqualTo(9);
            assertThat(shards.train().tokens()).isEqualTo(11);
            assertThat(Streams.tokens(shards.heldOut())).isEqualTo("|two\n");
        }
        assertThat(files()).containsExactly("train.json", "train.tokens", "valid.json", "valid.tokens");
        assertThat(cache.resolve("train.tokens")).hasSize(2 * 11);
    }

    @Test
    void runsLinesOfTheDictionaryTogether() {
        try (TokenShards shards = TokenShards.open(cache, Corpus.dictionary(5).limitedTo(200_000), new ByteEncoder())) {
            String lines = String.join(
                    "", Streams.documents(WordNetDictionary.onClassPath().training(5)));
            assertThat(Streams.tokens(shards.train())).isEqualTo("|" + lines.substring(0, 200_000));
            assertThat(shards.heldOut().textBytes()).isEqualTo(579_664);
            assertThat(shards.heldOut().tokens()).isEqualTo(579_665);
        }
    }

    @Test
    void neverTrainsOnAHeldOutLine() {
        try (TokenShards shards = TokenShards.open(cache, Corpus.dictionary(5), new ByteEncoder())) {
            assertThat(shards.train().textBytes()).isEqualTo(11_526_131 - 579_664);
            var trained = Streams.tokens(shards.train()).substring(1).lines().collect(Collectors.toSet());
            List<String> heldOut =
                    Streams.tokens(shards.heldOut()).substring(1).lines().toList();
            assertThat(heldOut).hasSize(5_889);
            assertThat(heldOut.stream().filter(trained::contains)).isEmpty();
        }
    }

    @Test
    void widensIdsForALargeVocabulary() {
        TokenEncoder wide = new ByteEncoder(129_280, "wide");
        try (TokenShards shards = TokenShards.open(cache, Corpus.of(text, valid), wide)) {
            assertThat(Streams.tokens(shards.train())).isEqualTo("|one|zw\u00c3\u00b6lf");
        }
        assertThat(cache.resolve("train.tokens")).hasSize(4 * 11);
    }

    @Test
    void reusesWhatIsThere() {
        String fingerprint;
        try (TokenShards shards = open()) {
            assertThat(shards.reused()).isFalse();
            fingerprint = shards.fingerprint();
        }
        TokenEncoder mustNotRun = new TokenEncoder() {
            @Override
            public void encode(String text, IntConsumer sink) {
                throw new AssertionError("encoded again");
            }

            @Override
            public int vocabulary() {
                return 257;
            }

            @Override
            public int separator() {
                return 256;
            }

            @Override
            public String fingerprint() {
                return "bytes";
            }
        };
        try (TokenShards shards = TokenShards.open(cache, Corpus.of(text, valid), mustNotRun)) {
            assertThat(shards.reused()).isTrue();
            assertThat(shards.fingerprint()).isEqualTo(fingerprint);
            assertThat(Streams.tokens(shards.train())).isEqualTo("|one|zw\u00c3\u00b6lf");
            assertThat(shards.heldOut().textBytes()).isEqualTo(4);
        }
    }

    @Test
    void makesTokensAnewForAnotherTextOrTokenizer() {
        String before;
        try (TokenShards shards = open()) {
            before = shards.fingerprint();
        }
        Streams.write(text, "{\"text\": \"other\"}\n");
        try (TokenShards shards = open()) {
            assertThat(shards.reused()).isFalse();
            assertThat(Streams.tokens(shards.train())).isEqualTo("|other");
            assertThat(shards.fingerprint()).isNotEqualTo(before);
        }
        try (TokenShards shards = TokenShards.open(cache, Corpus.of(text, valid), new ByteEncoder(257, "others"))) {
            assertThat(shards.reused()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"truncate", "flip", "delete", "longer", "empty manifest", "half a manifest", "no manifest"})
    void makesBrokenFilesAnew(String damage) throws Exception {
        open().close();
        Path tokens = cache.resolve("train.tokens"), manifest = cache.resolve("train.json");
        switch (damage) {
            case "truncate" -> {
                try (FileChannel channel = FileChannel.open(tokens, StandardOpenOption.WRITE)) {
                    channel.truncate(20);
                }
            }
            case "flip" -> {
                byte[] bytes = Files.readAllBytes(tokens);
                bytes[6] ^= 1;
                Files.write(tokens, bytes);
            }
            case "delete" -> Files.delete(tokens);
            case "longer" -> Files.write(tokens, new byte[] {0, 0}, StandardOpenOption.APPEND);
            case "empty manifest" -> Files.writeString(manifest, "");
            case "half a manifest" ->
                Files.writeString(manifest, Files.readString(manifest).substring(0, 60));
            default -> Files.delete(manifest);
        }
        try (TokenShards shards = open()) {
            assertThat(shards.reused()).isFalse();
            assertThat(Streams.tokens(shards.train())).isEqualTo("|one|zw\u00c3\u00b6lf");
        }
        try (TokenShards shards = open()) {
            assertThat(shards.reused()).isTrue();
        }
    }

    @Test
    void leavesNothingBehindWhenItFails() throws Exception {
        Path broken = Streams.write(folder.resolve("broken.jsonl"), "{\"text\": \"fine\"}\n{\"text\": 1}\n");
        assertThatThrownBy(() -> TokenShards.open(cache, Corpus.of(broken, valid), new ByteEncoder()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("broken.jsonl line 2");
        assertThat(files()).isEmpty();
        Path empty = Streams.write(folder.resolve("empty.txt"), "");
        assertThatThrownBy(() -> TokenShards.open(cache, Corpus.of(empty, valid), new ByteEncoder()))
                .hasMessage(empty + " holds no text");
        assertThat(files()).isEmpty();
        Path tiny = Streams.write(folder.resolve("tiny.txt"), "too short to divide");
        assertThatThrownBy(() -> TokenShards.open(cache, Corpus.of(tiny), new ByteEncoder()))
                .hasMessage("the held-out part of " + tiny + " holds no text");
        Path file = Streams.write(folder.resolve("file"), "");
        assertThatThrownBy(() -> TokenShards.open(file.resolve("data"), Corpus.of(text, valid), new ByteEncoder()))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith("cannot write " + file.resolve("data"));
    }

    @Test
    void refusesIdsOutsideTheVocabulary() {
        Corpus corpus = new Corpus(Streams.running("z"), Streams.running("z"), Optional.empty());
        assertThatThrownBy(() -> TokenShards.open(cache, corpus, new ByteEncoder(100, "small")))
                .hasMessage("the tokenizer gave id 256; its vocabulary is 0 to 99");
    }
}
