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
        if (tokenizer.vocabularySize() > model.vocabSize()) {
            throw new TrainerException(
                    "the tokenizer has %d entries and model.vocab_size is %d; it must be at least as large"
                            .formatted(tokenizer.vocabularySize(), model.vocabSize()));
        }
        if (model.eosTokenId() < 0) {
            throw new TrainerException("model.eos_token_id is not set; documents need it as their separator");
        }
        if (tokenizer instanceof ByteLevelTokenizer bytes && bytes.separator() != model.eosTokenId()) {
            throw new TrainerException(
                    "model.eos_token_id is %d; the byte-level tokenizer ends texts with %2$d: --set model.eos_token_id=%2$d"
                            .formatted(model.eosTokenId(), bytes.separator()));
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
        return model.eosTokenId();
    }

    @Override
    public String fingerprint() {
        return source + "-" + model.vocabSize() + "-" + separator();
    }
}
