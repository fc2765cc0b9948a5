package org.maskrt.perf.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/**
 * What a variant must keep; null where anything will do.
 *
 * @param minPsnr of {@link CompareResult#meanPsnr}, in decibels
 * @param minSsim of {@link CompareResult#meanSsim}
 * @param minSnr of {@link CompareResult#leastDrift}, in decibels
 * @param maxAccuracyLoss of {@link CompareResult.Accuracy#loss}, in percentage points
 * @param maxTimeRatio of the median ratio of every {@link CompareResult.Time}
 */
public record Tolerances(
        @Nullable Double minPsnr,
        @Nullable Double minSsim,
        @Nullable Double minSnr,
        @Nullable Double maxAccuracyLoss,
        @Nullable Double maxTimeRatio) {
    /** Whether any is given. */
    public boolean any() {
        return minPsnr != null || minSsim != null || minSnr != null || maxAccuracyLoss != null || maxTimeRatio != null;
    }

    /** What {@code result} does not keep, in a few words each. */
    public List<String> failures(CompareResult result) {
        List<String> failures = new ArrayList<>();
        atLeast(failures, "--min-psnr", minPsnr, "a mean PSNR of %.2f dB", result.meanPsnr());
        Double ssim = result.meanSsim();
        atLeast(failures, "--min-ssim", minSsim, "a mean SSIM of %.4f", ssim == null ? Double.NaN : ssim);
        atLeast(failures, "--min-snr", minSnr, "%.2f dB after every step", result.leastDrift());
        CompareResult.Accuracy accuracy = result.accuracy();
        double loss = accuracy == null ? Double.NaN : 100 * accuracy.loss();
        atMost(failures, "--max-accuracy-loss", maxAccuracyLoss, "an accuracy loss of %.2f %%", loss);
        double ratio = result.times().stream()
                .mapToDouble(time -> time.ratio().middle())
                .max()
                .orElse(Double.NaN);
        atMost(failures, "--max-time-ratio", maxTimeRatio, "%.3f of the time", ratio);
        return failures;
    }

    /** @throws MaskRtException (TOLERANCE) if {@code result} does not keep all of them */
    public void require(CompareResult result) {
        List<String> failures = failures(result);
        if (!failures.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.TOLERANCE,
                    result.b().name() + " against " + result.a().name() + ": " + String.join("; ", failures)
                            + "; see where it departs, or allow more");
        }
    }

    private static void atLeast(
            List<String> failures, String option, @Nullable Double least, String what, double received) {
        if (least != null && !(received >= least)) {
            failures.add("expected " + text(what, least) + " at least (" + option + "), received " + number(received));
        }
    }

    private static void atMost(
            List<String> failures, String option, @Nullable Double most, String what, double received) {
        if (most != null && !(received <= most)) {
            failures.add("expected " + text(what, most) + " at most (" + option + "), received " + number(received));
        }
    }

    private static String text(String what, double value) {
        return String.format(Locale.ROOT, what, value);
    }

    private static String number(double value) {
        return Double.isNaN(value) ? "no figure" : String.format(Locale.ROOT, "%.4f", value);
    }
}
