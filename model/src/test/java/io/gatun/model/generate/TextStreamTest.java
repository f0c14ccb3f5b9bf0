package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.tokenizer.ByteLevelTokenizer;
import io.gatun.model.tokenizer.SpecialTokens;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class TextStreamTest {
    private final List<String> pieces = new ArrayList<>();

    private TextStream stream(ByteLevelTokenizer tokenizer, List<String> stops) {
        pieces.clear();
        return new TextStream(tokenizer.decoder(SpecialTokens.KEEP), stops, pieces::add);
    }

    private TextStream written(List<String> stops, String... tokens) {
        ByteLevelTokenizer tokenizer = new ByteLevelTokenizer(List.copyOf(new TreeSet<>(List.of(tokens))));
        TextStream stream = stream(tokenizer, stops);
        for (String token : tokens) {
            if (stream.finish() != null) break;
            stream.token(tokenizer.idOf(token).orElseThrow());
        }
        stream.end();
        return stream;
    }

    @Test
    void aStopStringAcrossTokensNeverShows() {
        TextStream stream = written(List.of("STOP"), "one", "twoST", "OPthree");
        assertThat(stream.text()).isEqualTo("onetwo");
        assertThat(stream.finish()).isEqualTo(FinishReason.STOP);
        assertThat(pieces).containsExactly("one", "two");
    }

    @Test
    void whatOnlyBeganLikeAStopStringComesLater() {
        TextStream stream = written(List.of("STOP"), "aST", "bbSTO");
        assertThat(stream.text()).isEqualTo("aSTbbSTO");
        assertThat(stream.finish()).isNull();
        assertThat(pieces).containsExactly("a", "STbb", "STO");
    }

    @Test
    void theStopStringThatIsCompleteFirstEndsTheText() {
        assertThat(written(List.of("bcd", "c"), "abcde").text()).isEqualTo("ab");
        assertThat(written(List.of("c", "bc", "abc"), "xabcd").text()).isEqualTo("x");
        assertThat(written(List.of("de", "ab"), "xxabxde").text()).isEqualTo("xx");
    }

    @Test
    void halfCharactersWait() {
        ByteLevelTokenizer tokenizer = new ByteLevelTokenizer();
        TextStream stream = stream(tokenizer, List.of("é!"));
        for (int id : tokenizer.encode("né?🙂é")) stream.token(id);
        stream.token(tokenizer.encode("é")[0]);
        stream.end();
        assertThat(pieces).containsExactly("n", "é?", "🙂", "é\uFFFD"); // é may begin the stop string until ? comes
    }

    @Test
    void aListenerMayEndIt() {
        ByteLevelTokenizer tokenizer = new ByteLevelTokenizer();
        List<String> got = new ArrayList<>();
        TextStream stream = new TextStream(tokenizer.decoder(SpecialTokens.SKIP), List.of(), piece -> {
            got.add(piece);
            return got.size() < 2;
        });
        for (int id : tokenizer.encode("abc")) {
            if (stream.finish() == null) stream.token(id);
        }
        stream.end();
        assertThat(stream.finish()).isEqualTo(FinishReason.CANCELLED);
        assertThat(got).containsExactly("a", "b");
    }

    @Test
    void tokenBordersMakeNoDifference() {
        Random random = new Random(20);
        int stopped = 0;
        for (int round = 0; round < 3000; round++) {
            String text = text(random, 1 + random.nextInt(30));
            List<String> stops = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) stops.add(text(random, 1 + random.nextInt(4)));
            int cut = cut(text, stops);
            String expected = cut < 0 ? text : text.substring(0, cut);
            if (cut >= 0) stopped++;
            for (int split = 0; split < 4; split++) {
                TextStream stream = split(random, text, stops);
                assertThat(stream.text()).as("%s until %s", text, stops).isEqualTo(expected);
                assertThat(stream.finish()).isEqualTo(cut < 0 ? null : FinishReason.STOP);
                assertThat(String.join("", pieces)).isEqualTo(expected);
                assertThat(pieces).allSatisfy(piece -> assertThat(piece).doesNotContain("\uFFFD"));
            }
        }
        assertThat(stopped).isBetween(500, 2500);
    }

    private static String text(Random random, int characters) {
        String[] alphabet = {"a", "b", "a", "b", "c", "🙂", "🙃", "中"};
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < characters; i++) text.append(alphabet[random.nextInt(alphabet.length)]);
        return text.toString();
    }

    /** Where the text ends: before the stop string that is complete first, the longest of these; -1 if none comes. */
    private static int cut(String text, List<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            int longest = 0;
            for (String stop : stops) {
                if (text.substring(0, end).endsWith(stop)) longest = Math.max(longest, stop.length());
            }
            if (longest > 0) return end - longest;
        }
        return -1;
    }

    /** Writes the text in tokens of one byte, or of two to five characters. */
    private TextStream split(Random random, String text, List<String> stops) {
        List<String> parts = new ArrayList<>();
        TreeSet<String> longParts = new TreeSet<>(List.of("never used"));
        for (int at = 0; at < text.length(); ) {
            int count = Math.min(1 + random.nextInt(5), text.codePointCount(at, text.length()));
            int end = text.offsetByCodePoints(at, count);
            parts.add(text.substring(at, end));
            if (count > 1) longParts.add(text.substring(at, end));
            at = end;
        }
        ByteLevelTokenizer tokenizer = new ByteLevelTokenizer(List.copyOf(longParts));
        TextStream stream = stream(tokenizer, stops);
        for (String part : parts) {
            if (longParts.contains(part)) {
                if (stream.finish() == null) stream.token(tokenizer.idOf(part).orElseThrow());
            } else {
                for (byte b : part.getBytes(StandardCharsets.UTF_8)) {
                    if (stream.finish() == null) stream.token(b & 0xFF);
                }
            }
        }
        stream.end();
        return stream;
    }
}
