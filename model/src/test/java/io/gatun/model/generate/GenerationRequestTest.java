package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.config.Configs;
import io.gatun.model.config.ModelConfig;
import io.gatun.model.tokenizer.ByteLevelTokenizer;
import java.util.List;
import org.junit.jupiter.api.Test;

class GenerationRequestTest {
    @Test
    void eachChangeLeavesTheRest() {
        GenerationRequest request = GenerationRequest.of("text")
                .maxTokens(7)
                .sampling(Sampling.GREEDY.topK(3))
                .stop(List.of("x"))
                .topLogProbs(5)
                .ignoreEos(true);
        assertThat(request)
                .isEqualTo(new GenerationRequest("text", null, 7, Sampling.GREEDY.topK(3), List.of("x"), 5, true));
        GenerationRequest ids = request.promptIds(1, 2);
        assertThat(ids.prompt()).isNull();
        assertThat(ids.promptIds()).containsExactly(1, 2);
        assertThat(ids.topLogProbs()).isEqualTo(5);
        assertThat(ids.prompt("text")).isEqualTo(request);
    }

    @Test
    void thePromptIsTextOrTokens() {
        ModelConfig config = Configs.builtIn("tiny");
        assertThat(Prompt.ids(GenerationRequest.of("ab"), ByteLevelTokenizer::new, config))
                .containsExactly('a', 'b');
        assertThat(Prompt.ids(GenerationRequest.of(3, 4), ByteLevelTokenizer::new, config))
                .containsExactly(3, 4);
        int[] given = {1};
        GenerationRequest request = GenerationRequest.of(given);
        given[0] = 9;
        assertThat(request.promptIds()).containsExactly(1);
    }

    @Test
    void refusesWhatCannotBe() {
        GenerationRequest request = GenerationRequest.of("");
        assertThatThrownBy(() -> request.maxTokens(0)).hasMessage("max-tokens is 0; it must be at least 1");
        assertThatThrownBy(() -> request.stop(List.of(""))).hasMessage("a stop string is empty");
        assertThatThrownBy(() -> request.topLogProbs(-1)).hasMessageStartingWith("top-log-probs is -1");
        assertThatThrownBy(() -> request.prompt(null)).hasMessageStartingWith("the prompt is neither");
    }
}
