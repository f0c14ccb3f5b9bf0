package io.gatun.trainer.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NumbersTest {
    @ParameterizedTest
    @CsvSource({
        "0,0",
        "1,1",
        "-2.5,-2.5",
        "0.0421,0.0421",
        "0.001,0.001",
        "0.0003,3e-4",
        "2.2e-5,2.2e-5",
        "0.00099999,1e-3",
        "999,999",
        "999.6,1k",
        "8432,8.43k",
        "12345,12.3k",
        "999499,999k",
        "999500,1M",
        "1540000,1.54M",
        "14.8e12,14800B",
        "NaN,n/a",
        "-Infinity,n/a"
    })
    void compactKeepsThreeDigits(double value, String text) {
        assertThat(Numbers.compact(value)).isEqualTo(text);
    }

    @Test
    void durationsReadAsClocks() {
        assertThat(Numbers.duration(58.4)).isEqualTo("0:58");
        assertThat(Numbers.duration(725)).isEqualTo("12:05");
        assertThat(Numbers.duration(3723)).isEqualTo("1:02:03");
        assertThat(Numbers.duration(-1)).isEqualTo("0:00");
        assertThat(Numbers.duration(Double.POSITIVE_INFINITY)).isEqualTo("-:--");
    }

    @ParameterizedTest
    @CsvSource({
        "1.41,5.6,6,1|2|3|4|5|6", "0,1200,6,0|200|400|600|800|1000|1200", "0,0.003,3,0|1e-3|2e-3|3e-3",
                "0,15000,3,0|5k|10k|15k",
        "-0.2,0.3,5,-0.2|-0.1|0|0.1|0.2|0.3", "2.30,2.32,4,2.300|2.305|2.310|2.315|2.320", "7,7,3,0|5|10|15",
                "0,0,2,-1|0|1"
    })
    void axesHaveRoundTicks(double min, double max, int count, String labels) {
        Axis axis = Axis.rounded(min, max, count);
        String[] found = Arrays.stream(axis.ticks()).mapToObj(axis::label).toArray(String[]::new);
        assertThat(String.join("|", found)).isEqualTo(labels);
        assertThat(axis.position(axis.max())).isEqualTo(1);
    }

    @Test
    void stepsAreWhole() {
        assertThat(Axis.whole(0, 2, 6).ticks()).containsExactly(0, 1, 2);
        assertThat(Axis.whole(1, 1234, 6).ticks()).containsExactly(500, 1000);
        assertThat(Axis.whole(9, 9, 6).ticks()).containsExactly(9);
    }

    @Test
    void movingAveragesStartAtOnceAndLeaveOutWhatIsNotFinite() {
        double[] of = MovingAverage.of(new double[] {Double.NaN, 4, Double.POSITIVE_INFINITY, 2}, 100);
        assertThat(of).containsExactly(Double.NaN, 4, 4, 2);
        double[] step = new double[2000];
        Arrays.fill(step, 1000, 2000, 1);
        double[] smooth = MovingAverage.of(step, 10);
        assertThat(smooth[1006]).isBetween(0.5, 0.6); // 1 - 0.9^7
        assertThat(smooth[1999]).isBetween(0.999, 1.0);
    }

    @Test
    void maxVioIsTheExcessOfTheFullestExpert() {
        var row = new StepMetrics(1, 1, 1, 0, 0, 0, 0, 0, 0, new long[][] {{3, 3, 3}, {0, 9, 3}, {0, 0, 0}});
        assertThat(row.maxVio(0)).isZero();
        assertThat(row.maxVio(1)).isEqualTo(1.25);
        assertThat(row.maxVio(2)).isNaN();
    }
}
