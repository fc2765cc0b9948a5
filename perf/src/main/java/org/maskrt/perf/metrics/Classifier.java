package org.maskrt.perf.metrics;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * A classifier of pictures as an ONNX graph that the user gives, such as Inception v3. Its outputs: {@code pool} [n,D] or [n,D,1,1],
 * {@code spatial} [n,C,H,W], or [n,H,W,C] where the pictures go in that way, of which the first seven channels are taken, or [n,D]; and
 * {@code logits} or {@code probabilities} [n,classes]. For use by one thread.
 */
final class Classifier implements AutoCloseable {
    /** sFID's channels of the spatial features: 7 x 17 x 17 is about as wide as the pool features (Nash et al., 2021). */
    private static final int SPATIAL_CHANNELS = 7;

    private final Inception inception;
    private final PictureNetwork network;
    private final int batch;
    private final Map<Feature, String> outputs = new EnumMap<>(Feature.class);
    private boolean areLogits;

    /** @throws MaskRtException if the graph cannot be opened, or has none of the outputs, or not those that the options name */
    Classifier(Inception inception, int batch, int threads) {
        this.inception = inception;
        this.network = new PictureNetwork(inception.file(), inception.range(), 1, threads);
        this.batch = network.batch(batch);
        try {
            findOutputs();
        } catch (RuntimeException e) {
            network.close();
            throw e;
        }
    }

    private void findOutputs() {
        Map<String, String> wanted = new LinkedHashMap<>();
        Map<String, Shape> has = network.outputs();
        for (String key : Inception.OUTPUTS) {
            String name = inception.outputs().getOrDefault(key, key);
            if (has.containsKey(name)) {
                wanted.put(key, name);
            } else if (inception.outputs().containsKey(key)) {
                throw refused("an output '" + name + "' (" + key + ")");
            }
        }
        if (wanted.isEmpty() && has.size() == 1) {
            wanted.put(Feature.POOL.key(), has.keySet().iterator().next());
        }
        if (wanted.isEmpty()) {
            throw refused("outputs named " + String.join(", ", Inception.OUTPUTS));
        }
        for (Feature feature : Feature.values()) {
            String name = wanted.get(feature.key());
            if (name != null) {
                outputs.put(feature, name);
            }
        }
        String logits = wanted.get(ArchiveFeatures.LOGITS);
        if (!outputs.containsKey(Feature.PROBABILITIES) && logits != null) {
            outputs.put(Feature.PROBABILITIES, logits);
            areLogits = true;
        }
    }

    private MaskRtException refused(String expected) {
        return new MaskRtException(
                ExitCode.USAGE,
                inception.file() + ": expected " + expected + ", the graph has " + network.outputs()
                        + "; say which is which with --inception-output, such as pool=NAME");
    }

    /** The features of these pictures. */
    FeatureSource on(Pictures pictures) {
        return new FeatureSource() {
            @Override
            public Set<Feature> has() {
                return outputs.keySet();
            }

            @Override
            public int count() {
                return pictures.count();
            }

            @Override
            public void read(Set<Feature> wanted, Consumer<Map<Feature, Tensor>> sink) {
                try (Pictures.Cursor cursor = pictures.open()) {
                    for (List<RgbImage> images = cursor.next(batch); !images.isEmpty(); images = cursor.next(batch)) {
                        sink.accept(features(images, wanted));
                    }
                }
            }
        };
    }

    private Map<Feature, Tensor> features(List<RgbImage> images, Set<Feature> wanted) {
        Set<String> names = new LinkedHashSet<>();
        outputs.forEach((feature, name) -> {
            if (wanted.contains(feature)) {
                names.add(name);
            }
        });
        Map<String, Tensor> results = network.run(List.of(images), names);
        Map<Feature, Tensor> features = new EnumMap<>(Feature.class);
        outputs.forEach((feature, name) -> {
            Tensor result = results.get(name);
            if (result != null) {
                features.put(
                        feature,
                        switch (feature) {
                            case POOL -> rows(feature, result);
                            case SPATIAL -> spatial(result);
                            case PROBABILITIES ->
                                areLogits ? SoftmaxHead.softmax(rows(feature, result)) : rows(feature, result);
                        });
            }
        });
        return features;
    }

    private Tensor rows(Feature feature, Tensor result) {
        int n = result.dim(0);
        int width = result.size() / n;
        if (result.shape().rank() < 2 || (result.dim(1) != width && result.dim(-1) != width)) {
            throw shape(feature, "[" + n + ",D]", result);
        }
        return result.reshape(n, width);
    }

    private MaskRtException shape(Feature feature, String expected, Tensor result) {
        return new MaskRtException(
                ExitCode.USAGE,
                inception.file() + ": expected " + expected + " as " + feature.key() + ", received " + result.shape()
                        + "; name another output with --inception-output");
    }

    /** The first channels at every place, [n,H*W*7], the channels together as in ADM's evaluator. */
    private Tensor spatial(Tensor result) {
        Shape s = result.shape();
        if (s.rank() == 2) {
            return result;
        }
        boolean last = network.isChannelsLast();
        int channels = s.rank() == 4 ? s.dim(last ? 3 : 1) : 0;
        if (channels < SPATIAL_CHANNELS) {
            String expected = last ? "[n,H,W,C]" : "[n,C,H,W]";
            throw shape(Feature.SPATIAL, expected + " with C of 7 or more, or [n,D]", result);
        }
        int n = s.dim(0);
        int places = s.size() / n / channels;
        float[] out = new float[n * places * SPATIAL_CHANNELS];
        for (int row = 0; row < n; row++) {
            for (int i = 0; i < places; i++) {
                for (int c = 0; c < SPATIAL_CHANNELS; c++) {
                    int from = last ? (row * places + i) * channels + c : (row * channels + c) * places + i;
                    out[(row * places + i) * SPATIAL_CHANNELS + c] = result.values()[from];
                }
            }
        }
        return Tensor.of(out, n, places * SPATIAL_CHANNELS);
    }

    @Override
    public void close() {
        network.close();
    }
}
