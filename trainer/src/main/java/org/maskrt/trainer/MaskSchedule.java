package org.maskrt.trainer;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Checks;
import org.maskrt.models.mdt.MaskPlan;

/**
 * Which share of the tokens training hides at a step: drawn from [ratio, ratio + range] once for a batch (MDT v2), times the factor by which
 * unmasking tuning lets it fall (Zheng et al., 2023, section 3.4).
 *
 * @param ratio the least share; 0 hides nothing
 * @param range by how much a drawn share may be larger; 0 for a fixed share
 * @param unmasking how the share falls
 * @param unmaskFrom the step at which it begins to fall
 * @param unmaskSteps over how many steps it falls
 */
public record MaskSchedule(double ratio, double range, Unmasking unmasking, long unmaskFrom, long unmaskSteps) {
    /** Unmasking tuning. */
    public enum Unmasking {
        /** The share stays. */
        @JsonProperty("none")
        NONE,
        /** Nothing is hidden any more. */
        @JsonProperty("zero")
        ZERO,
        /** The share falls with the fourth power of a quarter cosine. */
        @JsonProperty("cosine")
        COSINE
    }

    /** @throws org.maskrt.models.MaskRtException (USAGE) for shares outside [0, 1) */
    public MaskSchedule {
        Checks.require(ratio >= 0 && ratio < 1, "masking", "mask_ratio", "in [0, 1)", ratio);
        Checks.require(range >= 0 && ratio + range < 1, "masking", "mask_range", "in [0, 1 - mask_ratio)", range);
        Checks.require(unmaskFrom >= 0, "masking", "unmask_from", "0 or more", unmaskFrom);
        Checks.require(unmaskSteps >= 0, "masking", "unmask_steps", "0 or more", unmaskSteps);
    }

    /** The same share at all steps. */
    public static MaskSchedule fixed(double ratio, double range) {
        return new MaskSchedule(ratio, range, Unmasking.NONE, 0, 0);
    }

    /** Whether it ever hides anything: with a ratio of 0 it does not, whatever the range. */
    boolean masks() {
        return ratio > 0;
    }

    /** What the share is multiplied by at a step. */
    double factor(long step) {
        if (unmasking == Unmasking.NONE || step < unmaskFrom) {
            return 1;
        }
        if (unmasking == Unmasking.ZERO || step >= unmaskFrom + unmaskSteps) {
            return 0;
        }
        return Math.pow(Math.cos(Math.PI / 2 * (step - unmaskFrom) / unmaskSteps), 4);
    }

    /** The plan of a batch; null where nothing is hidden. */
    @Nullable
    MaskPlan plan(int batch, int tokens, long step, RandomGenerator random) {
        double factor = masks() ? factor(step) : 0;
        int kept = range == 0
                ? MaskPlan.kept(tokens, ratio * factor)
                : MaskPlan.kept(tokens, (float) ((random.nextFloat() * (float) range + ratio) * factor));
        if (kept == tokens) {
            return null;
        }
        float[] noise = new float[batch * tokens];
        for (int i = 0; i < noise.length; i++) {
            noise[i] = random.nextFloat();
        }
        return MaskPlan.of(noise, batch, tokens, Math.max(1, kept));
    }
}
