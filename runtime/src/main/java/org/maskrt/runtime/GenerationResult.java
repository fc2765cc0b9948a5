package org.maskrt.runtime;

import java.awt.image.BufferedImage;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Tensor;

/**
 * What a generation gives.
 *
 * @param images in the order of the labels
 * @param seeds of each picture; with torch-cpu that of the request
 * @param latents [N,C,H,W] before decoding, where the request keeps them
 * @param timings how long it took
 * @param provenance the request and what ran it
 */
public record GenerationResult(
        List<RgbImage> images, List<Long> seeds, @Nullable Tensor latents, Timings timings, Provenance provenance) {
    /**
     * Where pictures come from.
     *
     * @param request the request
     * @param model name of the model folder
     * @param backend that ran it, with its version
     * @param fusedSteps steps that ran as one {@code guided_step}; the others ran {@code denoiser} with guidance on the host
     * @param steps of the sampler
     */
    public record Provenance(GenerationRequest request, String model, String backend, int fusedSteps, int steps) {}

    public GenerationResult {
        images = List.copyOf(images);
        seeds = List.copyOf(seeds);
    }

    /** This result with other pictures. */
    GenerationResult withImages(List<RgbImage> others) {
        return new GenerationResult(others, seeds, latents, timings, provenance);
    }

    /** The class of each picture. */
    public List<Integer> labels() {
        return provenance.request().labels();
    }

    /** Picture {@code i} for Java2D. */
    public BufferedImage bufferedImage(int i) {
        RgbImage image = images.get(i);
        BufferedImage out = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_INT_RGB);
        byte[] p = image.pixels();
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                int at = (y * image.width() + x) * 3;
                out.setRGB(x, y, (p[at] & 0xFF) << 16 | (p[at + 1] & 0xFF) << 8 | (p[at + 2] & 0xFF));
            }
        }
        return out;
    }

    /** All pictures as unsigned bytes [N,H,W,3]. */
    public byte[] nhwc() {
        int size = images.get(0).pixels().length;
        byte[] all = new byte[Math.multiplyExact(size, images.size())];
        for (int i = 0; i < images.size(); i++) {
            System.arraycopy(images.get(i).pixels(), 0, all, i * size, size);
        }
        return all;
    }
}
