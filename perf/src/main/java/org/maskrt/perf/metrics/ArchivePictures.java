package org.maskrt.perf.metrics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.NpyArray;
import org.maskrt.models.image.NpzFile;
import org.maskrt.models.image.RgbImage;

/** The uint8 array [n,H,W,3] {@code arr_0} of an archive. */
final class ArchivePictures implements Pictures {
    static final String KEY = "arr_0";

    private static final int CHANNELS = 3;
    private static final long MAX_PIXELS = 178_956_970;

    private final NpzFile archive;
    private final int count;
    private final int height;
    private final int width;

    /** @throws MaskRtException if the array has another shape */
    ArchivePictures(NpzFile archive) {
        this.archive = archive;
        try (NpyArray array = archive.array(KEY)) {
            long[] shape = array.shape();
            if (shape.length != 4
                    || shape[0] < 1
                    || shape[0] > Integer.MAX_VALUE
                    || shape[1] < 1
                    || shape[2] < 1
                    || shape[1] > MAX_PIXELS / shape[2]
                    || shape[3] != CHANNELS) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        array.name() + ": expected pictures [n,H,W,3], received " + Arrays.toString(shape)
                                + "; write the array in this order");
            }
            count = (int) shape[0];
            height = (int) shape[1];
            width = (int) shape[2];
        }
    }

    @Override
    public int count() {
        return count;
    }

    @Override
    public List<String> names() {
        return List.of();
    }

    @Override
    public Cursor open() {
        NpyArray array = archive.array(KEY);
        return new Cursor() {
            private int next;

            @Override
            public List<RgbImage> next(int most) {
                List<RgbImage> images = new ArrayList<>();
                for (int i = 0; i < most && next < count; i++, next++) {
                    RgbImage image = new RgbImage(width, height);
                    array.read(image.pixels(), 0, image.pixels().length);
                    images.add(image);
                }
                return images;
            }

            @Override
            public void close() {
                array.close();
            }
        };
    }
}
