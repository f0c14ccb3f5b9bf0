package io.gatun.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OnigurumaRegexTest {
    private static final int CHUNK = 4096; // Hugging Face's library takes time that grows with the square of a text

    private static final int NEVER_ASSIGNED = 0x40000; // planes 4 to 13 hold nothing
    private static final int TAGS = 0xE0000;

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\\p{L}+",
                "\\p{M}",
                "\\p{N}",
                "\\p{P}",
                "\\p{S}",
                "\\P{C}+",
                "\\p{Lu}",
                "\\p{Zs}",
                "\\s",
                "\\S+",
                "\\d",
                "\\D+",
                ".+",
                "[^\\s\\p{L}]+",
                "(?i:'s|'ll|k|x)",
                "[一-龥\\x{20000}-\\x{2ffff}]+",
                "[\\u0041-\\x5a&|\\-]"
            })
    void matchesTheSameCharacters(String regex) {
        TokenizerFile file = new TokenizerFile(0);
        file.preTokenizer =
                TokenizerFile.sequence(TokenizerFile.split(regex, "Removed", true), TokenizerFile.BYTE_LEVEL);
        Path json = file.write(folder);
        try (HuggingFace theirs = new HuggingFace(json)) {
            Tokenizer ours = TokenizerJson.read(json);
            int matched = 0;
            for (int start = 0; start <= Character.MAX_CODE_POINT; start += CHUNK) {
                if (start >= NEVER_ASSIGNED && start < TAGS) continue;
                String text = characters(start);
                int[] ids = ours.encode(text);
                assertThat(ids).as("from U+%04X on", start).isEqualTo(theirs.encode(text));
                matched += ids.length;
            }
            assertThat(matched).isPositive();
        }
    }

    /** The tables of both sides must be the same: all characters there are, chunk by chunk. */
    private static String characters(int start) {
        return IntStream.range(start, start + CHUNK)
                .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\\h",
                "\\bthe",
                "\\w+",
                "\\R",
                "\\X",
                "(a)\\1",
                "\\p{Han}",
                "\\p{Alpha}",
                "\\p{^L}",
                "[[:alpha:]]",
                "[a[b]]",
                "[a&&b]",
                "a{2}+",
                "a{1,2}?",
                "a{,2}",
                "(?<name>a)",
                "(?m:.)",
                "(?i)a",
                "(?i:[a-z])",
                "(?i:ß)",
                "(?i:ss)",
                "(?#note)",
                "\\A",
                "a\\z",
                "\\G",
                "(a",
                "a)",
                "[a",
                "*",
                "\\"
            })
    void refusesWhatMayMeanSomethingElse(String regex) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OnigurumaRegex.compile(regex))
                .withMessageContaining("the regular expression");
    }

    @Test
    void saysWhereAndWhat() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OnigurumaRegex.compile("\\p{L}+|\\h+"))
                .withMessage("the regular expression has this escape at character 7, where it reads \\h+;"
                        + " Gatun does not know it to mean the same in Java");
    }
}
