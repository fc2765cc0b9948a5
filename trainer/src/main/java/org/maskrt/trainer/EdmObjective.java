package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.diffusion.Edm;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.mdt.MaskPlan;
import org.maskrt.models.ops.Params;
import org.maskrt.trainer.Streams.Purpose;
import org.maskrt.trainer.data.Batch;

/**
 * The training of a MaskDiT (Zheng et al., 2023): noise levels are log-normal (EDM, table 1), the encoder sees a part of the tokens, and some
 * batches lose their labels and then see all of them, as published.
 */
final class EdmObjective implements Objective {
    private static final double LOG_MEAN = -1.2;
    private static final double LOG_DEVIATION = 1.2;

    private final NdOps ops;
    private final MaskDit model;
    private final EdmLoss loss;
    private final MaskDitTraining training;
    private final double labelDrop;
    private final Streams streams;
    private final LongFunction<Batch> latents;

    /**
     * An objective.
     *
     * @param labelDrop the share of batches that lose their labels
     * @param latents the batch of a step, [B,C,h,w], scaled for the denoiser
     */
    EdmObjective(
            NdOps ops,
            MaskDit model,
            MaskDitTraining training,
            double labelDrop,
            Streams streams,
            LongFunction<Batch> latents) {
        this.ops = ops;
        this.model = model;
        this.loss = new EdmLoss(ops, model.config(), training.maeWeight());
        this.training = training;
        this.labelDrop = labelDrop;
        this.streams = streams;
        this.latents = latents;
    }

    /** The noise level of a standard normal draw. */
    static float sigma(float normal) {
        return (float) Math.exp(normal * LOG_DEVIATION + LOG_MEAN);
    }

    @Override
    public List<String> metrics() {
        return List.of("mask_ratio");
    }

    @Override
    public NDArray loss(Params<NDArray> p, long step, Map<String, Float> metrics) {
        Batch batch = latents.apply(step);
        int b = batch.labels().length;
        float[] sigma = streams.normal(Purpose.TIMESTEP, step, b);
        for (int i = 0; i < b; i++) {
            sigma[i] = sigma(sigma[i]);
        }
        EdmLoss.Noised noised =
                EdmLoss.Noised.of(batch.values(), sigma, streams.normal(Purpose.NOISE, step, batch.values().length));
        boolean drops = streams.of(Purpose.LABEL_DROP, step).nextDouble() < labelDrop;
        long[] labels = batch.labels().clone();
        if (drops) {
            Arrays.fill(labels, model.numClasses());
        }
        double ratio = drops ? 0 : training.maskRatio(step);
        MaskPlan plan = ratio == 0 ? null : plan(b, ratio, streams.of(Purpose.MASK, step));
        metrics.put("mask_ratio", (float) ratio);
        return loss.of(denoised(p, noised, labels, plan), noised, plan).mean();
    }

    private NDArray denoised(Params<NDArray> p, EdmLoss.Noised noised, long[] labels, @Nullable MaskPlan plan) {
        int b = labels.length;
        return model.denoised(
                ops,
                p,
                ops.constant(noised.noisy(), model.sampleDims(b)),
                ops.constant(loss.edm().scaling(noised.sigma()), b, 3),
                ops.constant(Edm.noise(noised.sigma()), b),
                ops.indices(labels, b),
                plan == null ? null : plan.on(ops));
    }

    private MaskPlan plan(int batch, double ratio, RandomGenerator random) {
        int tokens = model.tokens();
        float[] noise = new float[batch * tokens];
        for (int i = 0; i < noise.length; i++) {
            noise[i] = random.nextFloat();
        }
        return MaskPlan.of(noise, batch, tokens, Math.max(1, MaskPlan.kept(tokens, ratio)));
    }
}
