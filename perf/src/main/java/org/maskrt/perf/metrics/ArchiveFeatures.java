package org.maskrt.perf.metrics;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.NpyArray;
import org.maskrt.models.image.NpzFile;
import org.maskrt.models.ops.Tensor;

/**
 * Arrays [n,D] of an archive: {@code pool} (or a floating-point {@code arr_0}), {@code spatial}, and {@code probabilities} or {@code logits}.
 */
final class ArchiveFeatures implements FeatureSource {
    static final String LOGITS = "logits";

    private static final int ROWS_AT_ONCE = 256;
    private static final int MAX_WIDTH = 1 << 16;

    private final NpzFile archive;
    private final Map<Feature, String> keys = new EnumMap<>(Feature.class);
    private final int count;

    /** @throws MaskRtException if the arrays have other shapes, or not one number of rows */
    ArchiveFeatures(NpzFile archive) {
        this.archive = archive;
        int rows = 0;
        for (Feature feature : Feature.values()) {
            String key = key(archive, feature);
            if (key != null) {
                rows = rows(archive, key, rows);
                keys.put(feature, key);
            }
        }
        count = rows;
    }

    private static @Nullable String key(NpzFile archive, Feature feature) {
        if (archive.has(feature.key())) {
            return feature.key();
        }
        return switch (feature) {
            case POOL -> isFloat(archive, ArchivePictures.KEY) ? ArchivePictures.KEY : null;
            case SPATIAL -> null;
            case PROBABILITIES -> archive.has(LOGITS) ? LOGITS : null;
        };
    }

    private static boolean isFloat(NpzFile archive, String key) {
        if (!archive.has(key)) {
            return false;
        }
        try (NpyArray array = archive.array(key)) {
            return array.type() != NpyArray.Type.UINT8;
        }
    }

    private static int rows(NpzFile archive, String key, int others) {
        try (NpyArray array = archive.array(key)) {
            long[] shape = array.shape();
            if (shape.length != 2
                    || shape[0] < 1
                    || shape[1] < 1
                    || shape[0] > Integer.MAX_VALUE
                    || shape[1] > MAX_WIDTH
                    || (others != 0 && shape[0] != others)) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        array.name() + ": expected features [" + (others == 0 ? "n" : others) + ",D] with D up to "
                                + MAX_WIDTH + ", received " + Arrays.toString(shape)
                                + "; write one row for each picture");
            }
            return (int) shape[0];
        }
    }

    @Override
    public Set<Feature> has() {
        return keys.keySet();
    }

    @Override
    public int count() {
        return count;
    }

    @Override
    public void read(Set<Feature> wanted, Consumer<Map<Feature, Tensor>> sink) {
        Map<Feature, NpyArray> arrays = new EnumMap<>(Feature.class);
        try {
            for (Feature feature : wanted) {
                String key = keys.get(feature);
                if (key == null) {
                    throw new IllegalArgumentException(archive.path() + " has no " + feature.key());
                }
                arrays.put(feature, archive.array(key));
            }
            for (int from = 0; from < count; from += ROWS_AT_ONCE) {
                int n = Math.min(ROWS_AT_ONCE, count - from);
                Map<Feature, Tensor> rows = new EnumMap<>(Feature.class);
                arrays.forEach((feature, array) -> {
                    int width = (int) array.shape()[1];
                    float[] values = new float[n * width];
                    array.read(values, 0, values.length);
                    Tensor tensor = Tensor.of(values, n, width);
                    boolean areLogits = LOGITS.equals(keys.get(feature));
                    rows.put(feature, areLogits ? SoftmaxHead.softmax(tensor) : tensor);
                });
                sink.accept(rows);
            }
        } finally {
            arrays.values().forEach(NpyArray::close);
        }
    }
}
