package org.maskrt.perf.metrics;

import java.util.List;
import org.maskrt.models.image.RgbImage;

/** Pictures of one size, in an order that is always the same. */
interface Pictures {
    /** Reads them once, from the first to the last. */
    interface Cursor extends AutoCloseable {
        /**
         * The next {@code most} pictures or, at the end, fewer.
         *
         * @throws org.maskrt.models.MaskRtException if one cannot be read, or is not of the size of the first
         */
        List<RgbImage> next(int most);

        @Override
        void close();
    }

    int count();

    /** What each is called, without the ending of its file; empty where they have no names. */
    List<String> names();

    /** A cursor before the first picture. */
    Cursor open();
}
