package io.gatun.model.tokenizer;

import java.io.ByteArrayOutputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** The files of a {@link ByteLevelTokenizer} in Hugging Face's format: a BPE without merges, with the bytes for vocabulary. */
final class ByteLevelJson {
    private ByteLevelJson() {}

    /** The names of the bytes, then the special tokens, each with its id; the ids count up. */
    static Map<String, Integer> vocabulary(List<String> specials) {
        Map<String, Integer> ids = new LinkedHashMap<>();
        for (int b = 0; b < 256; b++) ids.put(String.valueOf(ByteAlphabet.character(b)), b);
        for (String special : specials) ids.putIfAbsent(special, ids.size());
        return ids;
    }

    static byte[] tokenizer(List<String> specials) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = generator(bytes)) {
            json.writeStartObject();
            json.writeStringProperty("version", "1.0");
            json.writeNullProperty("truncation");
            json.writeNullProperty("padding");
            json.writeArrayPropertyStart("added_tokens");
            Map<String, Integer> vocabulary = vocabulary(specials);
            for (String special : specials) writeAdded(json, vocabulary.get(special), special);
            json.writeEndArray();
            json.writeNullProperty("normalizer");
            writeByteLevel(json, "pre_tokenizer");
            json.writeNullProperty("post_processor");
            writeByteLevel(json, "decoder");
            writeModel(json, vocabulary);
            json.writeEndObject();
        }
        return bytes.toByteArray();
    }

    private static void writeAdded(JsonGenerator json, int id, String content) {
        json.writeStartObject();
        json.writeNumberProperty("id", id);
        json.writeStringProperty("content", content);
        json.writeBooleanProperty("single_word", false);
        json.writeBooleanProperty("lstrip", false);
        json.writeBooleanProperty("rstrip", false);
        json.writeBooleanProperty("normalized", false);
        json.writeBooleanProperty("special", true);
        json.writeEndObject();
    }

    private static void writeByteLevel(JsonGenerator json, String field) {
        json.writeObjectPropertyStart(field);
        json.writeStringProperty("type", "ByteLevel");
        json.writeBooleanProperty("add_prefix_space", false);
        json.writeBooleanProperty("trim_offsets", false);
        json.writeBooleanProperty("use_regex", false);
        json.writeEndObject();
    }

    private static void writeModel(JsonGenerator json, Map<String, Integer> vocabulary) {
        json.writeObjectPropertyStart("model");
        json.writeStringProperty("type", "BPE");
        json.writeNullProperty("dropout");
        json.writeNullProperty("unk_token");
        json.writeNullProperty("continuing_subword_prefix");
        json.writeNullProperty("end_of_word_suffix");
        json.writeBooleanProperty("fuse_unk", false);
        json.writeBooleanProperty("byte_fallback", false);
        json.writeBooleanProperty("ignore_merges", false);
        json.writeObjectPropertyStart("vocab");
        vocabulary.forEach(json::writeNumberProperty);
        json.writeEndObject();
        json.writeArrayPropertyStart("merges");
        json.writeEndArray();
        json.writeEndObject();
    }

    static byte[] tokenizerConfig(String separator) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = generator(bytes)) {
            json.writeStartObject();
            json.writeStringProperty("tokenizer_class", "PreTrainedTokenizerFast");
            json.writeStringProperty("bos_token", separator);
            json.writeStringProperty("eos_token", separator);
            json.writeBooleanProperty("add_bos_token", false);
            json.writeBooleanProperty("add_eos_token", false);
            json.writeBooleanProperty("clean_up_tokenization_spaces", false);
            json.writeEndObject();
        }
        return bytes.toByteArray();
    }

    private static JsonGenerator generator(ByteArrayOutputStream bytes) {
        return new JsonFactory().createGenerator(ObjectWriteContext.empty(), bytes);
    }
}
