package io.gatun.model.tokenizer;

import java.util.List;
import java.util.SplittableRandom;

/** Seeded texts that hit the corners of a tokenizer: spaces of all kinds, scripts, marks, emoji, cut-up token names. */
final class RandomText {
    private static final List<String> SPACES = List.of(
            " ", " ", " ", "  ", "\n", "\r\n", "\r", "\t", "\u000b", "\f", "\u0085", "\u00a0", "\u1680", "\u2003",
            "\u2028", "\u2029", "\u202f", "\u3000", "\u200b", "\u200d", "\ufeff", "\u001c");
    private static final List<String> WORDS = List.of(
            "the", "The", "ship", "ships", "keeper", "harbour", "'s", "'ll", "'S", "don't", "für", "море", "φάρος",
            "灯台", "港口", "ランプ", "한국어", "नमस्ते", "مرحبا", "e\u0301", "\u0301", "🙂", "👩‍🚀", "🇨🇳", "½", "٣٤", "Ⅷ",
            "1", "22", "4096", "86400", "_", "-", "...", "?!", "(", "){", "//", "\"", "\\", "<", ">", "|", "¿", "€",
            "ſ", "K", "é", "Ġ", "Ċ");
    private static final List<String> NAMES = List.of(
            "<|begin|>",
            "<|begin",
            "begin|>",
            "<|end_of_text|>",
            "<|end_of",
            "<<|end_of_text|>",
            "<tool>",
            "<tool>>",
            "ab",
            "abc",
            "w\u00e9",
            "<s>",
            "<p>");

    private final SplittableRandom random;

    RandomText(long seed) {
        random = new SplittableRandom(seed);
    }

    /** A text of up to {@code parts} words, spaces, names and characters. */
    String next(int parts) {
        StringBuilder text = new StringBuilder();
        for (int left = random.nextInt(parts + 1); left > 0; left--) {
            switch (random.nextInt(8)) {
                case 0, 1 -> text.append(pick(SPACES));
                case 2, 3, 4 -> text.append(pick(WORDS));
                case 5 -> text.append(pick(NAMES));
                case 6 -> text.append((char) random.nextInt(' ', 0x7f));
                default -> text.appendCodePoint(codePoint());
            }
        }
        return text.toString();
    }

    private int codePoint() {
        int[] ends = {0x100, 0x800, 0x3100, 0xa000, 0x10000, 0x20000, 0x110000};
        while (true) {
            int c = random.nextInt(ends[random.nextInt(ends.length)]);
            if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) return c;
        }
    }

    int[] ids(int count, int vocabularySize) {
        return random.ints(random.nextInt(count + 1), 0, vocabularySize).toArray();
    }

    private String pick(List<String> from) {
        return from.get(random.nextInt(from.size()));
    }
}
