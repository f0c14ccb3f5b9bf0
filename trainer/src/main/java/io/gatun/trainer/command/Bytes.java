package io.gatun.trainer.command;

import java.util.Locale;

/** Sizes of memory as people read them, the same in every locale. */
final class Bytes {
    private Bytes() {}

    /** For example {@code 640 B}, {@code 12.5 MiB}, {@code 641.3 GiB}. */
    static String of(long bytes) {
        if (bytes < 10 << 10) return bytes + " B";
        double size = bytes;
        for (String unit : new String[] {"KiB", "MiB", "GiB"}) {
            size /= 1024;
            if (size < 1024) return String.format(Locale.ROOT, "%.1f %s", size, unit);
        }
        return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1 << 30));
    }
}
