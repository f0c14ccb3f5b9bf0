package io.gatun.model.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** Hugging Face's own library (Rust, by way of DJL), which says what is right. It needs no network. */
final class HuggingFace implements AutoCloseable {
    static {
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("ENGINE_CACHE_DIR", System.getProperty("gatun.root") + "/model/target/djl");
    }

    private final HuggingFaceTokenizer tokenizer;

    HuggingFace(Path tokenizerJson) {
        try {
            tokenizer = HuggingFaceTokenizer.newInstance(
                    tokenizerJson, Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int[] encode(String text) {
        long[] ids = tokenizer.encode(text, false, false).getIds();
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }

    String decode(int[] ids, SpecialTokens specials) {
        return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), specials == SpecialTokens.SKIP);
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
