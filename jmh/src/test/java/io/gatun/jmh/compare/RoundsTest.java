package io.gatun.jmh.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RoundsTest {
    private static final String NAME = "ABenchmark.forward[shape=8x8, threads=1]";

    @TempDir
    private Path folder;

    private final List<String> turns = new ArrayList<>();

    @Test
    void turnsAlternateAndStayPaired() {
        Rounds.Results results = Rounds.run(jar(10), jar(20), 5, folder);
        assertThat(turns).containsExactly("A-1", "B-1", "B-2", "A-2", "A-3", "B-3", "B-4", "A-4", "A-5", "B-5");
        assertThat(results.a().get(NAME).times()).containsExactly(11, 12, 13, 14, 15);
        assertThat(results.b().get(NAME).times()).containsExactly(21, 22, 23, 24, 25);
    }

    /** Takes {@code base} plus its round. */
    private Rounds.Jar jar(double base) {
        return (result, label) -> {
            turns.add(label);
            double[] time = {base + Integer.parseInt(label.substring(2))};
            try {
                Synthetic.file(result, Map.of("a.b.ABenchmark.forward", time));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    @Test
    void tooFewRoundsAreRefusedBeforeAnyRuns() {
        assertThatThrownBy(() -> Rounds.run(jar(1), jar(1), 4, folder))
                .isInstanceOf(CompareException.class)
                .hasMessageContaining("4 rounds are too few");
        assertThat(turns).isEmpty();
    }
}
