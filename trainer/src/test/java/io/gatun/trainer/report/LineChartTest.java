package io.gatun.trainer.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.gatun.trainer.report.LineChart.Line;
import io.gatun.trainer.report.LineChart.Width;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LineChartTest {
    private static String draw(LineChart chart, double... y) {
        double[] x = IntStream.rangeClosed(1, y.length).asDoubleStream().toArray();
        return chart.add(new Line("value", "red", "thick", x, y)).figure();
    }

    private static LineChart chart() {
        return new LineChart("Title", "Note.", Width.HALF, 230);
    }

    private static String path(String figure) {
        return figure.replaceAll("(?s).*<g class=\"thick\"[^>]*><path d=\"([^\"]*)\".*", "$1");
    }

    @Test
    void joinsPointsAndBreaksAtGaps() {
        String path = path(draw(chart().fromZero(), 0, 10, Double.NaN, 5, 0));
        assertThat(path).isEqualTo("M0.0 194.0h0L123.5 0.0M370.5 97.0h0L494.0 194.0"); // a drawing of 494 by 194
    }

    @Test
    void thinsLongLinesButKeepsTheirSpikes() {
        double[] y = new double[100_003];
        Arrays.fill(y, 1);
        y[54_321] = 0;
        y[77_777] = 2;
        String path = path(draw(chart(), y));
        assertThat(path.chars().filter(c -> c == 'L').count()).isLessThan(900);
        assertThat(path).contains(" 194.0L", " 0.0L");
    }

    @Test
    void cutsOffASteepStartAndSaysSo() {
        double[] y = new double[200];
        for (int i = 0; i < y.length; i++) y[i] = i < 5 ? 1e30 : 2 + 0.001 * (i % 7);
        assertThat(draw(chart().cropAbove(0.95), y))
                .contains("up to 1000000000000000000000B, are cut off", ">2.006<", "M0.0 -100000.0h0L2.5 ")
                .doesNotContain("B<");
        assertThat(draw(chart(), y)).contains("B<").doesNotContain("cut off");
    }

    @Test
    void everyStripTellsTheValuesNearby() {
        String figure = draw(chart(), 3.2509, 1.5);
        assertThat(figure).contains("<title>step 1\nvalue: 3.251</title>", "<title>step 2\nvalue: 1.5</title>");
    }

    @Test
    void nothingToDrawIsSaid() {
        assertThat(chart().figure()).contains("no data yet");
        assertThat(draw(chart(), Double.NaN, Double.NEGATIVE_INFINITY)).contains("no data yet");
    }
}
