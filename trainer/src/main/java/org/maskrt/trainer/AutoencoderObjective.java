package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ops.Params;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.trainer.Streams.Purpose;
import org.maskrt.trainer.data.Batch;
import org.maskrt.trainer.data.Batches;

/**
 * Reconstruction of pictures through a small bottleneck: L1 of the pixels, L1 of their differences to the right and below (which keeps edges
 * sharp where no perceptual network is at hand), and a small KL term to the unit normal (Rombach et al., 2022, appendix G). All are means per value.
 */
final class AutoencoderObjective implements Objective {
    private final NdOps ops;
    private final AutoencoderKl model;
    private final AutoencoderTraining config;
    private final Streams streams;
    private final Batches batches;

    AutoencoderObjective(NdOps ops, AutoencoderKl model, AutoencoderTraining config, Streams streams, Batches batches) {
        this.ops = ops;
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
    public NDArray loss(Params<NDArray> p, long step, Map<String, Float> metrics) {
        Batch batch = batches.next();
        int size = model.config().sampleSize();
        NDArray x = ops.constant(
                batch.values(), batch.labels().length, model.config().inChannels(), size, size);
        NDArray moments = model.encode(ops, p, x);
        int latent = model.config().latentChannels();
        List<NDArray> parts = ops.split(moments, 1, latent, latent);
        NDArray mean = parts.get(0);
        NDArray logVariance = parts.get(1).clip(-30, 20);
        int[] d = NdOps.dims(mean);
        NDArray noise = ops.constant(streams.normal(Purpose.POSTERIOR, step, d[0] * d[1] * d[2] * d[3]), d);
        NDArray z = ops.add(mean, ops.mul(ops.exp(ops.scale(logVariance, 0.5f)), noise));
        NDArray y = model.decode(ops, p, z);

        NDArray error = ops.sub(y, x);
        NDArray l1 = error.abs().mean();
        NDArray edge = difference(error, 2, size)
                .abs()
                .mean()
                .add(difference(error, 3, size).abs().mean());
        NDArray kl = ops.scale(
                mean.square().add(ops.exp(logVariance)).sub(logVariance).mean(), 0.5f);
        metrics.put("l1", l1.getFloat());
        metrics.put("edge", edge.getFloat());
        metrics.put("kl", kl.getFloat() - 0.5f);
        return l1.add(ops.scale(edge, (float) config.edgeWeight())).add(ops.scale(kl, (float) config.klWeight()));
    }

    private NDArray difference(NDArray x, int axis, int size) {
        return ops.sub(ops.slice(x, axis, 1, size), ops.slice(x, axis, 0, size - 1));
    }
}
