package org.maskrt.models.weights;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.MaskedDenoiser;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.vae.AutoencoderKl;

/**
 * How the weights that a model asks for differ from those that are there.
 *
 * @param missing keys that are not there
 * @param extra keys that no model asks for
 * @param misshapen keys with both shapes, as text
 */
public record WeightCheck(List<String> missing, List<String> extra, List<String> misshapen) {
    private static final int LISTED = 20;

    /** int64 buffers of published MDT files, which follow from the number of tokens. */
    private static final String DERIVED = "relative_position_index";

    public WeightCheck {
        missing = List.copyOf(missing);
        extra = List.copyOf(extra);
        misshapen = List.copyOf(misshapen);
    }

    /** Compares; {@code wanted} are the keys and shapes that a model asks for. */
    public static WeightCheck compare(Map<String, Shape> wanted, Weights have) {
        List<String> missing = new ArrayList<>();
        List<String> misshapen = new ArrayList<>();
        wanted.forEach((key, shape) -> {
            if (!have.keys().contains(key)) {
                missing.add(key);
            } else if (!have.shape(key).equals(shape)) {
                misshapen.add(key + " (expected " + shape + ", received " + have.shape(key) + ")");
            } else if (have.dtype(key).isIndices()) {
                misshapen.add(key + " (expected floating-point values, received " + have.dtype(key) + ")");
            }
        });
        List<String> extra = have.keys().stream()
                .filter(key -> !wanted.containsKey(key) && !isDerived(have, key))
                .toList();
        return new WeightCheck(missing, extra, misshapen);
    }

    private static boolean isDerived(Weights have, String key) {
        return have.dtype(key).isIndices() && (key.equals(DERIVED) || key.endsWith("." + DERIVED));
    }

    public boolean isComplete() {
        return missing.isEmpty() && extra.isEmpty() && misshapen.isEmpty();
    }

    /**
     * Throws unless complete.
     *
     * @param where the weights, for the message
     * @throws MaskRtException whose message lists what is missing, extra and misshapen
     */
    public void require(String where) {
        if (!isComplete()) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    where + ": these are not the weights of this model: " + summary()
                            + "; use the config.json that belongs to them");
        }
    }

    /** All differences on one line; of a long list the first ones and the count. */
    public String summary() {
        List<String> parts = new ArrayList<>();
        add(parts, "missing", missing);
        add(parts, "extra", extra);
        add(parts, "misshapen", misshapen);
        return parts.isEmpty() ? "complete" : String.join("; ", parts);
    }

    private static void add(List<String> parts, String what, List<String> keys) {
        if (!keys.isEmpty()) {
            String listed = keys.stream().limit(LISTED).map(Text::oneLine).collect(Collectors.joining(", "));
            String more = keys.size() > LISTED ? ", and " + (keys.size() - LISTED) + " more" : "";
            parts.add(keys.size() + " " + what + ": " + listed + more);
        }
    }

    /** Every weight of a denoiser, those of the side-interpolater included. */
    public static Map<String, Shape> wanted(Denoiser model) {
        CostOps ops = new CostOps();
        Shape sample = ops.input(model.sampleDims(1));
        Shape time = ops.input(1);
        Shape condition = ops.input(model.conditionDims(1));
        model.forward(ops, ops.params(), sample, time, condition);
        if (model instanceof MaskedDenoiser masked) {
            int tokens = masked.tokens();
            MaskPlan plan = MaskPlan.of(new float[tokens], 1, tokens, Math.max(1, tokens / 2));
            masked.forwardMasked(ops, ops.params(), sample, time, condition, plan.on(ops));
        }
        if (model instanceof Emd3c emd3c) {
            emd3c.collect(ops, ops.params(), emd3c.config().featureShapes(1));
        }
        return ops.weights();
    }

    /** Every weight of an autoencoder. */
    public static Map<String, Shape> wanted(AutoencoderKl model) {
        CostOps ops = new CostOps();
        int side = model.config().downsampling();
        model.encode(ops, ops.params(), ops.input(1, model.config().inChannels(), side, side));
        model.decode(ops, ops.params(), ops.input(1, model.config().latentChannels(), 1, 1));
        return ops.weights();
    }

    /** Every weight of an image encoder. */
    public static Map<String, Shape> wanted(DinoV2 model) {
        CostOps ops = new CostOps();
        int side = model.config().imageSize();
        model.forward(ops, ops.params(), ops.input(1, model.config().numChannels(), side, side));
        return ops.weights();
    }

    /**
     * Reads every value.
     *
     * @throws MaskRtException (NOT_FINITE) if there is NaN or infinity; the message names the first tensor that has any
     */
    public static void requireFinite(Weights weights) {
        Map<String, Long> bad = new LinkedHashMap<>();
        for (String key : weights.keys()) {
            if (!weights.dtype(key).isIndices()) {
                long count = notFinite(weights.tensor(key).values());
                if (count > 0) {
                    bad.put(key, count);
                }
            }
        }
        if (!bad.isEmpty()) {
            Map.Entry<String, Long> first = bad.entrySet().iterator().next();
            throw new MaskRtException(
                    ExitCode.NOT_FINITE,
                    weights.origin() + ": " + Text.quote(first.getKey()) + " has " + first.getValue()
                            + " values that are NaN or infinite in fp32, of "
                            + weights.shape(first.getKey()).size()
                            + " (" + bad.size() + " of " + weights.keys().size() + " tensors have some)"
                            + "; use an earlier checkpoint");
        }
    }

    private static long notFinite(float[] values) {
        long bad = 0;
        for (float value : values) {
            if (!Float.isFinite(value)) {
                bad++;
            }
        }
        return bad;
    }
}
