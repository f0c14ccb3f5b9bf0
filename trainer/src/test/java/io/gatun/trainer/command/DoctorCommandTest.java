package io.gatun.trainer.command;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.model.json.JsonObject;
import io.gatun.parallel.Team;
import org.junit.jupiter.api.Test;

class DoctorCommandTest {
    @Test
    void tellsTheSameInBothForms() {
        JsonObject facts = CommandOutput.of("doctor", "--no-measure", "--json").json();
        for (String section : new String[] {"machine", "java", "libraries", "disk"}) {
            assertThat(facts.object(section)).isPresent();
        }
        assertThat(facts.mentions("measured")).isFalse();
        JsonObject machine = facts.object("machine").orElseThrow();
        assertThat(machine.integer("processors")).isEqualTo(Runtime.getRuntime().availableProcessors());
        assertThat(machine.number("available_memory")).isPositive().isLessThanOrEqualTo(machine.number("memory"));
        assertThat(facts.object("libraries").orElseThrow().fields().keySet().toString())
                .contains("cuda_driver", "cublaslt", "nccl", "mpi");
        CommandOutput text = CommandOutput.of("doctor", "--no-measure");
        assertThat(text.code()).isZero();
        assertThat(text.out()).contains("vector width of the JVM").contains("temporary files");
    }

    /** That rates are taken at all; what they are is the machine's affair. */
    @Test
    void measuresWithAnyNumberOfThreads() {
        try (MemoryRoof roof = new MemoryRoof(9 << 20);
                Team team = new Team(3)) {
            assertThat(roof.bytes()).isEqualTo(8 << 20);
            assertThat(roof.readRate(team)).isPositive().isFinite();
            assertThat(roof.multiplyAddRate(team)).isPositive().isFinite();
        }
    }
}
