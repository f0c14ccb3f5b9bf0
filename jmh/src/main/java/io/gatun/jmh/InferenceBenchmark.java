package io.gatun.jmh;

import io.gatun.model.LanguageModel;
import io.gatun.model.config.Configs;
import io.gatun.model.generate.Session;
import io.gatun.tensor.DType;
import io.gatun.tensor.Tensor;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** A whole model with random weights: one decoded token after 128 to 192 others, and a prompt of 128. */
public class InferenceBenchmark extends CpuBenchmark {
    private static final int PROMPT = 128;
    private static final int POSITIONS = 192;

    @Param("train-bench")
    public String model;

    @Param({"F32", "BF16", "F8_E4M3"})
    public DType dtype;

    private LanguageModel opened;
    private Session decoding, reading;
    private int[] prompt;

    @Override
    void setUp() {
        LanguageModel.Options options = LanguageModel.Options.defaults().threads(threads);
        opened = LanguageModel.random(Configs.builtIn(model), dtype, 1, options);
        SplittableRandom random = new SplittableRandom(1);
        prompt = random.ints(PROMPT, 0, opened.config().vocabSize()).toArray();
        decoding = opened.newSession(POSITIONS);
        decoding.prefill(prompt);
        reading = opened.newSession(POSITIONS);
    }

    @Override
    void release() {
        decoding.close();
        reading.close();
        opened.close();
    }

    @Benchmark
    public Tensor step() {
        if (decoding.length() == POSITIONS) decoding.truncate(PROMPT);
        return decoding.step(prompt[decoding.length() % PROMPT]);
    }

    @Benchmark
    public Tensor prefill() {
        reading.truncate(0);
        return reading.prefill(prompt);
    }
}
