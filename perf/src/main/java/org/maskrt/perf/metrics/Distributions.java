package org.maskrt.perf.metrics;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Tensor;

/** What is kept of the features of one set while they pass by: nothing grows with their number but the rows for precision and recall. */
final class Distributions implements AutoCloseable {
    private final EvaluationSet set;
    private final FeatureSource source;
    private final Map<Feature, Gaussian> gaussians = new EnumMap<>(Feature.class);
    private final Map<Feature, GaussianFit> fits = new EnumMap<>(Feature.class);
    private @Nullable InceptionScore score;
    private @Nullable FeatureRows rows;
    private int seen;

    /** @param source of the features that the set's statistics do not make up for */
    Distributions(EvaluationSet set, FeatureSource source) {
        this.set = set;
        this.source = source;
    }

    /** Whether the distribution of a feature can be had. */
    boolean hasGaussian(Feature feature) {
        return set.hasStatistics(feature) || source.has().contains(feature);
    }

    boolean has(Feature feature) {
        return source.has().contains(feature);
    }

    /**
     * Reads the features once.
     *
     * @param fitted the features whose distributions are wanted
     * @param isScored whether the Inception Score is wanted
     * @param kept how many rows of pool features to keep, spread evenly over the set; 0 for none
     * @throws MaskRtException (NOT_FINITE) if a feature is NaN or infinite
     */
    void read(Set<Feature> fitted, boolean isScored, int kept, EvaluationListener listener) {
        Set<Feature> wanted = EnumSet.noneOf(Feature.class);
        for (Feature feature : fitted) {
            if (set.hasStatistics(feature)) {
                gaussians.put(feature, set.statistics(feature));
            } else {
                wanted.add(feature);
            }
        }
        Set<Feature> streamed = EnumSet.copyOf(wanted);
        if (isScored) {
            streamed.add(Feature.PROBABILITIES);
        }
        if (kept > 0) {
            streamed.add(Feature.POOL);
        }
        if (streamed.isEmpty()) {
            return;
        }
        source.read(streamed, batch -> {
            int n = batch.values().iterator().next().dim(0);
            batch.forEach((feature, tensor) -> requireFinite(feature, tensor));
            for (Feature feature : wanted) {
                Tensor tensor = get(batch, feature);
                fits.computeIfAbsent(feature, f -> fit(f, tensor.dim(1))).add(tensor);
            }
            if (isScored) {
                Tensor tensor = get(batch, Feature.PROBABILITIES);
                score = score == null ? new InceptionScore(tensor.dim(1)) : score;
                score.add(tensor);
            }
            if (kept > 0) {
                keep(get(batch, Feature.POOL), kept);
            }
            seen += n;
            listener.progress(set.path().toString(), seen, source.count());
        });
        for (Feature feature : wanted) {
            gaussians.put(feature, fitted(feature));
        }
    }

    private Gaussian fitted(Feature feature) {
        GaussianFit fit = fits.get(feature);
        if (fit == null || fit.rows() < 2) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    set.path() + ": expected two pictures or more for a distribution, received " + seen
                            + "; add pictures");
        }
        fits.remove(feature);
        try (fit) {
            return fit.fit();
        }
    }

    private GaussianFit fit(Feature feature, int width) {
        if (width > Gaussian.MAX_WIDTH) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    set.path() + ": expected at most " + Gaussian.MAX_WIDTH + " " + feature.key()
                            + " features, received " + width + "; their covariance would not fit memory, take fewer");
        }
        return new GaussianFit(width);
    }

    private void keep(Tensor pool, int kept) {
        rows = rows == null ? new FeatureRows(pool.dim(1)) : rows;
        for (int i = 0; i < pool.dim(0); i++) {
            long index = (long) seen + i;
            long count = source.count();
            if (count <= kept || (index + 1) * kept / count > index * kept / count) {
                rows.add(pool.rows(i, i + 1));
            }
        }
    }

    private void requireFinite(Feature feature, Tensor tensor) {
        int width = tensor.dim(1);
        for (int i = 0; i < tensor.size(); i++) {
            if (!Float.isFinite(tensor.values()[i])) {
                throw new MaskRtException(
                        ExitCode.NOT_FINITE,
                        set.path() + ": expected finite features, received " + tensor.values()[i] + " in "
                                + feature.key() + " of picture " + (seen + i / width)
                                + "; check that picture and the graph");
            }
        }
    }

    private static Tensor get(Map<Feature, Tensor> batch, Feature feature) {
        Tensor tensor = batch.get(feature);
        if (tensor == null) {
            throw new IllegalStateException("no " + feature.key() + " came");
        }
        return tensor;
    }

    Gaussian gaussian(Feature feature) {
        Gaussian gaussian = gaussians.get(feature);
        if (gaussian == null) {
            throw new IllegalStateException("the distribution of " + feature.key() + " was not asked for");
        }
        return gaussian;
    }

    double inceptionScore() {
        if (score == null) {
            throw new IllegalStateException("the Inception Score was not asked for");
        }
        return score.value();
    }

    FeatureRows rows() {
        if (rows == null) {
            throw new IllegalStateException("no rows were asked for");
        }
        return rows;
    }

    @Override
    public void close() {
        fits.values().forEach(GaussianFit::close);
        if (rows != null) {
            rows.close();
        }
    }
}
