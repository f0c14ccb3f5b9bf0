package io.gatun.trainer.report;

import java.util.Arrays;

/**
 * The loads of one layer's experts over time as SVG: a row an expert, a column a stretch of steps, the colour the expert's load
 * over the mean load. One is balance; the scale is logarithmic, so that half and double are equally far from it.
 */
final class HeatMap {
    /** Edges between colours above one; those below are their inverses. Colours are the classes h0 to h10 of report.css. */
    static final double[] EDGES = {1.1, 1.25, 1.5, 2, 4};

    static final int COLOURS = 2 * EDGES.length + 1;

    private static final int WIDTH = 560, LEFT = 34, RIGHT = 14, TOP = 6, BOTTOM = 24;
    private static final double HIGHEST = 260;

    private final int layer;
    private final double[] from; // [columns] first step of each stretch
    private final double[] to; // [columns] last step
    private final double[][] ratio; // [columns, experts] load / mean load; NaN when nothing was routed

    private HeatMap(int layer, int columns) {
        this.layer = layer;
        from = new double[columns];
        to = new double[columns];
        ratio = new double[columns][];
    }

    /**
     * @param steps [samples] ascending
     * @param loads [samples, experts]
     * @param columns at most so many stretches; each adds up the loads of its samples
     */
    static HeatMap of(int layer, double[] steps, double[][] loads, int columns) {
        int stretches = Math.min(columns, steps.length);
        var map = new HeatMap(layer, stretches);
        for (int c = 0; c < stretches; c++) {
            int first = (int) ((long) c * steps.length / stretches), end = (int) ((c + 1L) * steps.length / stretches);
            double[] sum = new double[loads[first].length];
            for (int s = first; s < end; s++) {
                for (int e = 0; e < sum.length; e++) sum[e] += loads[s][e];
            }
            double mean = Arrays.stream(sum).average().orElse(0);
            map.from[c] = steps[first];
            map.to[c] = steps[end - 1];
            map.ratio[c] = Arrays.stream(sum).map(load -> load / mean).toArray();
        }
        return map;
    }

    double[][] ratio() {
        return ratio;
    }

    static int colour(double ratio) {
        int away = 0;
        double distance = ratio < 1 ? 1 / ratio : ratio;
        while (away < EDGES.length && distance >= EDGES[away]) away++;
        return ratio < 1 ? EDGES.length - away : EDGES.length + away;
    }

    String figure() {
        int columns = ratio.length, experts = columns == 0 ? 0 : ratio[0].length;
        var out = new Markup();
        out.add("<figure><figcaption><h3>Layer %d</h3></figcaption>\n", layer);
        if (experts == 0)
            return out.raw("<p class=\"empty\">no data yet</p></figure>\n").toString();
        double cell = Math.clamp(HIGHEST / experts, 1.5, 14);
        double wide = (double) (WIDTH - LEFT - RIGHT) / columns, high = cell * experts;
        out.add(
                "<svg viewBox=\"0 0 %d %.1f\" role=\"img\" aria-label=\"Expert load of layer %d\">\n",
                WIDTH, TOP + high + BOTTOM, layer);
        out.add(
                "<svg class=\"cells\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%.1f\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\">\n",
                LEFT, TOP, WIDTH - LEFT - RIGHT, high, columns, experts);
        for (int c = 0; c < columns; c++) {
            for (int e = 0; e < experts; e++) cell(out, c, e);
            out.raw("\n");
        }
        out.raw("</svg>\n");
        int every = (int) Axis.whole(0, Math.max(1, experts - 1), (int) Math.max(1, high / 30))
                .step();
        for (int e = 0; e < experts; e += Math.max(1, every)) {
            out.add("<text class=\"y\" x=\"%d\" y=\"%.1f\">%d</text>", LEFT - 6, TOP + (e + 0.5) * cell + 3.5, e);
        }
        timeAxis(out, wide, TOP + high);
        return out.raw("</svg></figure>\n").toString();
    }

    private void cell(Markup out, int c, int e) {
        double value = ratio[c][e];
        if (Double.isNaN(value)) return;
        String end = Numbers.grouped((long) to[c]);
        String steps = from[c] == to[c] ? "step " + end : "steps " + Numbers.grouped((long) from[c]) + " to " + end;
        out.raw("<path class=\"h" + colour(value) + "\" d=\"M" + c + " " + e + "h1v1h-1z\"><title>expert " + e + ", "
                + steps + ": " + Numbers.fixed(value, 2) + "</title></path>");
    }

    private void timeAxis(Markup out, double wide, double y) {
        int columns = ratio.length;
        Axis axis = Axis.whole(from[0], to[columns - 1], WIDTH / 90);
        for (double tick : axis.ticks()) {
            int c = 0;
            while (c < columns - 1 && to[c] < tick) c++;
            double at = LEFT + (c + 0.5) * wide;
            out.add("<path class=\"tick\" d=\"M%.1f %.1fv4\"/>", at, y);
            out.add("<text class=\"x\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", at, y + 17, axis.label(tick));
        }
    }

    /** The colours and what they mean, as one HTML element. */
    static String legend() {
        var out = new Markup().raw("<p class=\"scale\"><span>load ÷ mean load</span>");
        for (int c = 0; c < COLOURS; c++) {
            if (c > 0) {
                int edge = c - 1 - EDGES.length; // below zero: the inverses
                double value = edge < 0 ? 1 / EDGES[-1 - edge] : EDGES[edge];
                out.add("<b>%s</b>", Numbers.fixed(value, 2).replaceAll("\\.?0+$", ""));
            }
            out.add(
                    "<svg viewBox=\"0 0 1 1\" preserveAspectRatio=\"none\"><path class=\"h%d\" d=\"M0 0h1v1h-1z\"/></svg>",
                    c);
        }
        return out.raw("</p>\n").toString();
    }
}
