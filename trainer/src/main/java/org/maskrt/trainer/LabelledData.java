package org.maskrt.trainer;

import java.nio.file.Path;
import java.util.function.LongFunction;
import org.maskrt.models.Denoiser;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.maskdit.MaskDit;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.DenoiserTraining.MaskDitSizes;
import org.maskrt.trainer.Streams.Purpose;
import org.maskrt.trainer.data.Batch;
import org.maskrt.trainer.data.BatchOrder;
import org.maskrt.trainer.data.ImageSource;
import org.maskrt.trainer.data.LatentCache;

/** Latents of pictures of classes, for DiT, MDT and MaskDiT. */
final class LabelledData implements LatentData {
    private static final int ENCODED_AT_ONCE = 64;

    private final Denoiser model;
    private final DenoiserTraining training;
    private final Codec codec;
    private final LatentCache cache;
    private final Streams streams;

    private LabelledData(Denoiser model, DenoiserTraining training, Codec codec, LatentCache latents, Streams streams) {
        this.model = model;
        this.training = training;
        this.codec = codec;
        this.cache = latents;
        this.streams = streams;
    }

    /**
     * Encodes the pictures, as far as that was not done before.
     *
     * @param mirror whether half of them are mirrored
     */
    static LabelledData open(
            DenoiserTraining training, ImageSource source, boolean mirror, Codec codec, Cache cache, Streams streams) {
        Shape latent = codec.latent(source.size());
        Denoiser model = training.model().of(latent.dim(1), latent.dim(0), source.numClasses());
        LatentCache.Layout layout =
                new LatentCache.Layout(latent, mirror, ENCODED_AT_ONCE, Cache.SHARD_BYTES, cache.origin());
        LatentCache latents = LatentCache.open(cache.folder(), layout, source, codec::moments, cache.progress());
        return new LabelledData(model, training, codec, latents, streams);
    }

    @Override
    public Denoiser model() {
        return model;
    }

    @Override
    public Objective objective() {
        BatchOrder order = new BatchOrder(cache.count(), training.batch(), streams.seed());
        LongFunction<Batch> latents = step -> {
            Batch batch = cache.draw(order, step, streams.of(Purpose.POSTERIOR, step));
            codec.scale(batch.values());
            return batch;
        };
        if (model instanceof MaskDit maskDit && training.model() instanceof MaskDitSizes sizes) {
            return new EdmObjective(maskDit, sizes.masking(), training.labelDrop(), streams, latents);
        }
        return new DenoiserObjective(
                model, training.recipe(), streams, step -> new Labelled(latents.apply(step), model.numClasses()));
    }

    @Override
    public RgbImage preview(EagerModel average) {
        Tensor pictures = codec.decode(Previews.sample(average, model, training.preview(), streams));
        return Mosaic.of(pictures, training.preview().columns());
    }

    @Override
    public void finish(Path folder) {}

    @Override
    public void close() {
        cache.close();
    }
}
