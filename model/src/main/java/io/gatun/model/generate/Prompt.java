package io.gatun.model.generate;

import io.gatun.model.ModelException;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.tokenizer.Tokenizer;
import java.util.function.Supplier;

/** The tokens of a request's prompt. */
final class Prompt {
    private Prompt() {}

    /** The request's ids, or those of its text; the begin token where both are empty. */
    static int[] ids(GenerationRequest request, Supplier<Tokenizer> tokenizer, ModelConfig config) {
        int[] ids = request.promptIds();
        if (ids == null) ids = tokenizer.get().encode(request.prompt());
        if (ids.length > 0) return ids;
        if (config.bosTokenId() < 0) throw new ModelException("the prompt is empty and the model has no begin token");
        return new int[] {config.bosTokenId()};
    }
}
