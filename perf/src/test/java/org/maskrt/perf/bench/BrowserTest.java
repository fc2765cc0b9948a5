package org.maskrt.perf.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.perf.compare.Comparisons;

/** The page as a browser shows it: nothing to complain of, every plot there, and all of it on a phone's width. */
@Tag("browser")
class BrowserTest {
    private static final List<String> BROWSERS =
            List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome");
    private static final int PHONE = 390;

    /** What the page looks like from inside, written where the browser's output shows it. */
    private static final String PROBE = """
            <script>
            addEventListener('load', () => {
              const page = document.querySelector('iframe').contentDocument;
              const box = e => e.getBoundingClientRect();
              const plots = [...page.querySelectorAll('svg.plot')].map(svg => {
                const s = box(svg);
                const out = [...svg.querySelectorAll('text')].filter(t => {
                  const b = box(t);
                  return b.left < s.left - 1 || b.right > s.right + 1 || b.top < s.top - 1 || b.bottom > s.bottom + 1;
                });
                const size = Math.min(...[...svg.querySelectorAll('text')].map(t => box(t).height));
                return {title: svg.getAttribute('aria-label'), width: s.width, height: s.height,
                        marks: svg.querySelectorAll('polyline,circle,rect').length,
                        outside: out.map(t => t.textContent), textHeight: size};
              });
              const root = page.documentElement;
              const found = {plots, scrollWidth: root.scrollWidth, broken: [...page.images].filter(i => !i.naturalWidth).length, clientWidth: root.clientWidth,
                             font: getComputedStyle(page.body).fontFamily};
              document.body.dataset.found = btoa(unescape(encodeURIComponent(JSON.stringify(found))));
            });
            </script>""";

    private static @Nullable Path browser() {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .flatMap(folder -> BROWSERS.stream().map(name -> Path.of(folder, name)))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
    }

    static Stream<Arguments> pages() {
        BenchResult full = Results.full();
        return Stream.of(
                Arguments.of(
                        Named.of(
                                "bench",
                                BenchReport.of(full, Comparison.of(Path.of("old.json"), full, full))
                                        .html()),
                        BenchReportTest.FIGURES),
                Arguments.of(Named.of("compare", Comparisons.page()), Comparisons.FIGURES));
    }

    @ParameterizedTest
    @MethodSource("pages")
    void aPhoneShowsAllOfIt(String html, List<String> figures, @TempDir Path folder) throws Exception {
        Path browser = browser();
        assumeTrue(browser != null, "skipped: there is no Chromium on the PATH (Debian: apt-get install chromium)");
        String framed =
                "<!DOCTYPE html><body><iframe width=\"" + PHONE + "\" height=\"800\" style=\"border:0\" srcdoc=\""
                        + html.replace("&", "&amp;").replace("\"", "&quot;") + "\"></iframe>" + PROBE + "</body>";
        Path page = Files.writeString(folder.resolve("page.html"), framed);
        Path errors = folder.resolve("errors.txt");
        String dom = run(browser, folder, page, errors);

        List<String> complaints = Files.readAllLines(errors).stream()
                .filter(line -> line.contains("CONSOLE"))
                .toList();
        assertEquals(List.of(), complaints);
        JsonNode found = found(dom);
        Set<String> titles = new HashSet<>();
        for (JsonNode plot : found.path("plots")) {
            titles.add(plot.path("title").asText());
            assertTrue(plot.path("width").asDouble() > 300, "too narrow: " + plot);
            assertTrue(plot.path("height").asDouble() > 100, "too low: " + plot);
            assertTrue(plot.path("marks").asInt() > 1, "nothing is drawn: " + plot);
            assertTrue(plot.path("textHeight").asDouble() >= 10, "the text is too small to read: " + plot);
            assertTrue(plot.path("outside").isEmpty(), "text is cut off: " + plot);
        }
        assertEquals(new HashSet<>(figures), titles);
        assertEquals(0, found.path("broken").asInt(-1), "pictures do not load");
        assertTrue(
                found.path("scrollWidth").asInt() <= found.path("clientWidth").asInt(),
                "the page is wider than the screen: " + found);
        assertTrue(found.path("clientWidth").asInt() <= PHONE, found.toString());
        assertFalse(found.path("font").asText().isEmpty());
    }

    private static String run(Path browser, Path folder, Path page, Path errors)
            throws IOException, InterruptedException {
        Path out = folder.resolve("dom.html");
        Process process = new ProcessBuilder(
                        browser.toString(),
                        "--headless",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--no-first-run",
                        "--user-data-dir=" + folder.resolve("profile"),
                        "--enable-logging=stderr",
                        "--virtual-time-budget=5000",
                        "--dump-dom",
                        page.toUri().toString())
                .redirectOutput(out.toFile())
                .redirectError(errors.toFile())
                .start();
        assertTrue(process.waitFor(120, TimeUnit.SECONDS), "the browser did not end");
        return Files.readString(out);
    }

    private static JsonNode found(String dom) throws IOException {
        String mark = "data-found=\"";
        int from = dom.indexOf(mark);
        assertTrue(from >= 0, "the page did not load: " + dom.substring(0, Math.min(dom.length(), 300)));
        String text = dom.substring(from + mark.length(), dom.indexOf('"', from + mark.length()));
        return new ObjectMapper().readTree(Base64.getDecoder().decode(text));
    }
}
