package org.maskrt.perf.report;

import java.util.List;

/** Something that is drawn. */
public sealed interface Plot permits XyPlot, Waterfall, Bars {
    /** The drawing, an {@code svg} element. */
    String svg(String title);

    /** Of the drawing, in its pixels. */
    int height();

    /** What its colours mean; empty where there is one colour, or the drawing says it. */
    List<Key> legend();

    /**
     * A colour of the legend.
     *
     * @param name what it stands for
     * @param colour 0 to 5
     */
    record Key(String name, int colour) {}
}
