package io.gatun.model.generate;

import io.gatun.tensor.Tensor;

/** Writes an answer to the end: a token a pass, or, where the MTP module drafts, as many as are accepted. */
final class Answering {
    private final Passes passes;
    private final Sequence sequence;
    private final int positions; // that the sequence may have

    Answering(Passes passes, Sequence sequence, int positions) {
        this.passes = passes;
        this.sequence = sequence;
        this.positions = positions;
    }

    /** Goes on from {@code logits} [1, vocabulary], which follow the sequence and are overwritten. */
    void run(Generation answer, Tensor logits) {
        int id = answer.next(logits);
        int[] one = new int[1];
        while (id >= 0 && hasRoom(answer)) {
            one[0] = id;
            passes.step(sequence, one, 1, logits);
            id = answer.next(logits);
        }
    }

    /**
     * The same with drafts: a pass over the last token and the drafts after it judges each draft by what the model itself would
     * have written.
     *
     * @param rows [drafts + 1, vocabulary], overwritten
     */
    void speculate(Generation answer, Tensor logits, Tensor rows) {
        int drafts = passes.drafts();
        answer.drafts(drafts);
        int[] drafted = new int[drafts];
        int[] tokens = new int[drafts + 1];
        Tensor[] row = new Tensor[drafts + 1];
        Tensor[] first = new Tensor[drafts + 1];
        for (int r = 0; r <= drafts; r++) {
            row[r] = rows.slice(r, r + 1);
            first[r] = rows.slice(0, r + 1);
        }
        int id = answer.next(logits);
        while (id >= 0 && hasRoom(answer)) {
            int start = sequence.length();
            int count = Math.min(passes.draft(sequence, id, drafted, answer::draft), positions - start - 1);
            tokens[0] = id;
            System.arraycopy(drafted, 0, tokens, 1, count);
            passes.step(sequence, tokens, count + 1, first[count]);
            int kept = 0;
            do {
                id = kept < count ? answer.judge(row[kept], drafted[kept], kept) : answer.next(row[kept]);
                kept++;
            } while (id >= 0 && kept <= count && id == drafted[kept - 1]);
            sequence.truncate(start + kept);
        }
    }

    private boolean hasRoom(Generation answer) {
        if (sequence.length() < positions) return true;
        answer.full();
        return false;
    }
}
