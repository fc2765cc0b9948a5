package org.maskrt.runtime;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.vae.AutoencoderKlConfig;

/** Latents to pictures, a few at a time. */
final class Decoder {
    /** Pixels that are decoded at once: two pictures of 256 x 256. */
    private static final int PIXELS = 1 << 17;

    private final Graphs graphs;
    private final TensorPool pool;
    private final AutoencoderKlConfig config;
    private final int latentSize;
    private final int size;

    Decoder(Graphs graphs, TensorPool pool, AutoencoderKlConfig config, int latentSize) {
        this.graphs = graphs;
        this.pool = pool;
        this.config = config;
        this.latentSize = latentSize;
        this.size = latentSize * config.downsampling();
    }

    /** Pictures of {@code size} x {@code size} that are decoded at once at most. */
    static int most(int size) {
        return Math.max(1, PIXELS / (size * size));
    }

    GraphSignature signature() {
        return GraphSignature.vaeDecoder(size, config.latentChannels(), latentSize);
    }

    /**
     * The pictures of {@code count} latents [N,L,h,w] as the denoiser has them.
     *
     * @param done hears how many are decoded, and may throw to end it
     * @throws MaskRtException (NOT_FINITE) if a picture is not finite
     */
    List<RgbImage> decode(float[] latents, int count, IntConsumer done) {
        Graph graph = graphs.get(signature());
        int fixed = graph.signature().inputs().get(0).shape().dim(0);
        int most = Math.min(most(size), graph.most("latent_sample", 0));
        int rows = fixed > 0 ? fixed : Math.min(count, most);
        List<RgbImage> images = new ArrayList<>(count);
        try (TensorPool.Lease tensors = pool.lease()) {
            DeviceTensor in = tensors.floats(rows, config.latentChannels(), latentSize, latentSize);
            DeviceTensor out = tensors.floats(rows, 3, size, size);
            Graph.Binding binding = graph.bind(Map.of("latent_sample", in), Map.of("sample", out));
            int latent = in.shape().size() / rows;
            int image = 3 * size * size;
            float[] scaled = new float[rows * latent];
            float[] picture = new float[image];
            for (int from = 0; from < count; from += rows) {
                int filled = Math.min(rows, count - from);
                for (int i = 0; i < filled * latent; i++) {
                    scaled[i] = latents[from * latent + i] / (float) config.scalingFactor();
                }
                in.write(scaled);
                binding.run();
                for (int i = 0; i < filled; i++) {
                    out.read(i * image, picture, 0, image);
                    requireFinite(picture, from + i);
                    images.add(RgbImage.of(picture, 0, size, size));
                }
                done.accept(images.size());
            }
        }
        return images;
    }

    private void requireFinite(float[] picture, int index) {
        for (float v : picture) {
            if (!Float.isFinite(v)) {
                throw new MaskRtException(
                        ExitCode.NOT_FINITE,
                        graphs.folder("vae_decoder") + ": picture " + index
                                + " is not finite though its latent is; check the autoencoder's weights with"
                                + " `maskrt inspect`");
            }
        }
    }
}
