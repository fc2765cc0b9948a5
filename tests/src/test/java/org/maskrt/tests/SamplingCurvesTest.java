package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;
import org.maskrt.perf.SamplingCurves;
import org.maskrt.perf.SamplingCurves.Measured;
import org.maskrt.perf.SamplingCurves.Way;
import org.maskrt.perf.SamplingReport;
import org.maskrt.perf.metrics.Gaussian;
import org.maskrt.runtime.DiffusionPipeline;
import org.maskrt.runtime.GenerationResult;
import org.maskrt.runtime.GuidanceOptions;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.Sampling;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

class SamplingCurvesTest {
    @TempDir
    Path temp;

    /** Calls the first half of the classes right; a picture's features are its mean and that of its first half. */
    private static final SamplingCurves.Judge JUDGE = new SamplingCurves.Judge() {
        @Override
        public int right(GenerationResult result) {
            return (int) result.labels().stream().filter(label -> label < 5).count();
        }

        @Override
        public Tensor features(List<RgbImage> pictures) {
            float[] values = new float[2 * pictures.size()];
            for (int i = 0; i < pictures.size(); i++) {
                byte[] pixels = pictures.get(i).pixels();
                for (int p = 0; p < pixels.length; p++) {
                    values[2 * i] += (pixels[p] & 0xff) / 255f / pixels.length;
                    values[2 * i + 1] += p < pixels.length / 2 ? (pixels[p] & 0xff) / 255f / pixels.length : 0;
                }
            }
            return Tensor.of(values, pictures.size(), 2);
        }

        @Override
        public Gaussian real() {
            return new Gaussian(new double[2], new double[4]);
        }
    };

    @Test
    void waysStandBesideTheFirst() throws Exception {
        Path folder = SampledModel.export(temp.resolve("model"), ExportOptions.DEFAULT);
        GuidanceOptions guidance = GuidanceOptions.of(new Guidance.Linear(3, 1000));
        List<Way> ways = List.of(
                new Way("ddim", 8, Sampling.ddim("8"), guidance),
                new Way("ddim", 4, Sampling.ddim("4"), guidance),
                new Way("reuse", 1e-9, Sampling.ddim("8"), guidance.withReuse(1e-9)),
                new Way("reuse", 1e9, Sampling.ddim("8"), guidance.withReuse(1e9)));
        List<Measured> measured;
        try (DiffusionPipeline pipeline = DiffusionPipeline.open(folder, PipelineOptions.DEFAULT)) {
            measured = SamplingCurves.run(
                    pipeline, ways, new SamplingCurves.Pictures(2, 5), JUDGE, (what, done, total) -> {});
        }
        assertEquals(
                List.of(16.0, 8.0, 16.0, 9.0),
                measured.stream().map(Measured::passes).toList());
        assertEquals(
                List.of(0.5, 0.5, 0.5, 0.5),
                measured.stream().map(Measured::accuracy).toList());
        assertEquals(1, measured.get(0).ratio().middle());
        assertEquals(Double.POSITIVE_INFINITY, measured.get(0).psnr());
        assertTrue(
                measured.get(2).psnr() > 45,
                "rounding alone: " + measured.get(2).psnr());
        assertTrue(
                measured.get(1).psnr() < measured.get(2).psnr(),
                "other steps: " + measured.get(1).psnr());
        // about the origin without variance, the distance is the mean square
        assertTrue(measured.get(0).distance() > 0 && measured.get(0).distance() < 2);
        assertEquals(measured.get(0).distance(), measured.get(2).distance(), 1e-2);

        String html = SamplingReport.of(measured, "model", 20, "maskrt bench sampling model")
                .html();
        Document page = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(html.replace("<!DOCTYPE html>", ""))));
        assertEquals(3, page.getElementsByTagName("svg").getLength());
        assertEquals(4 + 1, page.getElementsByTagName("tr").getLength());
        assertTrue(html.contains("maskrt bench sampling model"));
    }

    @Test
    void oneTurnAtLeast() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> new SamplingCurves.Pictures(0, 0));
        assertTrue(e.getMessage().startsWith("pictures of each class: expected 1 or more, got 0"), e.getMessage());
    }

    @Test
    void aFolderThatIsNoneIsNamed() {
        StringWriter err = new StringWriter();
        int exit = Main.run(
                new PrintWriter(new StringWriter()),
                new PrintWriter(err, true),
                "bench",
                "sampling",
                temp.resolve("none").toString());
        assertEquals(1, exit);
        assertTrue(err.toString().contains("model_index.json"), err.toString());
    }
}
