package io.gatun.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * The tokenizer of DeepSeek-V3 itself. Its 7.8 MB are not in the repository: test-data/tokenizer/README.md says where they
 * come from. Skipped unless {@code GATUN_DEEPSEEK_TOKENIZER} names the file.
 */
class DeepSeekTokenizerTest {
    private static final String FILE = "GATUN_DEEPSEEK_TOKENIZER";
    private static Path json;
    private static Tokenizer tokenizer;

    private record Case(String name, String text, int[] ids, String withoutSpecials) {}

    @BeforeAll
    static void open() {
        String file = System.getProperty(FILE, System.getenv(FILE));
        assumeTrue(file != null, "needs DeepSeek-V3's tokenizer.json, named by the environment variable " + FILE);
        json = Path.of(file);
        tokenizer = TokenizerJson.read(json);
    }

    @Test
    void givesTheGoldenIdsAndTexts() {
        List<Case> cases = cases("cases");
        assertThat(cases).hasSize(216);
        for (Case c : cases) {
            assertThat(tokenizer.encode(c.text)).as(c.name).containsExactly(c.ids);
            assertDecodes(c);
        }
    }

    @Test
    void decodesTheGoldenIds() {
        List<Case> cases = cases("decode_only");
        assertThat(cases).hasSize(79);
        cases.forEach(DeepSeekTokenizerTest::assertDecodes);
    }

    private static void assertDecodes(Case c) {
        assertThat(tokenizer.decode(c.ids)).as(c.name).isEqualTo(c.text);
        assertThat(tokenizer.decode(c.ids, SpecialTokens.SKIP)).as(c.name).isEqualTo(c.withoutSpecials);
        assertThat(TokenizerAssertions.stream(tokenizer, c.ids, SpecialTokens.KEEP))
                .isEqualTo(c.text);
    }

    @Test
    void agreesWithHuggingFaceOnRandomTexts() {
        try (HuggingFace theirs = new HuggingFace(json)) {
            TokenizerAssertions.assertSame(tokenizer, theirs, 7, 20_000);
        }
    }

    @Test
    void knowsItsSize() {
        assertThat(tokenizer.vocabularySize()).isEqualTo(128_815);
        assertThat(tokenizer.idOf("<｜begin▁of▁sentence｜>")).hasValue(0);
        assertThat(tokenizer.idOf("<｜end▁of▁sentence｜>")).hasValue(1);
    }

    private static List<Case> cases(String list) {
        Path file = Path.of(System.getProperty("gatun.root"), "test-data", "tokenizer", "cases.json");
        List<Case> cases = new ArrayList<>();
        try (JsonParser parser = new JsonFactory().createParser(ObjectReadContext.empty(), file)) {
            parser.nextToken();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String field = parser.currentName();
                parser.nextToken();
                if (!field.equals(list)) {
                    parser.skipChildren();
                    continue;
                }
                while (parser.nextToken() != JsonToken.END_ARRAY) cases.add(read(parser));
            }
        }
        return cases;
    }

    private static Case read(JsonParser parser) {
        String name = "";
        String text = null;
        String withoutSpecials = null;
        int[] ids = null;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "name" -> name = parser.getString();
                case "text" -> text = parser.getString();
                case "decoded_skip_special", "text_skip_special" -> withoutSpecials = parser.getString();
                case "ids" -> ids = ints(parser);
                default -> parser.skipChildren();
            }
        }
        return new Case(name, text, ids, withoutSpecials == null ? text : withoutSpecials);
    }

    private static int[] ints(JsonParser parser) {
        List<Integer> ints = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) ints.add(parser.getIntValue());
        return ints.stream().mapToInt(Integer::intValue).toArray();
    }
}
