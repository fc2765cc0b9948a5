package org.maskrt.perf.compare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.StringReader;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class CompareReportTest {
    private static final String PNG = "data:image/png;base64,";

    @Test
    void thePageIsWholeAndOnItsOwn() throws Exception {
        String html = Comparisons.page();
        Document page = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(html)));
        var headings = page.getElementsByTagName("h3");
        List<String> titles = IntStream.range(0, headings.getLength())
                .mapToObj(i -> headings.item(i).getTextContent())
                .toList();
        Comparisons.FIGURES.forEach(title -> assertTrue(titles.contains(title), title + " is missing among " + titles));
        assertEquals(
                Comparisons.FIGURES.size(), page.getElementsByTagName("svg").getLength());
        var images = page.getElementsByTagName("img");
        assertEquals(3 * 12, images.getLength());
        for (int i = 0; i < images.getLength(); i++) {
            String source = ((Element) images.item(i)).getAttribute("src");
            assertTrue(source.startsWith(PNG), source);
            byte[] png = Base64.getDecoder().decode(source.substring(PNG.length()));
            assertEquals(16, ImageIO.read(new ByteArrayInputStream(png)).getWidth());
        }
        String rest = html.replaceAll("src=\"" + PNG + "[^\"]*\"", "").toLowerCase(Locale.ROOT);
        for (String foreign :
                List.of("http:", "https:", "//", "<script", "src=", "href=", "@import", "url(", "nan", "infinity")) {
            assertFalse(rest.contains(foreign), "the page has '" + foreign + "'");
        }
        assertTrue(html.contains("maskrt compare model model:fp16"));
        assertTrue(html.contains("model:fp16 &lt;&amp;&gt;"));
        assertTrue(html.contains("expected more"));
        assertTrue(html.contains("denoiser blocks.9.attn.qkv departs first, at 39.7 dB (limit 40.0 dB)"));
    }

    @Test
    void figuresOfAllPictures() {
        CompareResult result = Comparisons.full().result();
        // the first pair is equal, and counts as if one of 768 bytes differed by one
        assertEquals(Double.POSITIVE_INFINITY, result.pictures().get(0).psnr());
        double sum = 10 * Math.log10(255 * 255 * 768);
        for (CompareResult.Picture picture : result.pictures().subList(1, 14)) {
            sum += Math.min(picture.psnr(), 10 * Math.log10(255 * 255 * 768));
        }
        assertEquals(sum / 14, result.meanPsnr(), 1e-9);
        assertEquals(45, result.leastDrift(), 1e-9);
        String json = result.json();
        assertTrue(json.contains("\"mean_psnr\" : ") && json.contains("\"least_drift\" : 45.0"), json);
        assertTrue(json.contains("\"psnr\" : \"Infinity\"") && json.contains("\"loss\" : 0.0"), json);
    }

    @Test
    void equalVariants() {
        Compare.Outcome full = Comparisons.full();
        CompareResult r = full.result();
        CompareResult equal = new CompareResult(
                r.schema(),
                r.run(),
                r.a(),
                r.a(),
                List.of(new CompareResult.Step(1, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY)),
                new CompareResult.Paths(
                        1,
                        List.of(1),
                        40,
                        r.paths() == null ? List.of() : r.paths().rows().subList(0, 1)),
                r.pictures().subList(0, 1),
                List.of(),
                null);
        assertEquals(Double.POSITIVE_INFINITY, equal.meanPsnr());
        assertNull(equal.paths() == null ? null : equal.paths().first());
        String html = CompareReport.of(equal, full, null).html();
        assertTrue(html.contains("no path departs by more than 40.0 dB"), html);
        assertFalse(html.contains("<svg"));
        new Tolerances(100.0, 1.0, 100.0, null, null).require(equal);
    }

    @Test
    void tolerancesInOneLine() {
        CompareResult result = Comparisons.full().result();
        assertFalse(new Tolerances(null, null, null, null, null).any());
        new Tolerances(10.0, 0.1, 45.0, 0.6, 0.9).require(result);
        MaskRtException e =
                assertThrows(MaskRtException.class, () -> new Tolerances(99.0, 0.9999, 46.0, 0.1, 0.5).require(result));
        assertEquals(ExitCode.TOLERANCE, e.code());
        String message = e.getMessage();
        assertTrue(
                message.startsWith("model:fp16 <&> against model: expected a mean PSNR of 99.00 dB at least"), message);
        for (String part : List.of(
                "(--min-psnr), received ",
                "expected a mean SSIM of 0.9999 at least (--min-ssim)",
                "expected 46.00 dB after every step at least (--min-snr), received 45.0000",
                "expected an accuracy loss of 0.10 % at most (--max-accuracy-loss), received 0.5000",
                "expected 0.500 of the time at most (--max-time-ratio), received 0.8000; see where it departs, or allow more")) {
            assertTrue(message.contains(part), message);
        }
        assertFalse(message.contains("\n"));
    }

    @Test
    void optionsOutOfRange() {
        MaskRtException e = assertThrows(MaskRtException.class, () -> new Compare.Options(0, 5, 40));
        assertEquals(ExitCode.USAGE, e.code());
        assertTrue(e.getMessage().contains("got --max-batch 0 --path-steps 5 --departs 40.0"), e.getMessage());
    }
}
