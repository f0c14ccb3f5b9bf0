package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.gatun.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What texts and shards hold, as strings: a separator shows as {@code |}. */
final class Streams {
    private Streams() {}

    /** The documents of a text, passages joined. */
    static List<String> documents(TextSource source) {
        List<String> documents = new ArrayList<>();
        long[] last = {Long.MIN_VALUE};
        source.read((document, text) -> {
            if (document == last[0]) documents.add(documents.removeLast() + text);
            else documents.add(text);
            last[0] = document;
            return true;
        });
        return documents;
    }

    static String tokens(TokenShard shard) {
        var text = new StringBuilder();
        for (long i = 0; i < shard.tokens(); i++) text.append(character(shard.token(i)));
        return text.toString();
    }

    static String row(Tensor batch, int row) {
        var text = new StringBuilder();
        for (int col = 0; col < batch.cols(); col++) text.append(character((int) batch.get(row, col)));
        return text.toString();
    }

    private static char character(int token) {
        return token == ByteEncoder.SEPARATOR ? '|' : (char) token;
    }

    /** A shard of one running text of ASCII characters; a separator stands before it. Stays mapped. */
    static TokenShard shard(Path folder, String text) {
        return TokenShards.open(folder, new Corpus(running(text), running(text), Optional.empty()), new ByteEncoder())
                .train();
    }

    static TextSource running(String text) {
        return new TextSource() {
            @Override
            public String name() {
                return "the test's text";
            }

            @Override
            public String fingerprint() {
                return text;
            }

            @Override
            public Joining joining() {
                return Joining.RUNNING_TEXT;
            }

            @Override
            public void read(Reader reader) {
                reader.passage(0, text);
            }
        };
    }

    static Path write(Path file, String text) {
        try {
            Files.createDirectories(file.getParent());
            return Files.writeString(file, text, UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
