package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.dinov2.DinoV2Pixels;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig.Kind;
import org.maskrt.models.emd3c.Emd3cConfig.Source;
import org.maskrt.models.emd3c.Placement;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;

/** What an E-MD3C is told about objects and boxes: features of pictures by image encoders and autoencoder, condensed by the graph {@code ccnet}. */
final class ObjectConditions {
    /**
     * An image encoder of a model folder.
     *
     * @param graph its name
     * @param width of its tokens
     * @param size height and width of its pictures
     * @param patches of a picture
     */
    record ImageEncoder(String graph, int width, int size, int patches) {
        GraphSignature signature() {
            return GraphSignature.imageEncoder(graph, size, patches, width);
        }
    }

    private final Emd3c model;
    private final Graphs graphs;
    private final TensorPool pool;
    private final Encoder autoencoder;
    private final Map<Integer, ImageEncoder> encoders = new HashMap<>();

    /** @throws MaskRtException if the folder has no image encoder for one of the sources */
    ObjectConditions(
            Emd3c model, Graphs graphs, TensorPool pool, Encoder autoencoder, List<ImageEncoder> imageEncoders) {
        this.model = model;
        this.graphs = graphs;
        this.pool = pool;
        this.autoencoder = autoencoder;
        imageEncoders.forEach(e -> encoders.put(e.width(), e));
        for (Source source : model.config().sources()) {
            if (source.kind() == Kind.FEATURE && !encoders.containsKey(source.width())) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        graphs.folder("ccnet") + ": the source " + source.name() + " needs an image encoder of width "
                                + source.width() + ", and the folder has "
                                + (encoders.isEmpty() ? "none" : "those of " + encoders.keySet())
                                + "; add it with `maskrt import`");
            }
        }
    }

    /** c0 of each pair, [n,W]. */
    float[] of(List<Customization> pairs) {
        List<float[]> features = new ArrayList<>();
        Map<String, float[]> known = new HashMap<>();
        for (Source source : model.config().sources()) {
            features.add(known.computeIfAbsent(
                    source.kind() + " " + source.isOfBox() + " " + source.width(), key -> feature(source, pairs)));
        }
        GraphSignature signature = GraphSignature.ccnet(model);
        Graph graph = graphs.get(signature);
        int rows = Math.max(1, LatentSampler.fixedBatch(graph));
        float[] conditions = new float[pairs.size() * model.conditionWidth()];
        try (TensorPool.Lease tensors = pool.lease()) {
            Map<String, DeviceTensor> inputs = new HashMap<>();
            List<DeviceTensor> ordered = new ArrayList<>();
            for (TensorSpec spec : signature.inputs()) {
                DeviceTensor tensor = tensors.floats(spec.shape().with(0, rows).dims());
                inputs.put(spec.name(), tensor);
                ordered.add(tensor);
            }
            DeviceTensor out = tensors.floats(rows, model.conditionWidth());
            Graph.Binding binding = graph.bind(inputs, Map.of("condition", out));
            for (int i = 0; i < pairs.size(); i++) {
                for (int s = 0; s < ordered.size(); s++) {
                    int length = ordered.get(s).shape().size() / rows;
                    ordered.get(s).write(0, features.get(s), i * length, length);
                }
                binding.run();
                out.read(0, conditions, i * model.conditionWidth(), model.conditionWidth());
            }
        }
        return conditions;
    }

    private float[] feature(Source source, List<Customization> pairs) {
        if (source.kind() == Kind.LATENT) {
            return autoencoder.encode(pictures(source, pairs, autoencoder.size()));
        }
        ImageEncoder encoder = encoders.get(source.width());
        if (encoder == null) {
            throw new IllegalStateException("no encoder of width " + source.width());
        }
        return tokens(encoder, pictures(source, pairs, encoder.size()));
    }

    private static List<RgbImage> pictures(Source source, List<Customization> pairs, int size) {
        return pairs.stream()
                .map(pair -> source.isOfBox()
                        ? pair.placement().boxPicture(size)
                        : Placement.object(pair.object(), pair.mask(), size))
                .toList();
    }

    /** Class token and patch tokens of each picture, [n,1+N,D]. */
    private float[] tokens(ImageEncoder encoder, List<RgbImage> pictures) {
        Graph graph = graphs.get(encoder.signature());
        int rows = Math.max(1, LatentSampler.fixedBatch(graph));
        int size = encoder.size();
        int d = encoder.width();
        int row = (1 + encoder.patches()) * d;
        float[] out = new float[pictures.size() * row];
        try (TensorPool.Lease tensors = pool.lease()) {
            DeviceTensor pixels = tensors.floats(rows, 3, size, size);
            DeviceTensor classToken = tensors.floats(rows, d);
            DeviceTensor patchTokens = tensors.floats(rows, encoder.patches(), d);
            Graph.Binding binding = graph.bind(
                    Map.of("pixels", pixels), Map.of("class_token", classToken, "patch_tokens", patchTokens));
            for (int i = 0; i < pictures.size(); i++) {
                Tensor normal = DinoV2Pixels.of(List.of(pictures.get(i)), size, size);
                pixels.write(0, normal.values(), 0, normal.size());
                binding.run();
                classToken.read(0, out, i * row, d);
                patchTokens.read(0, out, i * row + d, encoder.patches() * d);
            }
        }
        return out;
    }
}
