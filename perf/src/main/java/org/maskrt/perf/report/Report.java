package org.maskrt.perf.report;

import java.util.List;

/**
 * A page.
 *
 * @param title of it
 * @param subtitle below the title
 * @param sections in order
 */
public record Report(String title, String subtitle, List<Section> sections) {
    public Report {
        sections = List.copyOf(sections);
    }

    /**
     * A part of the page.
     *
     * @param heading empty for none
     * @param blocks in order; figures that follow one another stand side by side where there is room
     */
    public record Section(String heading, List<Block> blocks) {
        public Section {
            blocks = List.copyOf(blocks);
        }
    }

    /** The page as HTML that is well-formed XML too, complete in itself. */
    public String html() {
        return HtmlPage.of(this);
    }
}
