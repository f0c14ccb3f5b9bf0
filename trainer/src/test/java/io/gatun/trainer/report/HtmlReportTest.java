package io.gatun.trainer.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class HtmlReportTest {
    @TempDir
    Path folder;

    private static RunSummary summary() {
        var configuration = new LinkedHashMap<String, String>();
        configuration.put("model.hidden_size", "192");
        configuration.put("data.valid", "a <b> & \"c\"");
        var result = new LinkedHashMap<String, String>();
        result.put("time", "1:58");
        return new RunSummary("small <1>", configuration, result, "telescope:", " a \u0000 \ud800 <tube>\n");
    }

    /** The page as XML, which inline SVG has to be; HTML would forgive much. */
    private Document report() throws Exception {
        String page = Files.readString(HtmlReport.write(folder, summary()));
        assertThat(page).doesNotContain("NaN", "Infinity", "http:", "https:", "<script", "<link", "url(");
        var source = new InputSource(new StringReader(page.replaceFirst("<!DOCTYPE html>\n", "")));
        return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(source);
    }

    private static long count(Document page, String tag, String styleClass) {
        long count = 0;
        var all = page.getElementsByTagName(tag);
        for (int i = 0; i < all.getLength(); i++) {
            if (((Element) all.item(i)).getAttribute("class").matches(styleClass)) count++;
        }
        return count;
    }

    private void train(int steps) {
        try (MetricsCsv csv = MetricsCsv.start(folder, Rows.LAYERS, Rows.EXPERTS, 1)) {
            csv.heldOut(0, 8);
            Rows.write(csv, 1, steps, 8000);
        }
    }

    @Test
    void showsEveryCurveAndAHeatMapForEachLayer() throws Exception {
        train(200);
        Document page = report();
        String text = page.getDocumentElement().getTextContent();
        assertThat(text)
                .contains("Loss", "Held-out text", "Learning rate", "Gradient norm", "Throughput", "MaxVio per layer")
                .contains("Layer 1", "Layer 2", "Layer 5", "layer 5")
                .contains("small <1>", "a <b> & \"c\"", " a \ufffd \ufffd <tube>")
                .contains("expert 6, steps 198 to 200: ")
                .doesNotContain("no data yet");
        assertThat(count(page, "path", "h\\d+")).isEqualTo(3 * 7 * 80 + HeatMap.COLOURS); // the cells and the scale
        assertThat(count(page, "g", "thin")).isEqualTo(4); // loss, MTP loss, norm, throughput
        assertThat(count(page, "g", "thick")).isEqualTo(5 + 3);
        assertThat(count(page, "circle", "")).isEqualTo(1 + 66);
        assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
    }

    @Test
    void anEmptyFolderGivesAReportThatSaysSo() throws Exception {
        Document page = report();
        assertThat(page.getDocumentElement().getTextContent())
                .contains("no data yet", "n/a")
                .doesNotContain("MaxVio");
        assertThat(count(page, "p", "empty")).isEqualTo(5);
    }

    @Test
    void oneStepIsEnough() throws Exception {
        train(1);
        assertThat(count(report(), "path", "h\\d+")).isEqualTo(3 * 7 + HeatMap.COLOURS);
    }

    @Test
    void whatIsNotFiniteLeavesGaps() throws Exception {
        double nan = Double.NaN, infinite = Double.POSITIVE_INFINITY;
        try (MetricsCsv csv = MetricsCsv.start(folder, Rows.LAYERS, Rows.EXPERTS, 1)) {
            csv.heldOut(0, nan);
            csv.step(Rows.at(1));
            csv.step(new StepMetrics(2, 2048, 8, nan, nan, nan, 0, infinite, infinite, new long[3][7])); // no loads
            csv.step(Rows.at(3));
            csv.heldOut(3, infinite);
        }
        Document page = report();
        assertThat(count(page, "path", "h\\d+")).isEqualTo(2 * 3 * 7 + HeatMap.COLOURS);
        assertThat(count(page, "p", "empty")).isEqualTo(1); // the held-out text
    }

    @Test
    void aDenseModelHasNoExperts() throws Exception {
        try (MetricsCsv csv = MetricsCsv.start(folder, new int[0], 0, 1)) {
            csv.step(new StepMetrics(1, 9, 1, 5.5, Double.NaN, 0, 1e-3, 1, 100, new long[0][]));
        }
        assertThat(report().getDocumentElement().getTextContent())
                .doesNotContain("MaxVio", "Expert load", "multi-token prediction");
    }

    @Test
    void manyLayersOfManyExpertsStayReadable() throws Exception {
        int[] layers = {3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
        try (MetricsCsv csv = MetricsCsv.start(folder, layers, 256, 1)) {
            for (int step = 1; step <= 20; step++) {
                csv.step(new StepMetrics(step, step, 1, 2, 2, 0, 1e-3, 1, 100, new long[10][256]));
            }
        }
        HtmlReport.write(folder, summary());
        assertThat(folder.resolve("report.html")).content().contains("viewBox=\"0 0 9 256\""); // columns, experts
    }

    @Test
    void theLocalePlaysNoPart() throws Exception {
        train(30);
        String page = Files.readString(HtmlReport.write(folder, summary()));
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
        try {
            assertThat(Files.readString(HtmlReport.write(folder, summary()))).isEqualTo(page);
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void aBadNumberIsAnErrorThatNamesItsPlace() throws IOException {
        train(3);
        Files.writeString(folder.resolve("heldout.csv"), "step,bits_per_byte\n1,2.5\n2,much\n");
        assertThatThrownBy(() -> HtmlReport.write(folder, summary()))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("heldout.csv line 3: bits_per_byte is \"much\", not a number");
    }
}
