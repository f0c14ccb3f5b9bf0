package io.gatun.trainer.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import io.gatun.trainer.TrainerException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScheduleTest {
    private static TrainConfig config(Object... fields) {
        Map<String, Object> tree = new LinkedHashMap<>();
        for (int i = 0; i < fields.length; i += 2) tree.put((String) fields[i], fields[i + 1]);
        return TrainConfigJson.parse(tree, "test");
    }

    /** The published run, 14.8 T tokens: warm-up, constant to 10 T, cosine over 4.3 T, then two constant tails. */
    @Test
    void learningRateOfThePublishedRun() {
        var schedule = new Schedule(config(
                "steps",
                14_800,
                "lr",
                2.2e-4,
                "warmup",
                0.01,
                "decay_start",
                10 / 14.8,
                "decay_end",
                14.3 / 14.8,
                "decay_to",
                0.1,
                "tail_start",
                14.633 / 14.8,
                "tail_to",
                7.3e-6 / 2.2e-4));
        assertThat(schedule.learningRate(0)).isEqualTo(2.2e-4 / 148, offset(1e-12));
        assertThat(schedule.learningRate(73)).isEqualTo(1.1e-4, offset(1e-12));
        assertThat(schedule.learningRate(148)).isEqualTo(2.2e-4);
        assertThat(schedule.learningRate(9_999)).isEqualTo(2.2e-4);
        assertThat(schedule.learningRate(12_150)).isEqualTo((2.2e-4 + 2.2e-5) / 2, offset(1e-9)); // half of the cosine
        assertThat(schedule.learningRate(14_400)).isEqualTo(2.2e-5, offset(1e-12));
        assertThat(schedule.learningRate(14_700)).isEqualTo(7.3e-6, offset(1e-12));
    }

    @Test
    void batchesGrowInWholeMicroBatches() {
        var schedule = new Schedule(
                config("steps", 100, "micro_batch", 4, "batch_start", 8, "batch_size", 40, "batch_ramp", 0.5));
        assertThat(schedule.microBatches(0)).isEqualTo(2);
        assertThat(schedule.microBatches(25)).isEqualTo(6);
        assertThat(schedule.microBatches(50)).isEqualTo(10);
        assertThat(schedule.microBatches(99)).isEqualTo(10);
        for (int step = 1; step < 100; step++) {
            assertThat(schedule.microBatches(step)).isGreaterThanOrEqualTo(schedule.microBatches(step - 1));
        }
    }

    @Test
    void lossFactorsAndBiasSpeedSwitch() {
        var schedule = new Schedule(config(
                "steps",
                10,
                "mtp_lambda",
                0.3,
                "mtp_lambda_late",
                0.1,
                "mtp_lambda_switch",
                0.5,
                "bias_speed",
                1e-3,
                "bias_speed_off",
                0.9));
        assertThat(schedule.mtpLambda(4)).isEqualTo(0.3);
        assertThat(schedule.mtpLambda(5)).isEqualTo(0.1);
        assertThat(schedule.biasSpeed(8)).isEqualTo(1e-3);
        assertThat(schedule.biasSpeed(9)).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "steps, 0, train.steps is 0; it must be at least 1",
        "batch_size, 12, train.batch_size is 12; it must be a multiple of micro_batch",
        "warmup, 1.5, train.warmup is 1.5; it must be a fraction of the run",
        "lr, -1, train.lr is -1.0",
        "clip, 0, train.clip is 0.0",
        "beta2, 1, train.beta2 is 1.0",
    })
    void aWrongValueNamesFieldAndRule(String field, double value, String message) {
        assertThatThrownBy(() -> config(field, value))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void unknownFieldsAndKindsAreRefused() {
        assertThatThrownBy(() -> config("learning_rate", 1))
                .isInstanceOf(TrainerException.class)
                .hasMessageContaining("train.learning_rate is not known; there are steps");
        assertThatThrownBy(() -> config("steps", 1.5))
                .hasMessageContaining("train.steps is 1.5; it must be a whole number");
        assertThatThrownBy(() -> config("moments", "FP4")).hasMessageContaining("F32 or BF16");
        assertThatThrownBy(() -> config("decay_gains", "yes")).hasMessageContaining("true or false");
    }

    @Test
    void theTreeReadsBack() {
        TrainConfig config = config("steps", 7, "moments", "BF16", "lr", 1e-3, "decay_gains", true);
        assertThat(TrainConfigJson.parse(TrainConfigJson.tree(config), "again")).isEqualTo(config);
    }
}
