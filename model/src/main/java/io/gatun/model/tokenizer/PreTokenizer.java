package io.gatun.model.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Reads {@code pre_tokenizer} of tokenizer.json: splits, then the step to bytes. */
final class PreTokenizer {
    private PreTokenizer() {}

    /** The splits before the bytes, first to last. {@code pre_tokenizer} must be a ByteLevel or end with one. */
    static List<Split> splits(JsonFields preTokenizer) {
        List<JsonFields> steps = steps(preTokenizer);
        List<Split> splits = new ArrayList<>();
        for (JsonFields step : steps.subList(0, steps.size() - 1)) splits.add(split(step));
        JsonFields last = steps.getLast();
        if (!last.text("type").equals("ByteLevel")) throw last.refused("type", "ByteLevel as the last step");
        if (last.flag("add_prefix_space")) throw last.refused("add_prefix_space", "false");
        if (last.flag("use_regex", true)) splits.add(Split.isolated(Split.GPT2));
        return splits;
    }

    private static List<JsonFields> steps(JsonFields preTokenizer) {
        if (!preTokenizer.text("type").equals("Sequence")) return List.of(preTokenizer);
        List<JsonFields> steps = preTokenizer.objects("pretokenizers");
        if (steps.isEmpty()) throw preTokenizer.refused("pretokenizers", "a sequence that ends with ByteLevel");
        return steps;
    }

    private static Split split(JsonFields step) {
        return switch (step.text("type")) {
            case "Split" -> {
                Pattern pattern = pattern(step);
                boolean invert = step.flag("invert", false);
                yield switch (step.text("behavior")) {
                    case "Isolated" -> new Split(pattern, true, true);
                    case "Removed" -> new Split(pattern, invert, !invert);
                    default -> throw step.refused("behavior", "Isolated or Removed");
                };
            }
            case "Digits" -> Split.isolated(step.flag("individual_digits") ? "\\p{N}" : "\\p{N}+");
            default -> throw step.refused("type", "Split, Digits, or ByteLevel as the last step");
        };
    }

    private static Pattern pattern(JsonFields step) {
        JsonFields pattern = step.object("pattern");
        if (pattern.has("String")) return Pattern.compile(Pattern.quote(pattern.text("String")));
        try {
            return OnigurumaRegex.compile(pattern.text("Regex"));
        } catch (IllegalArgumentException e) {
            throw new TokenizerException(pattern.where() + ".Regex: " + e.getMessage(), e);
        }
    }
}
