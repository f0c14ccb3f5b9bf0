package io.gatun.trainer.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Lines over steps, drawn as SVG. What is not finite leaves a gap. */
final class LineChart {
    /**
     * One line.
     *
     * @param name in the legend and hover texts; empty: in neither
     * @param colour a CSS colour
     * @param style a class of report.css: {@code thin}, {@code thick} or {@code dots}
     * @param x [points] ascending
     * @param y [points]
     */
    record Line(String name, String colour, String style, double[] x, double[] y) {}

    /** What part of the page a chart takes: its width there, in units of its drawing. */
    enum Width {
        HALF(560),
        FULL(1140);

        private final int units;

        Width(int units) {
            this.units = units;
        }
    }

    private static final int LEFT = 52, RIGHT = 14, TOP = 10, BOTTOM = 26;
    private static final double FAR = 1e5; // off the drawing, yet a coordinate that every renderer can hold
    private static final int MARGIN = 3; // for half a dot and half a stroke at the edges
    private static final int POINTS = 900; // more than a chart has pixels are thinned
    private static final int STRIPS = 120; // hover texts across

    private final String title;
    private final String note;
    private final Width width;
    private final int height;
    private final List<Line> lines = new ArrayList<>();
    private boolean fromZero;
    private double topQuantile = 1;

    LineChart(String title, String note, Width width, int height) {
        this.title = title;
        this.note = note;
        this.width = width;
        this.height = height;
    }

    LineChart add(Line line) {
        lines.add(line);
        return this;
    }

    LineChart fromZero() {
        fromZero = true;
        return this;
    }

    /** Lets the largest values run out of the chart, so that a steep start does not flatten the rest. */
    LineChart cropAbove(double quantile) {
        topQuantile = quantile;
        return this;
    }

    /** The chart with its title and legend, as one HTML element. */
    String figure() {
        var out = new Markup();
        double[] values = lines.stream()
                .flatMapToDouble(l -> Arrays.stream(l.y))
                .filter(Double::isFinite)
                .sorted()
                .toArray();
        if (values.length == 0) {
            caption(out, note);
            return out.raw("<p class=\"empty\">no data yet</p></figure>\n").toString();
        }
        double top = values[(int) Math.ceil(topQuantile * (values.length - 1))];
        double largest = values[values.length - 1];
        // a crop has to win room that is worth its sentence
        boolean cropped = largest - values[0] > 1.3 * (top - values[0]);
        Axis y = Axis.rounded(fromZero ? Math.min(0, values[0]) : values[0], cropped ? top : largest, height / 36);
        caption(
                out,
                cropped ? note + " The highest values, up to " + Numbers.compact(largest) + ", are cut off." : note);
        Axis x = xAxis();
        out.add(
                "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
                width.units, height, Markup.escape(title));
        grid(out, x, y);
        lines(out, x, y);
        hover(out, x);
        return out.raw("</svg></figure>\n").toString();
    }

    private void caption(Markup out, String text) {
        out.add(
                "<figure%s><figcaption><h3>%s</h3><p>%s</p>",
                width == Width.FULL ? " class=\"full\"" : "", Markup.escape(title), Markup.escape(text));
        if (lines.stream().filter(l -> !l.name.isEmpty()).count() > 1) {
            out.raw("<ul class=\"legend\">");
            for (Line line : lines) {
                if (line.name.isEmpty()) continue;
                out.add(
                        "<li><i class=\"%s\" style=\"background:%s\"></i>%s</li>",
                        line.style, line.colour, Markup.escape(line.name));
            }
            out.raw("</ul>");
        }
        out.raw("</figcaption>\n");
    }

    private Axis xAxis() {
        double first = Double.POSITIVE_INFINITY, last = Double.NEGATIVE_INFINITY;
        for (Line line : lines) {
            if (line.x.length == 0) continue;
            first = Math.min(first, line.x[0]);
            last = Math.max(last, line.x[line.x.length - 1]);
        }
        return Axis.whole(first, last, width.units / 90);
    }

