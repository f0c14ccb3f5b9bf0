package io.gatun.model.generate;

import io.gatun.model.tokenizer.SpecialTokens;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One answer while it is written: draws tokens from logits, tells the listener, knows when it is done. */
final class Generation {
    private final GenerationRequest request;
    private final EndTokens ends;
    private final Sampler sampler;
    private final SpeculativeSampler speculative = new SpeculativeSampler();
    private final TextStream stream;
    private final List<LogProbs> logProbs = new ArrayList<>();
    private int[] ids = new int[64];
    private int count;
    private Sampler[] drafters = {};
    private FinishReason finish;

    Generation(GenerationRequest request, Tokenizer tokenizer, EndTokens ends, TokenListener listener, int vocabulary) {
        this.request = request;
        this.ends = ends;
        sampler = new Sampler(request.sampling(), vocabulary);
        stream = new TextStream(tokenizer.decoder(SpecialTokens.SKIP), request.stop(), listener);
    }

    /** Tells what is in the text already: the repetition penalty looks at it. */
    void saw(int[] tokens) {
        for (int id : tokens) sampler.saw(id);
    }

    /** Gets ready to draft {@code count} tokens at once. */
    void drafts(int count) {
        drafters = new Sampler[count];
        for (int k = 0; k < count; k++) drafters[k] = sampler.fork();
    }

    /** The token that follows where the logits are [1, vocabulary]; -1 when the answer is done. */
    int next(Tensor logits) {
        sampler.distribution(logits);
        return take(sampler.draw(), logits);
    }

    /** Draft {@code k}, drawn from the MTP module's logits. */
    int draft(Tensor logits, int k) {
        drafters[k].distribution(logits);
        return drafters[k].draw();
    }

    /** As {@link #next}, where {@code draft} was draft {@code k}: that token if it is accepted, else another. */
    int judge(Tensor logits, int draft, int k) {
        sampler.distribution(logits);
        return take(speculative.accept(draft, sampler, drafters[k]), logits);
    }

    private int take(int id, Tensor logits) {
        if (!request.ignoreEos() && ends.contains(id)) {
            finish = FinishReason.END;
            return -1;
        }
        sampler.saw(id);
        for (Sampler drafter : drafters) drafter.saw(id);
        if (request.topLogProbs() > 0) logProbs.add(LogProbs.of(logits, id, request.topLogProbs()));
        if (count == ids.length) ids = Arrays.copyOf(ids, 2 * count);
        ids[count++] = id;
        stream.token(id);
        finish = stream.finish();
        if (finish == null && count == request.maxTokens()) finish = FinishReason.LENGTH;
        return finish == null ? id : -1;
    }

    /** Ends the answer for want of room. */
    void full() {
        finish = FinishReason.LENGTH;
    }

    boolean isDone() {
        return finish != null;
    }

    /** The last token that was written; -1 when there is none, or the model ended the answer itself. */
    int last() {
        return count == 0 || finish == FinishReason.END ? -1 : ids[count - 1];
    }

    /** Tells the listener what was held back, and sums up. */
    GenerationResult result(int promptTokens, int cachedTokens, String compute) {
        stream.end();
        if (stream.finish() != null) finish = stream.finish();
        var usage = new GenerationResult.Usage(promptTokens, cachedTokens, count);
        var drafts = new GenerationResult.Drafts(speculative.drafted(), speculative.accepted());
        return new GenerationResult(stream.text(), Arrays.copyOf(ids, count), finish, usage, logProbs, drafts, compute);
    }
}
