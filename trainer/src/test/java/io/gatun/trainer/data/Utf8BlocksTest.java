package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Utf8BlocksTest {
    private static List<String> blocks(byte[] bytes, int least, int most) {
        List<String> blocks = new ArrayList<>();
        try (Utf8Blocks in = new Utf8Blocks("a.txt", new ByteArrayInputStream(bytes), least, most)) {
            for (String block = in.next(); block != null; block = in.next()) blocks.add(block);
        }
        return blocks;
    }

    private static List<String> blocks(String text, int least, int most) {
        return blocks(text.getBytes(UTF_8), least, most);
    }

    @Test
    void endsBlocksAtTheFirstNewlineThatMakesThemLongEnough() {
        assertThat(blocks("ab\ncd\nefghij\nk", 4, 100)).containsExactly("ab\ncd\n", "efghij\n", "k");
        assertThat(blocks("ab\n\n\ncd\r\n", 1, 100)).containsExactly("ab\n", "\n", "\n", "cd\r\n");
        assertThat(blocks("", 1, 100)).isEmpty();
    }

    @Test
    void cutsALongLineBetweenCharacters() {
        assertThat(blocks("abcdefghij", 2, 4)).containsExactly("abcd", "efgh", "ij");
        assertThat(blocks("a€€€\n", 2, 5)).containsExactly("a€", "€", "€\n");
        assertThat(blocks("ab😀😀", 2, 5)).containsExactly("ab", "😀", "😀");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 64, 1000, 65_535, 65_536, 65_537, 1 << 20})
    void losesNothing(int least) {
        var text = new StringBuilder();
        for (int i = 0; i < 40_000; i++) text.append("é€😀x".repeat(i % 5)).append(i % 3 == 0 ? "\n" : " ");
        List<String> blocks = blocks(text.toString(), least, 4 * Math.max(least, 4));
        assertThat(String.join("", blocks)).isEqualTo(text.toString());
        assertThat(blocks.subList(0, blocks.size() - 1)).allMatch(block -> block.getBytes(UTF_8).length >= least);
    }

    @Test
    void dropsAByteOrderMark() {
        assertThat(blocks("\uFEFFab\n\uFEFFc", 1, 100)).containsExactly("ab\n", "\uFEFFc");
        assertThat(blocks("\uFEFF", 1, 100)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 5, 70_000, 131_072})
    void namesTheByteThatIsNoText(int at) {
        byte[] bytes = "line of text\n".repeat(20_000).getBytes(UTF_8);
        bytes[at] = (byte) 0xC3;
        assertThatThrownBy(() -> blocks(bytes, 100, 1000))
                .isInstanceOf(DataException.class)
                .hasMessage("a.txt is not UTF-8: byte " + at + " is 0xc3, which fits no character there");
        bytes[at] = 0;
        assertThatThrownBy(() -> blocks(bytes, 100, 1000)).hasMessage("a.txt is no text: byte " + at + " is zero");
    }

    @Test
    void refusesACharacterThatTheEndCutsOff() {
        byte[] bytes = {'a', 'b', (byte) 0xE2, (byte) 0x82};
        assertThatThrownBy(() -> blocks(bytes, 1, 100)).hasMessageContaining("byte 2 is 0xe2");
    }
}
