package org.maskrt.calibration;

import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** Chooses the magnitude above which values saturate: a smaller one costs the largest values, and gives the others finer steps. */
public sealed interface ClippingMethod {
    /** The threshold for values with these magnitudes; 0 if all of them are zero. */
    double threshold(Histogram magnitudes, Format format);

    /** As it is written in tables and on the command line; {@link #parse} reads it. */
    String label();

    /** {@code minmax}, {@code percentile:P}, {@code entropy} or {@code mse}. @throws MaskRtException (USAGE) for anything else */
    static ClippingMethod parse(String label) {
        String percentile = "percentile:";
        if (label.startsWith(percentile)) {
            try {
                return new Percentile(Double.parseDouble(label.substring(percentile.length())));
            } catch (NumberFormatException e) {
                throw new MaskRtException(ExitCode.USAGE, unknown(label), e);
            }
        }
        return switch (label) {
            case "minmax" -> new MinMax();
            case "entropy" -> new Entropy();
            case "mse" -> new MeanSquaredError();
            default -> throw new MaskRtException(ExitCode.USAGE, unknown(label));
        };
    }

    private static String unknown(String label) {
        return "clipping method: expected minmax, percentile:P (as percentile:99.99), entropy or mse, received '"
                + label + "'; name one of them";
    }

    /** Nothing saturates. */
    record MinMax() implements ClippingMethod {
        @Override
        public double threshold(Histogram magnitudes, Format format) {
            return magnitudes.max();
        }

        @Override
        public String label() {
            return "minmax";
        }
    }

    /**
     * The smallest edge of a bin below which {@code percent} of the values lie, and at most the largest magnitude.
     *
     * @param percent above 0, at most 100
     */
    record Percentile(double percent) implements ClippingMethod {
        /** @throws MaskRtException (USAGE) for another range */
        public Percentile {
            if (!(percent > 0 && percent <= 100)) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        "clipping method: expected a percentile above 0 and at most 100, received " + percent
                                + "; give one as percentile:99.99");
            }
        }

        @Override
        public double threshold(Histogram magnitudes, Format format) {
            long[] counts = magnitudes.counts();
            double wanted = percent / 100 * magnitudes.total();
            long seen = 0;
            int bin = -1;
            while (bin < counts.length - 1 && (bin < 0 || seen < wanted)) {
                seen += counts[++bin];
            }
            return Math.min(magnitudes.max(), (bin + 1) * magnitudes.width());
        }

        @Override
        public String label() {
            return "percentile:" + percent;
        }
    }

    /**
     * The smallest Kullback-Leibler divergence of the distribution that saturates to the one that is rounded (Migacz 2017, "8-bit Inference with
     * TensorRT"), in its form for sums that differ (Csiszar 1975). Bins are put together as the format rounds their centres.
     */
    record Entropy() implements ClippingMethod {
        @Override
        public double threshold(Histogram magnitudes, Format format) {
            return new ClipSearch(magnitudes, format).entropy();
        }

        @Override
        public String label() {
            return "entropy";
        }
    }

    /** The smallest mean squared error of rounding and saturating (Sung, Shin and Hwang 2015; Banner, Nahshan and Soudry 2019). */
    record MeanSquaredError() implements ClippingMethod {
        @Override
        public double threshold(Histogram magnitudes, Format format) {
            return new ClipSearch(magnitudes, format).meanSquaredError();
        }

        @Override
        public String label() {
            return "mse";
        }
    }
}
