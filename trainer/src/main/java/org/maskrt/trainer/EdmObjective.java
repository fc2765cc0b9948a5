package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
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

    private final MaskDit model;
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
            MaskDit model, MaskDitTraining training, double labelDrop, Streams streams, LongFunction<Batch> latents) {
        this.model = model;
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
    public TrainStep prepare(long step) {
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
        MaskPlan plan =
                drops ? null : training.schedule().plan(b, model.tokens(), step, streams.of(Purpose.MASK, step));
        return new Denoising(noised, labels, plan);
    }

    private final class Denoising implements TrainStep {
        private final EdmLoss.Noised noised;
        private final long[] labels;
        private final @Nullable MaskPlan plan;

        Denoising(EdmLoss.Noised noised, long[] labels, @Nullable MaskPlan plan) {
            this.noised = noised;
            this.labels = labels;
            this.plan = plan;
        }

        @Override
        public int size() {
            return labels.length;
        }

        @Override
        public NDArray loss(NdOps ops, Params<NDArray> p, Rows rows, Map<String, Float> metrics) {
            EdmLoss loss = new EdmLoss(ops, model.config(), training.maeWeight());
            EdmLoss.Noised part = noised.rows(rows);
            int b = rows.size();
            MaskPlan seen = plan == null ? null : rows.of(plan);
            metrics.put("mask_ratio", seen == null ? 0 : 1 - seen.keep().dim(1) / (float) model.tokens());
            NDArray denoised = model.denoised(
                    ops,
                    p,
                    ops.constant(part.noisy(), model.sampleDims(b)),
                    ops.constant(loss.edm().scaling(part.sigma()), b, 3),
                    ops.constant(Edm.noise(part.sigma()), b),
                    ops.indices(Arrays.copyOfRange(labels, rows.from(), rows.to()), b),
                    seen == null ? null : seen.on(ops));
            return loss.of(denoised, part, seen).mean();
        }
    }
}
