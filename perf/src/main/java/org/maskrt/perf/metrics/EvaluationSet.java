package org.maskrt.perf.metrics;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.NpyArray;
import org.maskrt.models.image.NpzFile;

/** One of the two sets that are compared: a folder of pictures, or an archive with pictures, features or statistics. */
final class EvaluationSet implements AutoCloseable {
    private final Path path;
    private final @Nullable NpzFile archive;
    private final @Nullable Pictures pictures;

    /**
     * Opens a set.
     *
     * @param size of a folder's pictures, as {@link FolderPictures} has it
     * @throws MaskRtException if it cannot be read, or holds nothing that can be compared
     */
    EvaluationSet(Path path, int size) {
        this.path = path;
        if (Files.isDirectory(path)) {
            archive = null;
            pictures = new FolderPictures(path, size);
            return;
        }
        archive = NpzFile.open(path);
        try {
            pictures = hasPictures(archive) ? new ArchivePictures(archive) : null;
            if (pictures == null && !hasStatistics(Feature.POOL) && features() == FeatureSource.NONE) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        path
                                + ": expected pictures (arr_0), features (pool, spatial, logits, probabilities) or statistics"
                                + " (mu, sigma, mu_s, sigma_s), found " + archive.names()
                                + "; name the arrays that way");
            }
        } catch (RuntimeException e) {
            archive.close();
            throw e;
        }
    }

    private static boolean hasPictures(NpzFile archive) {
        if (!archive.has(ArchivePictures.KEY)) {
            return false;
        }
        try (NpyArray array = archive.array(ArchivePictures.KEY)) {
            return array.type() == NpyArray.Type.UINT8;
        }
    }

    Path path() {
        return path;
    }

    /** Its pictures, if it has any. */
    @Nullable
    Pictures pictures() {
        return pictures;
    }

    /** The features that it holds. */
    FeatureSource features() {
        if (archive == null) {
            return FeatureSource.NONE;
        }
        ArchiveFeatures features = new ArchiveFeatures(archive);
        return features.has().isEmpty() ? FeatureSource.NONE : features;
    }

    /** Whether it holds the mean and the covariance of a feature. */
    boolean hasStatistics(Feature feature) {
        String suffix = suffix(feature);
        return archive != null && suffix != null && archive.has("mu" + suffix) && archive.has("sigma" + suffix);
    }

    /** The names of ADM's reference batches: mu and sigma of the pool features, mu_s and sigma_s of the spatial ones. */
    private static @Nullable String suffix(Feature feature) {
        return switch (feature) {
            case POOL -> "";
            case SPATIAL -> "_s";
            case PROBABILITIES -> null;
        };
    }

    /**
     * The statistics of a feature.
     *
     * @throws MaskRtException if they have other shapes, or are not finite
     */
    Gaussian statistics(Feature feature) {
        if (archive == null || !hasStatistics(feature)) {
            throw new IllegalStateException(path + " has no statistics of " + feature.key());
        }
        try (NpyArray mean = archive.array("mu" + suffix(feature));
                NpyArray covariance = archive.array("sigma" + suffix(feature))) {
            long width = mean.shape().length == 1 ? mean.shape()[0] : 0;
            if (width < 1
                    || width > Gaussian.MAX_WIDTH
                    || !Arrays.equals(covariance.shape(), new long[] {width, width})) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        mean.name() + ": expected a mean [D] and a covariance [D,D] with D up to "
                                + Gaussian.MAX_WIDTH + ", received "
                                + Arrays.toString(mean.shape()) + " and " + Arrays.toString(covariance.shape())
                                + "; write them again");
            }
            Gaussian gaussian = new Gaussian(values(mean), values(covariance));
            if (!Arrays.stream(gaussian.mean()).allMatch(Double::isFinite)
                    || !Arrays.stream(gaussian.covariance()).allMatch(Double::isFinite)) {
                throw new MaskRtException(
                        ExitCode.NOT_FINITE,
                        mean.name() + ": expected finite statistics, received NaN or infinity; compute them again");
            }
            return gaussian;
        }
    }

    private static double[] values(NpyArray array) {
        double[] values =
                new double[Math.toIntExact(Arrays.stream(array.shape()).reduce(1, (a, b) -> a * b))];
        array.read(values, 0, values.length);
        return values;
    }

    @Override
    public void close() {
        if (archive != null) {
            archive.close();
        }
    }
}
