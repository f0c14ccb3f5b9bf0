package io.gatun.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;

/** The kernels' sources as they are compiled: each file behind what all of them share. */
public final class KernelSources {
    /** All files, without their suffix. */
    public static final List<String> FILES = List.of(
            "elementwise",
            "norm",
            "rope",
            "gate",
            "permute",
            "quantize",
            "loss",
            "optimizer",
            "attention_decode",
            "attention_prefill",
            "attention_grad");

    private static final Pattern KERNEL =
            Pattern.compile("extern \"C\" __global__ void (?:__launch_bounds__\\([^)]*\\) )?(\\w+)\\(");

    private KernelSources() {}

    /** The whole source of a file: {@code common.cuh}, then {@code file.cu}. */
    public static String source(String file) {
        return read("common.cuh") + "#line 1 \"" + file + ".cu\"\n" + read(file + ".cu");
    }

    /** The names of the kernels in a source. */
    public static List<String> kernels(String source) {
        return KERNEL.matcher(source).results().map(match -> match.group(1)).toList();
    }

    private static String read(String name) {
        String path = "io/gatun/native/" + name;
        try (InputStream in = KernelSources.class.getClassLoader().getResourceAsStream(path)) {
            if (in == null) throw new IllegalStateException(path + " is not on the class path");
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
