package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import org.maskrt.models.ops.Params;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.trainer.Streams.Purpose;
import org.maskrt.trainer.data.Batch;

/**
 * Reconstruction of pictures through a small bottleneck: L1 of the pixels, L1 of their differences to the right and below (which keeps edges
 * sharp where no perceptual network is at hand), and a small KL term to the unit normal (Rombach et al., 2022, appendix G). All are means per value.
 */
final class AutoencoderObjective implements Objective {
    private final AutoencoderKl model;
    private final AutoencoderTraining config;
    private final Streams streams;
    private final LongFunction<Batch> batches;

    /** @param batches the pictures of a step, [B,3,S,S] */
    AutoencoderObjective(
            AutoencoderKl model, AutoencoderTraining config, Streams streams, LongFunction<Batch> batches) {
        this.model = model;
        this.config = config;
        this.streams = streams;
        this.batches = batches;
    }

    @Override
    public List<String> metrics() {
        return List.of("l1", "edge", "kl");
    }

    @Override
    public TrainStep prepare(long step) {
        Batch batch = batches.apply(step);
        AutoencoderKlConfig sizes = model.config();
        int side = sizes.sampleSize() / sizes.downsampling();
        int latent = sizes.latentChannels() * side * side;
        return new Reconstruction(batch, streams.normal(Purpose.POSTERIOR, step, batch.labels().length * latent));
    }

    private final class Reconstruction implements TrainStep {
        private final Batch batch;
        private final float[] noise;

        /** @param noise of the posterior, [B,L,h,w] */
        Reconstruction(Batch batch, float[] noise) {
            this.batch = batch;
            this.noise = noise;
        }

        @Override
        public int size() {
            return batch.labels().length;
        }

        @Override
        public NDArray loss(NdOps ops, Params<NDArray> p, Rows rows, Map<String, Float> metrics) {
            int size = model.config().sampleSize();
            int channels = model.config().inChannels();
            NDArray x = ops.constant(rows.of(batch.values(), size()), rows.size(), channels, size, size);
            NDArray moments = model.encode(ops, p, x);
            int latent = model.config().latentChannels();
            List<NDArray> parts = ops.split(moments, 1, latent, latent);
            NDArray mean = parts.get(0);
            NDArray logVariance = parts.get(1).clip(-30, 20);
            NDArray epsilon = ops.constant(rows.of(noise, size()), NdOps.dims(mean));
            NDArray z = ops.add(mean, ops.mul(ops.exp(ops.scale(logVariance, 0.5f)), epsilon));
            NDArray y = model.decode(ops, p, z);

            NDArray error = ops.sub(y, x);
            NDArray l1 = error.abs().mean();
            NDArray edge = difference(ops, error, 2, size)
                    .abs()
                    .mean()
                    .add(difference(ops, error, 3, size).abs().mean());
            NDArray kl = ops.scale(
                    mean.square().add(ops.exp(logVariance)).sub(logVariance).mean(), 0.5f);
            metrics.put("l1", l1.getFloat());
            metrics.put("edge", edge.getFloat());
            metrics.put("kl", kl.getFloat() - 0.5f);
            return l1.add(ops.scale(edge, (float) config.edgeWeight())).add(ops.scale(kl, (float) config.klWeight()));
        }
    }

    private static NDArray difference(NdOps ops, NDArray x, int axis, int size) {
        return ops.sub(ops.slice(x, axis, 1, size), ops.slice(x, axis, 0, size - 1));
    }
}
