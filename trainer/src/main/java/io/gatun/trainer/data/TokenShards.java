package io.gatun.trainer.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * A corpus as tokens: {@code train.tokens} and {@code valid.tokens} in a folder, each with a manifest ({@code train.json},
 * {@code valid.json}). They are written once and reused as long as text and tokenizer are the same and the files are whole;
 * else they are made anew. A file gets its final name when it is complete and on the disk.
 */
public final class TokenShards implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final TokenShard train;
    private final TokenShard heldOut;
    private boolean reused = true;

    private TokenShards(Path folder, Corpus corpus, TokenEncoder encoder) {
        try {
            train = open(folder, "train", corpus.train(), encoder);
            heldOut = open(folder, "valid", corpus.heldOut(), encoder);
        } catch (Throwable failed) {
            arena.close();
            throw failed;
        }
    }

    /**
     * The tokens of {@code corpus}, from {@code folder} where they are there, else written to it.
     *
     * @throws DataException when the text cannot be read, is empty, or the folder cannot be written
     */
    public static TokenShards open(Path folder, Corpus corpus, TokenEncoder encoder) {
        return new TokenShards(folder, corpus, encoder);
    }

    public TokenShard train() {
        return train;
    }

    public TokenShard heldOut() {
        return heldOut;
    }

    /** Whether both files were there already. */
    public boolean reused() {
        return reused;
    }

    /** The same for the same training tokens only: a resumed run compares it with the one it began with. */
    public String fingerprint() {
        ShardManifest made = train.manifest();
        return "%s-%d-%08x".formatted(made.tokenizer(), made.tokens(), made.checksum());
    }

    /** Unmaps the files; their shards must not be read any more. */
    @Override
    public void close() {
        arena.close();
    }

    private TokenShard open(Path folder, String name, TextSource source, TokenEncoder encoder) {
        Path tokens = folder.resolve(name + ".tokens");
        Path manifest = folder.resolve(name + ".json");
        String fingerprint = source.fingerprint();
        Optional<TokenShard> kept = ShardManifest.read(manifest)
                .filter(made -> made.isOf(fingerprint, encoder.fingerprint()))
                .flatMap(made -> TokenShard.map(tokens, made, source.name(), arena));
        if (kept.isPresent()) return kept.get();
        reused = false;
        ShardManifest made = make(tokens, manifest, source, encoder);
        return TokenShard.map(tokens, made, source.name(), arena)
                .orElseThrow(() ->
                        new DataException(tokens + " changed while it was written; is another run using this folder?"));
    }

    private static ShardManifest make(Path tokens, Path manifest, TextSource source, TokenEncoder encoder) {
        Path unfinished = tokens.resolveSibling(tokens.getFileName() + ".tmp");
        try {
            Files.createDirectories(tokens.toAbsolutePath().getParent());
            ShardManifest made;
            try (ShardWriter writer = new ShardWriter(unfinished, encoder)) {
                made = writer.write(source);
            } catch (Throwable failed) {
                Files.deleteIfExists(unfinished);
                throw failed;
            }
            if (made.textBytes() == 0) {
                Files.delete(unfinished);
                throw new DataException(source.name() + " holds no text");
            }
            Files.deleteIfExists(manifest); // it vouches for the tokens that are about to be replaced
            Files.move(unfinished, tokens, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            made.write(manifest);
            return made;
        } catch (UncheckedIOException e) {
            throw DataException.writing(unfinished, e.getCause());
        } catch (IOException e) {
            throw DataException.writing(tokens, e);
        }
    }
}
