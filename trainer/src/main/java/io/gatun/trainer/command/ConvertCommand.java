package io.gatun.trainer.command;

import io.gatun.model.checkpoint.CheckpointConverter;
import io.gatun.tensor.DType;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** A Hugging Face folder with weights of another type. */
@Command(
        name = "convert",
        description = "Writes a Hugging Face folder again with weights in F32, BF16 or FP8.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class ConvertCommand implements Callable<Integer> {
    private enum Type {
        F32(DType.F32),
        BF16(DType.BF16),
        FP8(DType.F8_E4M3);

        private final DType dtype;

        Type(DType dtype) {
            this.dtype = dtype;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private static final long REPORT_NANOS = 1_000_000_000L;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "a Hugging Face folder")
    private Path folder;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "the new folder, or an empty one")
    private Path out;

    @Option(
            names = "--dtype",
            required = true,
            paramLabel = "TYPE",
            description =
                    "${COMPLETION-CANDIDATES}; fp8: codes with a scale for each 128 x 128 numbers in attention and"
                            + " feed-forward networks, the rest BF16")
    private Type type;

    @Option(
            names = "--shard-size",
            paramLabel = "BYTES",
            description = "most bytes of weights in a file (default: ${DEFAULT-VALUE})")
    private long shardBytes = CheckpointConverter.SHARD_BYTES;

    private long reported = System.nanoTime();

    @Override
    public Integer call() {
        if (shardBytes < 1) throw new IllegalArgumentException("--shard-size is " + shardBytes + "; it is at least 1");
        long start = System.nanoTime();
        CheckpointConverter.convert(folder, out, type.dtype, shardBytes, this::report);
        System.err.printf(
                Locale.ROOT, "%s holds the weights in %s (%.1f s)%n", out, type, (System.nanoTime() - start) * 1e-9);
        return 0;
    }

    private void report(long bytes, long total) {
        long now = System.nanoTime();
        if (now - reported < REPORT_NANOS) return;
        reported = now;
        System.err.printf(
                Locale.ROOT, "converted %s of %s (%.0f %%)%n", Bytes.of(bytes), Bytes.of(total), 100.0 * bytes / total);
    }
}
