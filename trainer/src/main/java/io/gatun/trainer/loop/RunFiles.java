package io.gatun.trainer.loop;

import java.nio.file.Path;

/**
 * Where a run reads and writes; null means: not given.
 *
 * @param out the run folder
 * @param data text to learn from; null: the built-in dictionary
 * @param valid text to be measured on; null: a part of {@code data} that is held out
 * @param tokenizer a tokenizer.json; null: bytes
 * @param init a Hugging Face folder whose weights the run starts from; null: random ones
 */
public record RunFiles(Path out, Path data, Path valid, Path tokenizer, Path init) {}
