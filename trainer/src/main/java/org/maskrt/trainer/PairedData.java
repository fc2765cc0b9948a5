package org.maskrt.trainer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.maskrt.models.Denoiser;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Pixels;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.emd3c.Emd3cConfig.Kind;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Component;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.trainer.Emd3cSizes.SourceSizes;
import org.maskrt.trainer.Streams.Purpose;
import org.maskrt.trainer.data.BatchOrder;
import org.maskrt.trainer.data.LatentCache;
import org.maskrt.trainer.data.Pair;
import org.maskrt.trainer.data.PairSource;
import org.maskrt.trainer.data.Shards;

/**
 * Latents of scenes and of scenes with a blanked box, and features of objects and boxes, for an E-MD3C. All of it is encoded once: of a scene the
 * mean and log-variance, from which a latent is drawn anew at each step, of the blanked scene and the object the mean, as sampling has it.
 */
final class PairedData implements LatentData {
    private static final int ENCODED_AT_ONCE = 16;
    private static final String TARGET = "target";
    private static final String HINT = "hint";
    private static final String SOURCE = "source.";

    private final Emd3c model;
    private final DenoiserTraining training;
    private final Codec codec;
    private final Pictures pictures;
    private final Shards shards;
    private final Streams streams;

    /**
     * Pairs and what an E-MD3C sees of them.
     *
     * @param pairs the objects and scenes
     * @param size height and width of the square of the scene
     */
    record Pictures(PairSource pairs, int size) {
        private RgbImage target(Pair pair) {
            return Placement.of(pair.target(), pair.box()).target(pair.target(), size);
        }

        private RgbImage hint(Pair pair) {
            return Placement.of(pair.target(), pair.box()).hint(pair.target(), size);
        }

        private static RgbImage source(Emd3cConfig.Source source, Pair pair, int side) {
            return source.isOfBox()
                    ? Placement.of(pair.target(), pair.box()).boxPicture(side)
                    : Placement.object(pair.object(), pair.mask(), side);
        }

        private static Tensor floats(List<RgbImage> images, int side) {
            float[] values = new float[images.size() * 3 * side * side];
            for (int i = 0; i < images.size(); i++) {
                images.get(i).toFloats(values, i * 3 * side * side);
            }
            return Tensor.of(values, images.size(), 3, side, side);
        }
    }

    private PairedData(
            Emd3c model, DenoiserTraining training, Codec codec, Pictures pictures, Shards shards, Streams streams) {
        this.model = model;
        this.training = training;
        this.codec = codec;
        this.pictures = pictures;
        this.shards = shards;
        this.streams = streams;
    }

