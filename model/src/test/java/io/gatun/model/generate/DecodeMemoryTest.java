package io.gatun.model.generate;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.gatun.model.LanguageModel;
import io.gatun.model.config.Configs;
import io.gatun.model.precision.Compute;
import io.gatun.tensor.DType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A decode step allocates nothing, and sessions that come and go leave nothing behind. */
class DecodeMemoryTest {
    private static final int STEPS = 40;

    @ParameterizedTest
    @CsvSource({"F32,F32", "BF16,BF16", "F8_E4M3,BF16", "F8_E4M3,W8A8"})
    @Tag("allocation")
    void aStepAllocatesNothingOnceWarm(DType dtype, Compute compute) {
        var options = LanguageModel.Options.defaults().threads(2).compute(compute);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (LanguageModel model = LanguageModel.random(Configs.builtIn("tiny"), dtype, 1, options);
                Session session = model.newSession()) {
            long allocated = Long.MAX_VALUE;
            for (int block = 0; block < 3000 && allocated > 0; block++) { // compilers take their time
                session.truncate(0);
                session.prefill(1, 2, 3);
                session.step(1);
                long mine = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < STEPS; i++) session.step(i);
                allocated = threads.getCurrentThreadAllocatedBytes() - mine;
            }
            assertThat(allocated).as("bytes allocated by %d steps", STEPS).isZero();
        }
    }

    @Test
    void sessionsThatComeAndGoLeaveMemoryAsItWas() throws IOException {
        var options = LanguageModel.Options.defaults().threads(2);
        try (LanguageModel model = LanguageModel.random(Configs.builtIn("tiny"), DType.F32, 1, options)) {
            for (int i = 0; i < 2000; i++) comeAndGo(model);
            System.gc();
            long before = resident();
            for (int i = 0; i < 10_000; i++) comeAndGo(model);
            System.gc();
            assertThat(resident() - before).as("growth in bytes").isLessThan(48L << 20);
        }
    }

    private static void comeAndGo(LanguageModel model) {
        try (Session session = model.newSession(96)) {
            session.prefill(1, 2, 3);
            session.step(4);
            try (Session fork = session.fork()) {
                fork.step(5);
            }
            session.step(6);
        }
    }

    /** Bytes of this process in memory; 0 where the system does not tell, which leaves nothing to compare. */
    private static long resident() throws IOException {
        Path file = Path.of("/proc/self/statm");
        if (!Files.exists(file)) return 0;
        return Long.parseLong(Files.readString(file).split(" ")[1]) * 4096;
    }
}
