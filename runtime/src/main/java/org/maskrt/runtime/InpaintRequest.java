package org.maskrt.runtime;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.mdt.MdtDenoiser;

/**
 * What to paint into a picture.
 *
 * @param image of the size that the model makes
 * @param mask of the same size: what is to be painted
 * @param method how the model is kept to what is known
 * @param generation the class of each result, and how it is sampled
 */
public record InpaintRequest(RgbImage image, Mask mask, Method method, GenerationRequest generation) {
    /** How a model is kept to what is known. */
    public enum Method {
        /** MDT's own (MDT, section 3.3): the encoder sees the known tokens only, and the side-interpolater fills in the others. */
        SIDE_INTERPOLATER("side-interpolater"),
        /** The model sees everything; before each step the known part of the latent is put back, under that step's noise. For any model. */
        REPLACE("replace");

        private final String label;

        Method(String label) {
            this.label = label;
        }

        /** As it is named on the command line and in results. */
        public String label() {
            return label;
        }

        /** The method of this name. */
        public static Method named(String name) {
            return Arrays.stream(values())
                    .filter(m -> m.label.equals(name.toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .orElseThrow(() -> new MaskRtException(
                            ExitCode.USAGE,
                            "there is no way of inpainting called " + name + "; use one of "
                                    + Arrays.stream(values()).map(Method::label).collect(Collectors.joining(", "))));
        }
    }

    /** Checks that picture and mask have one size, and that something is to be painted. */
    public InpaintRequest {
        if (image.width() != mask.width() || image.height() != mask.height()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "inpaint: expected picture and mask of one size, got " + size(image.width(), image.height())
                            + " and " + size(mask.width(), mask.height()) + "; crop or resize one of them");
        }
        if (mask.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE, "inpaint: the mask is black, so nothing is to be painted; paint it white there");
        }
    }

    private static String size(int width, int height) {
        return width + " x " + height;
    }

    /** One result of each label, by the side-interpolater. */
    public static InpaintRequest of(RgbImage image, Mask mask, List<Integer> labels) {
        return new InpaintRequest(image, mask, Method.SIDE_INTERPOLATER, GenerationRequest.of(labels));
    }

    /** The latent of the picture, and which of it is known: a place that the mask touches is not. */
    Known known(Encoder encoder, Denoiser model) {
        if (image.width() != encoder.size() || image.height() != encoder.size()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "inpaint: expected a picture of " + size(encoder.size(), encoder.size())
                            + ", as the model makes them, got " + size(image.width(), image.height())
                            + "; crop or resize it");
        }
        int side = model.inputSize();
        boolean[] unknown = new boolean[side * side];
        for (int i = 0; i < image.width() * image.height(); i++) {
            int x = i % image.width();
            int y = i / image.width();
            if (mask.holds(x, y)) {
                unknown[y / encoder.downsampling() * side + x / encoder.downsampling()] = true;
            }
        }
        float[] latent = encoder.encode(List.of(image));
        if (method == Method.REPLACE) {
            return new Known(latent, unknown, null);
        }
        float[] hidden = hidden(unknown, side, ((MdtDenoiser) model).tokens());
        for (int i = 0; i < hidden.length; i++) {
            if (hidden[i] == 0) {
                return new Known(latent, unknown, hidden);
            }
        }
        throw new MaskRtException(
                ExitCode.USAGE,
                "inpaint: the mask touches every token of the model, so nothing is known; make it smaller, or use `maskrt sample`");
    }

    private static float[] hidden(boolean[] unknown, int side, int tokens) {
        int grid = (int) Math.round(Math.sqrt(tokens));
        int patch = side / grid;
        float[] hidden = new float[tokens];
        for (int i = 0; i < unknown.length; i++) {
            if (unknown[i]) {
                hidden[i / side / patch * grid + i % side / patch] = 1;
            }
        }
        return hidden;
    }

    /** A painted picture with the pixels of the request's wherever the mask leaves them. */
    RgbImage around(RgbImage painted) {
        byte[] pixels = painted.pixels().clone();
        for (int i = 0; i < image.width() * image.height(); i++) {
            if (!mask.holds(i % mask.width(), i / mask.width())) {
                System.arraycopy(image.pixels(), 3 * i, pixels, 3 * i, 3);
            }
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }
}