    /** Encodes the pairs, as far as that was not done before. */
    static PairedData open(
            DenoiserTraining training, Emd3cSizes sizes, Pictures pictures, Codec codec, Cache cache, Streams streams) {
        Shape latent = codec.latent(pictures.size());
        Emd3c model = sizes.of(latent.dim(1), latent.dim(0), 0);
        Map<String, Shape> items = new LinkedHashMap<>();
        items.put(TARGET, latent.with(0, 2 * latent.dim(0)));
        items.put(HINT, latent);
        List<Emd3cConfig.Source> sources = model.config().sources();
        for (Emd3cConfig.Source s : sources) {
            items.put(SOURCE + s.name(), s.kind() == Kind.LATENT ? latent : Shape.of(s.tokens(), s.width()));
        }
        StringBuilder origin = new StringBuilder(cache.origin());
        Map<String, Component<DinoV2>> encoders = new LinkedHashMap<>();
        Map<String, EagerModel> loaded = new HashMap<>();
        try {
            for (SourceSizes source : sizes.sources()) {
                if (source.kind() == Kind.FEATURE) {
                    Component<DinoV2> encoder = encoders.computeIfAbsent(
                            source.encoder(), folder -> Component.openImageEncoder(Path.of(folder)));
                    origin.append(", ")
                            .append(source.name())
                            .append(" by image encoder ")
                            .append(encoder.sha256());
                }
            }
            Shards.Encoder encode = (from, count) -> {
                List<Pair> pairs = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    pairs.add(pictures.pairs().get(from + i));
                }
                Map<String, Tensor> encoded = new HashMap<>();
                int size = pictures.size();
                encoded.put(
                        TARGET,
                        codec.moments(Pictures.floats(
                                pairs.stream().map(pictures::target).toList(), size)));
                encoded.put(
                        HINT,
                        codec.means(Pictures.floats(
                                pairs.stream().map(pictures::hint).toList(), size)));
                for (int s = 0; s < sources.size(); s++) {
                    Emd3cConfig.Source source = sources.get(s);
                    SourceSizes how = sizes.sources().get(s);
                    int side = source.kind() == Kind.LATENT ? size : how.imageSize();
                    List<RgbImage> images = pairs.stream()
                            .map(pair -> Pictures.source(source, pair, side))
                            .toList();
                    Component<DinoV2> encoder = encoders.get(how.encoder());
                    encoded.put(
                            SOURCE + source.name(),
                            encoder == null
                                    ? codec.means(Pictures.floats(images, side))
                                    : loaded.computeIfAbsent(
                                                    how.encoder(),
                                                    folder -> new EagerModel(encoder.weights(), codec.device()))
                                            .run(
                                                    (ops, p, in) ->
                                                            encoder.model().tokens(ops, p, in.get(0)),
                                                    DinoV2Pixels.of(images, side, side)));
                }
                return encoded;
            };
            Shards.Layout layout = new Shards.Layout(
                    items, pictures.pairs().count(), ENCODED_AT_ONCE, Cache.SHARD_BYTES, origin.toString());
            Shards shards = Shards.open(cache.folder(), layout, encode, cache.progress());
            return new PairedData(model, training, codec, pictures, shards, streams);
        } finally {
            loaded.values().forEach(EagerModel::close);
            encoders.values().forEach(Component::close);
        }
    }

    @Override
    public Denoiser model() {
        return model;
    }

    @Override
    public Objective objective() {
        BatchOrder order = new BatchOrder(shards.count(), training.batch(), streams.seed());
        return new DenoiserObjective(model, training.recipe(), streams, step -> {
            long[] rows = new long[training.batch()];
            for (int i = 0; i < rows.length; i++) {
                rows[i] = order.index(step, i);
            }
            return batch(rows, streams.of(Purpose.POSTERIOR, step));
        });
    }

    /** The pairs of these indices; latents of scenes are drawn. */
    Paired batch(long[] rows, RandomGenerator noise) {
        Tensor moments = shards.read(TARGET, rows);
        int length = moments.size() / rows.length / 2;
        float[] latents = new float[rows.length * length];
        for (int i = 0; i < rows.length; i++) {
            LatentCache.sample(moments.rows(i, i + 1).values(), noise, latents, i * length);
        }
        codec.scale(latents);
        Shape shape = moments.shape();
        return new Paired(
                model, Tensor.of(latents, shape.with(1, shape.dim(1) / 2)), latent(HINT, rows), features(rows));
    }

    private List<Tensor> features(long[] rows) {
        return model.config().sources().stream()
                .map(s -> s.kind() == Kind.LATENT
                        ? latent(SOURCE + s.name(), rows)
                        : shards.read(SOURCE + s.name(), rows))
                .toList();
    }

    private Tensor latent(String name, long[] rows) {
        Tensor latent = shards.read(name, rows);
        codec.scale(latent.values());
        return latent;
    }

    /** Objects, blanked scenes, what the model draws, and the scenes, a row each. */
    @Override
    public RgbImage preview(EagerModel average) {
        int count = (int) Math.min(training.preview().columns(), shards.count());
        long[] rows = new long[count];
        List<RgbImage> objects = new ArrayList<>();
        List<RgbImage> hints = new ArrayList<>();
        List<RgbImage> targets = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            rows[i] = i;
            Pair pair = pictures.pairs().get(i);
            objects.add(Placement.object(pair.object(), pair.mask(), pictures.size()));
            hints.add(pictures.hint(pair));
            targets.add(pictures.target(pair));
        }
        Tensor drawn = codec.decode(Previews.customise(
                average,
                model,
                training.preview(),
                new Previews.Conditions(latent(HINT, rows), features(rows)),
                streams));
        List<RgbImage> all = new ArrayList<>(objects);
        all.addAll(hints);
        int side = pictures.size();
        for (int i = 0; i < count; i++) {
            all.add(RgbImage.of(drawn.values(), i * 3 * side * side, side, side));
        }
        all.addAll(targets);
        return Mosaic.of(Pictures.floats(all, side), count);
    }

    /** The image encoders, so that the folder can draw objects into scenes by itself. */
    @Override
    public void finish(Path folder) {
        Set<String> encoders = new LinkedHashSet<>();
        if (training.model() instanceof Emd3cSizes sizes) {
            sizes.sources().stream().filter(s -> s.kind() == Kind.FEATURE).forEach(s -> encoders.add(s.encoder()));
        }
        for (String encoder : encoders) {
            try (Component<DinoV2> files = Component.openImageEncoder(Path.of(encoder))) {
                ModelFolder.putImageEncoder(folder, files.model(), files.weights(), DType.F32);
            }
        }
    }

    @Override
    public void close() {
        shards.close();
    }
}