    private void grid(Markup out, Axis x, Axis y) {
        for (double tick : y.ticks()) {
            double at = TOP + innerHeight() * (1 - y.position(tick));
            out.add("<path class=\"grid\" d=\"M%d %.1fh%d\"/>", LEFT, at, innerWidth());
            out.add("<text class=\"y\" x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT - 7, at + 3.5, y.label(tick));
        }
        for (double tick : x.ticks()) {
            double at = LEFT + innerWidth() * x.position(tick);
            out.add("<path class=\"tick\" d=\"M%.1f %dv4\"/>", at, TOP + innerHeight());
            out.add("<text class=\"x\" x=\"%.1f\" y=\"%d\">%s</text>\n", at, height - 7, x.label(tick));
        }
        out.add("<path class=\"axis\" d=\"M%d %dh%d\"/>\n", LEFT, TOP + innerHeight(), innerWidth());
    }

    private void lines(Markup out, Axis x, Axis y) {
        int wide = innerWidth() + 2 * MARGIN, high = innerHeight() + MARGIN; // an inner svg clips what leaves it
        out.add("<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" ", LEFT - MARGIN, TOP - MARGIN, wide, high);
        out.add("viewBox=\"%d %d %d %d\">\n", -MARGIN, -MARGIN, wide, high);
        for (Line line : lines) line(out, line, x, y);
        out.raw("</svg>\n");
    }

    private void line(Markup out, Line line, Axis x, Axis y) {
        var path = new StringBuilder();
        var dots = new Markup();
        boolean pen = false; // down: the last point was drawn
        for (int i : kept(line.y)) {
            if (!Double.isFinite(line.y[i])) {
                pen = false;
                continue;
            }
            double px = innerWidth() * x.position(line.x[i]), py = innerHeight() * (1 - y.position(line.y[i]));
            py = Math.clamp(py, -FAR, FAR);
            path.append(pen ? 'L' : 'M')
                    .append(Numbers.fixed(px, 1))
                    .append(' ')
                    .append(Numbers.fixed(py, 1));
            if (!pen) path.append("h0"); // a lone point is seen too: the caps are round
            if (line.style.equals("dots")) dots.add("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>", px, py);
            pen = true;
        }
        out.add("<g class=\"%s\" style=\"color:%s\"><path d=\"%s\"/>", line.style, line.colour, path);
        if (line.style.equals("dots")) out.raw(dots.toString());
        out.raw("</g>\n");
    }

    /** The points to draw: all, or of each of many short stretches the lowest and the highest, so that spikes stay. */
    private static int[] kept(double[] y) {
        if (y.length <= POINTS) return IntStream.range(0, y.length).toArray();
        int stretches = POINTS / 2;
        int[] kept = new int[2 * stretches];
        for (int s = 0; s < stretches; s++) {
            int from = (int) ((long) s * y.length / stretches), to = (int) ((s + 1L) * y.length / stretches);
            int low = from, high = from;
            for (int i = from; i < to; i++) {
                if (y[i] < y[low] || Double.isNaN(y[low])) low = i;
                if (y[i] > y[high] || Double.isNaN(y[high])) high = i;
            }
            kept[2 * s] = Math.min(low, high);
            kept[2 * s + 1] = Math.max(low, high);
        }
        return kept;
    }

    private void hover(Markup out, Axis x) {
        int longest = lines.stream().mapToInt(l -> l.x.length).max().orElse(0);
        int strips = Math.clamp(longest, 1, STRIPS);
        double wide = (double) innerWidth() / strips;
        for (int s = 0; s < strips; s++) {
            double at = x.min() + (x.max() - x.min()) * (s + 0.5) / strips;
            var text = new StringBuilder();
            for (Line line : lines) {
                if (line.name.isEmpty() || line.x.length == 0) continue;
                int i = nearest(line.x, at);
                if (text.isEmpty()) text.append("step ").append(Numbers.grouped((long) line.x[i]));
                text.append('\n').append(line.name).append(": ").append(Numbers.significant(line.y[i], 4));
            }
            out.add(
                    "<rect class=\"hit\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\">",
                    LEFT + s * wide, TOP, wide, innerHeight());
            out.add("<title>%s</title></rect>\n", Markup.escape(text.toString()));
        }
    }

    private static int nearest(double[] ascending, double value) {
        int at = Arrays.binarySearch(ascending, value);
        if (at >= 0) return at;
        int above = -at - 1;
        if (above == 0) return 0;
        if (above == ascending.length) return above - 1;
        return value - ascending[above - 1] < ascending[above] - value ? above - 1 : above;
    }

    private int innerWidth() {
        return width.units - LEFT - RIGHT;
    }

    private int innerHeight() {
        return height - TOP - BOTTOM;
    }
}
