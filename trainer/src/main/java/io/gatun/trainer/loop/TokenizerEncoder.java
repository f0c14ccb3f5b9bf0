package io.gatun.trainer.loop;

import io.gatun.model.config.ModelConfig;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.trainer.TrainerException;
import io.gatun.trainer.data.TokenEncoder;
import java.util.function.IntConsumer;

/**
 * A model's tokenizer as the data pipeline asks for it: documents are kept apart by the model's end token.
 *
 * @param source tells one tokenizer from another
 */
record TokenizerEncoder(Tokenizer tokenizer, ModelConfig model, String source) implements TokenEncoder {
    TokenizerEncoder {
        if (!(tokenizer instanceof ByteLevelTokenizer) && model.eosTokenId() < 0) {
            throw new TrainerException("model.eos_token_id is not set; documents need it as their separator");
        }
    }

    @Override
    public void encode(String text, IntConsumer sink) {
        tokenizer.encode(text, sink);
    }

    @Override
    public int vocabulary() {
        return model.vocabSize();
    }

    @Override
    public int separator() {
        return tokenizer instanceof ByteLevelTokenizer bytes ? bytes.separator() : model.eosTokenId();
    }

    @Override
    public String fingerprint() {
        return source + "-" + model.vocabSize() + "-" + separator();
    }
}
