package org.maskrt.perf.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.StringReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

class BenchReportTest {
    static final List<String> FIGURES = List.of(
            "Latency against batch",
            "Distribution at batch 1",
            "Round by round at batch 1",
            "Stages of a generation",
            "Roofline",
            "Where the work is, batch 1");

    @Test
    void thePageIsWholeAndOnItsOwn() throws Exception {
        BenchResult full = Results.full();
        String html = BenchReport.of(full, Comparison.of(Path.of("old.json"), full, full))
                .html();
        Document page = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(html)));
        assertEquals("html", page.getDocumentElement().getTagName());
        List<String> titles = titles(page);
        FIGURES.forEach(title -> assertTrue(titles.contains(title), title + " is missing among " + titles));
        assertEquals(FIGURES.size(), page.getElementsByTagName("svg").getLength());
        String lower = html.toLowerCase(Locale.ROOT);
        for (String foreign :
                List.of("http:", "https:", "//", "<script", "src=", "href=", "@import", "url(", "nan", "infinity")) {
            assertFalse(lower.contains(foreign), "the page has '" + foreign + "'");
        }
        assertTrue(html.contains("maskrt bench DiT-S/8 --batch 1,2,4"));
        assertTrue(html.contains("eager &lt;torch&gt; &amp; &quot;co&quot;"));
        assertTrue(html.contains("ort-cpu is faster than eager"));
        assertTrue(html.contains("The machine was busy"));
        assertTrue(html.contains("0 slower, 0 faster, 8 without a difference"));
    }

    private static List<String> titles(Document page) {
        var headings = page.getElementsByTagName("h3");
        return IntStream.range(0, headings.getLength())
                .mapToObj(i -> headings.item(i).getTextContent())
                .toList();
    }

    /** One configuration alone, of a graph whose cost is not known. */
    @Test
    void aPageWithoutTheRest() {
        String html = BenchReport.of(Results.of(Results.times(10, 5, 1)), null).html();
        assertTrue(html.contains("Latency against batch"));
        assertFalse(html.contains("Roofline"));
        assertFalse(html.contains("Round by round"));
    }
}
