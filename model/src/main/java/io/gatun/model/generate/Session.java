package io.gatun.model.generate;

import io.gatun.model.ModelException;
import io.gatun.model.layer.DeepSeekV3;
import io.gatun.model.layer.LatentCache;
import io.gatun.model.layer.ModelSlot;
import io.gatun.model.layer.Workspace;
import io.gatun.model.layer.Workspace.Purpose;
import io.gatun.model.ops.Ops;
import io.gatun.model.tokenizer.SpecialTokens;
import io.gatun.model.tokenizer.Tokenizer;
import io.gatun.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;

/** One sequence: its latent cache, and the tokens in it. Used by one thread at a time. */
public final class Session implements AutoCloseable {
    private static final int LARGEST_CHUNK =
            64; // tokens that one pass of a prompt takes; smaller powers of two take the rest

    private final Ops ops;
    private final DeepSeekV3 model;
    private final Tokenizer tokenizer;
    private final Arena memory = Arena.ofShared();
    private final LatentCache cache;
    private final Chunk[] chunks = new Chunk[Integer.numberOfTrailingZeros(LARGEST_CHUNK) + 1]; // by log2 of the size
    private final Tensor logits;
    private int length;

    /** What a pass over so many tokens needs, made at its first use. */
    private record Chunk(ModelSlot slot, Tensor tokens, Tensor lastHidden) {}

    /** An empty sequence with room for {@code positions} tokens. */
    public Session(Ops ops, DeepSeekV3 model, Tokenizer tokenizer, int positions) {
        int most = model.config().maxPositionEmbeddings();
        if (positions < 1 || positions > most) {
            throw new ModelException(
                    "a session of %d positions: max_position_embeddings allows 1 to %d".formatted(positions, most));
        }
        this.ops = ops;
        this.model = model;
        this.tokenizer = tokenizer;
        cache = new LatentCache(ops, memory, model.config(), positions);
        logits = ops.reals(memory, 1, model.config().vocabSize());
    }

    /** Tokens in the sequence. */
    public int length() {
        return length;
    }

    /**
     * Appends {@code ids} and gives the logits [1, vocabulary] after the last; valid until the next call.
     *
     * @throws ModelException when there is no room for them
     */
    public Tensor prefill(int... ids) {
        if (ids.length == 0) throw new ModelException("there are no tokens to append");
        if (length + ids.length > cache.positions()) {
            throw new ModelException("%d tokens after %d do not fit into a session of %d positions"
                    .formatted(ids.length, length, cache.positions()));
        }
        Chunk chunk = null;
        for (int at = 0; at < ids.length; ) {
            int size = Math.min(LARGEST_CHUNK, Integer.highestOneBit(ids.length - at));
            chunk = chunk(size);
            for (int i = 0; i < size; i++) chunk.tokens.set(0, i, ids[at + i]);
            model.load(chunk.tokens, chunk.slot);
            model.extend(chunk.slot, cache, length);
            length += size;
            at += size;
        }
        model.logits(logits, chunk.lastHidden);
        return logits;
    }

    private Chunk chunk(int size) {
        int index = Integer.numberOfTrailingZeros(size);
        if (chunks[index] == null) {
            ModelSlot slot = model.plan(new Workspace(ops, memory, Purpose.INFERENCE), 1, size);
            chunks[index] =
                    new Chunk(slot, ops.ints(memory, 1, size), slot.hidden().slice(size - 1, size));
        }
        return chunks[index];
    }

    /**
     * Continues the sequence with the request's prompt and the model's answer.
     *
     * @throws ModelException when the prompt does not fit
     */
    public GenerationResult generate(GenerationRequest request, TokenListener listener) {
        int[] prompt = promptIds(request.prompt());
        Sampler sampler = new Sampler(request.sampling(), model.config().vocabSize());
        for (int id : prompt) sampler.saw(id);
        Tensor row = prefill(prompt);
        int[] ids = new int[request.maxTokens()];
        int count = 0;
        TextStream stream = new TextStream(tokenizer.decoder(SpecialTokens.SKIP), request.stop(), listener);
        FinishReason finish = FinishReason.LENGTH;
        while (count < ids.length) {
            int id = sampler.next(row);
            if (id == model.config().eosTokenId()) {
                finish = FinishReason.END;
                break;
            }
            sampler.saw(id);
            ids[count++] = id;
            stream.token(id);
            if (stream.finish() != null) break;
            if (count == ids.length || length == cache.positions()) break;
            row = prefill(id);
        }
        stream.end();
        if (stream.finish() != null) finish = stream.finish();
        return new GenerationResult(stream.text(), Arrays.copyOf(ids, count), prompt.length, finish);
    }

    private int[] promptIds(String prompt) {
        int[] ids = tokenizer.encode(prompt);
        if (ids.length > 0) return ids;
        int begin = model.config().bosTokenId();
        if (begin < 0) throw new ModelException("the prompt is empty and the model has no begin token");
        return new int[] {begin};
    }

    @Override
    public void close() {
        memory.close();
    }
}
