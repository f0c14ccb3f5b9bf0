package io.gatun.trainer.command;

import io.gatun.model.generate.GenerationResult;
import java.util.Locale;

/** What an answer took, in one line for a person. */
final class AnswerSummary {
    private AnswerSummary() {}

    static String of(GenerationResult result, double seconds) {
        GenerationResult.Usage usage = result.usage();
        String cached = usage.cached() == 0 ? "" : " (" + usage.cached() + " of them cached)";
        String text = String.format(
                Locale.ROOT,
                "%d prompt tokens%s, %d new tokens in %.2f s, %s; finished by %s",
                usage.prompt(),
                cached,
                usage.generated(),
                seconds,
                result.compute(),
                result.finish().name().toLowerCase(Locale.ROOT));
        GenerationResult.Drafts drafts = result.drafts();
        if (drafts.drafted() == 0) return text;
        double share = 100.0 * drafts.accepted() / drafts.drafted();
        return text
                + String.format(
                        Locale.ROOT,
                        "; %d of %d drafts accepted (%.0f %%)",
                        drafts.accepted(),
                        drafts.drafted(),
                        share);
    }
}
