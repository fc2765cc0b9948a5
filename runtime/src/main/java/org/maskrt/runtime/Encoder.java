package org.maskrt.runtime;

import java.util.List;
import java.util.Map;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.vae.AutoencoderKlConfig;

/** Pictures to latents, one at a time. */
final class Encoder {
    private final Graphs graphs;
    private final TensorPool pool;
    private final AutoencoderKlConfig config;
    private final int latentSize;

    Encoder(Graphs graphs, TensorPool pool, AutoencoderKlConfig config, int latentSize) {
        this.graphs = graphs;
        this.pool = pool;
        this.config = config;
        this.latentSize = latentSize;
    }

    /** Height and width of the pictures. */
    int size() {
        return latentSize * config.downsampling();
    }

    /** Pixels of a picture's side that make one place of the latent. */
    int downsampling() {
        return config.downsampling();
    }

    /** The means of the latents' distributions, as the denoiser has them: [N,L,h,w] of pictures of {@link #size}. */
    float[] encode(List<RgbImage> pictures) {
        GraphSignature signature = GraphSignature.vaeEncoder(size(), config.latentChannels(), latentSize);
        Graph graph = graphs.get(signature);
        int rows = Math.max(1, LatentSampler.fixedBatch(graph));
        int latent = config.latentChannels() * latentSize * latentSize;
        float[] latents = new float[pictures.size() * latent];
        try (TensorPool.Lease tensors = pool.lease()) {
            DeviceTensor in = tensors.floats(rows, 3, size(), size());
            DeviceTensor out = tensors.floats(rows, 2 * config.latentChannels(), latentSize, latentSize);
            Graph.Binding binding = graph.bind(Map.of("sample", in), Map.of("moments", out));
            float[] pixels = new float[3 * size() * size()];
            for (int i = 0; i < pictures.size(); i++) {
                pictures.get(i).toFloats(pixels, 0);
                in.write(0, pixels, 0, pixels.length);
                binding.run();
                out.read(0, latents, i * latent, latent);
            }
        }
        for (int i = 0; i < latents.length; i++) {
            latents[i] *= (float) config.scalingFactor();
        }
        return latents;
    }
}
