package io.gatun.model.tokenizer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/** Makes small tokenizer.json files: a BPE with a few hundred merges learned from a text of our own. */
final class TokenizerFile {
    static final String BYTE_LEVEL =
            "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}";
    static final String PLAIN = "\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false";
    static final String DEEPSEEK = sequence(
            split("\\p{N}{1,3}", "Isolated", false),
            split("[一-龥\u3040-ゟ゠-ヿ]+", "Isolated", false),
            split(
                    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
                            + "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
                    "Isolated", false),
            BYTE_LEVEL);

    private static final String TEXT = """
            The lighthouse keeper climbed the stairs, lit the lamp, and wrote: "12 ships passed; 3 came in."
            In the morning the harbour was full of nets, of voices and of gulls. 他每天早上都写日记，然后去港口买鱼。
            Die Fischer erzählten vom Sturm, der drei Tage gedauert hatte. ночью над морем светил маяк.
            for (int i = 0; i < ships.length; i++) { total += ships[i].crew(); } // no crew is counted twice
            灯台守は毎晩ランプに火をともした。 Ο φάρος φώτιζε τη θάλασσα. 1998, 2024, 365 days, 86400 seconds.
            The keeper's daughter didn't sleep; she'd counted the ships, and they'd all come home. 🙂 🚢 🚢 👩‍🚀
            """;

    private final Map<String, Integer> vocabulary = new LinkedHashMap<>();
    private final List<String[]> merges = new ArrayList<>();
    String preTokenizer = DEEPSEEK;
    String addedTokens = added(0, "<|begin|>", PLAIN + ",\"special\":true");
    String normalizer = "null";
    String decoder = BYTE_LEVEL;
    String more = ""; // further fields of the model, each with a comma behind
    boolean mergesAsPairs;

    /** With {@code count} merges; id 0 is left to an added token, bytes come in falling order. */
    TokenizerFile(int count) {
        vocabulary.put("<|begin|>", 0);
        for (int b = 255; b >= 0; b--) vocabulary.put(String.valueOf(ByteAlphabet.character(b)), vocabulary.size());
        List<List<String>> words = new ArrayList<>();
        for (String word : TEXT.split("(?= )|(?<=\n)|\\b")) {
            List<String> symbols = new ArrayList<>();
            for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
                symbols.add(String.valueOf(ByteAlphabet.character(b & 0xFF)));
            }
            words.add(symbols);
        }
        while (merges.size() < count) learn(words);
    }

    /** Adds the most frequent pair, the alphabetically first of equals. */
    private void learn(List<List<String>> words) {
        Map<String, Integer> counts = new HashMap<>();
        for (List<String> word : words) {
            for (int i = 0; i + 1 < word.size(); i++)
                counts.merge(word.get(i) + " " + word.get(i + 1), 1, Integer::sum);
        }
        String best = counts.keySet().stream()
                .min((a, b) -> counts.get(a).equals(counts.get(b)) ? a.compareTo(b) : counts.get(b) - counts.get(a))
                .orElseThrow();
        String[] pair = best.split(" ");
        merges.add(pair);
        vocabulary.putIfAbsent(pair[0] + pair[1], vocabulary.size());
        for (List<String> word : words) {
            for (int i = 0; i + 1 < word.size(); i++) {
                if (word.get(i).equals(pair[0]) && word.get(i + 1).equals(pair[1])) {
                    word.set(i, pair[0] + pair[1]);
                    word.remove(i + 1);
                }
            }
        }
    }

    int modelSize() {
        return vocabulary.size();
    }

    Map<String, Integer> vocabulary() {
        return vocabulary;
    }

    Path write(Path folder) {
        Path file = folder.resolve("tokenizer.json");
        try {
            return Files.writeString(file, json());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String json() {
        StringJoiner vocab = new StringJoiner(",", "{", "}");
        vocabulary.forEach((token, id) -> vocab.add(quoted(token) + ":" + id));
        StringJoiner list = new StringJoiner(",", "[", "]");
        for (String[] pair : merges) {
            list.add(
                    mergesAsPairs
                            ? "[" + quoted(pair[0]) + "," + quoted(pair[1]) + "]"
                            : quoted(pair[0] + " " + pair[1]));
        }
        return """
                {"version":"1.0","truncation":null,"padding":null,"added_tokens":[%s],"normalizer":%s,"pre_tokenizer":%s,
                "post_processor":null,"decoder":%s,"model":{"type":"BPE","dropout":null,"unk_token":null,
                "continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,%s
                "vocab":%s,"merges":%s}}""".formatted(addedTokens, normalizer, preTokenizer, decoder, more, vocab, list);
    }

    static String added(int id, String content, String flags) {
        return "{\"id\":" + id + ",\"content\":" + quoted(content) + "," + flags + "}";
    }

    static String sequence(String... steps) {
        return "{\"type\":\"Sequence\",\"pretokenizers\":[" + String.join(",", steps) + "]}";
    }

    static String split(String regex, String behavior, boolean invert) {
        return "{\"type\":\"Split\",\"pattern\":{\"Regex\":%s},\"behavior\":\"%s\",\"invert\":%s}"
                .formatted(quoted(regex), behavior, invert);
    }

    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c < ' ' || c == '"' || c == '\\') quoted.append("\\u%04x".formatted((int) c));
            else quoted.append(c);
        }
        return quoted.append('"').toString();
    }
}
