package org.maskrt.trainer;

import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.maskrt.models.layers.SinCosPositions;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/** The published initial values of a model's parameters; each is a function of the seed and its path alone. */
public enum Initialisation {
    /** {@code initialize_weights} of DiT, MDT and MaskDiT; norms with parameters, which E-MD3C's conditions collector has, begin as ones and zeros. */
    DIFFUSION {
        @Override
        void fill(String full, Shape shape, Map<String, Shape> all, RandomGenerator random, float[] out) {
            // MaskDiT's weights lie below its preconditioning's model
            String path = full.startsWith("model.") ? full.substring("model.".length()) : full;
            if (shape.rank() == 1 && path.endsWith("weight")) {
                Arrays.fill(out, 1);
            } else if (path.endsWith("pos_embed")) {
                float[] positions = SinCosPositions.of(shape.dim(1), shape.dim(2));
                System.arraycopy(positions, 0, out, 0, out.length);
            } else if (path.endsWith("relative_position_bias_table")) {
                truncatedNormal(random, 0.02, out);
            } else if (path.endsWith("embedding_table.weight")
                    || path.endsWith("mask_token")
                    || (path.startsWith("t_embedder.mlp.") && path.endsWith("weight"))) {
                normal(random, 0.02, out);
            } else if (path.endsWith("weight")
                    && !path.contains("adaLN_modulation")
                    && !path.startsWith("final_layer")
                    && !path.startsWith("decoder_layer")) {
                int fanOut = shape.dim(0);
                int fanIn = out.length / fanOut;
                uniform(random, Math.sqrt(6.0 / (fanIn + fanOut)), out);
            }
        }
    },

    /** {@code init_weights} of DINOv2 with LayerScale from one: weights and tokens of deviation 0.02, biases zero, norms ones and zeros. */
    VIT {
        @Override
        void fill(String path, Shape shape, Map<String, Shape> all, RandomGenerator random, float[] out) {
            if (path.endsWith("gamma") || (shape.rank() == 1 && path.endsWith("weight"))) {
                Arrays.fill(out, 1);
            } else if (shape.rank() > 1) {
                truncatedNormal(random, 0.02, out);
            }
        }
    },

    /** PyTorch's defaults: uniform in +-1/sqrt(fan in) for linears and convolutions, ones and zeros for norms. */
    TORCH {
        @Override
        void fill(String path, Shape shape, Map<String, Shape> all, RandomGenerator random, float[] out) {
            Shape weight = path.endsWith(".bias") ? all.get(path.replaceFirst("bias$", "weight")) : shape;
            if (weight == null) {
                throw new IllegalArgumentException("no default is known for the parameter '" + path + "' " + shape);
            }
            if (weight.rank() > 1) {
                uniform(random, 1 / Math.sqrt(weight.size() / (double) weight.dim(0)), out);
            } else if (path.endsWith(".weight")) {
                Arrays.fill(out, 1);
            }
        }
    };

    abstract void fill(String path, Shape shape, Map<String, Shape> all, RandomGenerator random, float[] out);

    /**
     * The initial value of one parameter.
     *
     * @param all the shapes of the model's parameters
     */
    public Tensor of(String path, Shape shape, Map<String, Shape> all, long seed) {
        float[] out = new float[shape.size()];
        fill(path, shape, all, new SplittableRandom(seed * 0x9e3779b97f4a7c15L + path.hashCode()), out);
        return Tensor.of(out, shape);
    }

    private static void uniform(RandomGenerator random, double bound, float[] out) {
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) (bound * (2 * random.nextDouble() - 1));
        }
    }

    private static void normal(RandomGenerator random, double sigma, float[] out) {
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) (sigma * random.nextGaussian());
        }
    }

    /** Truncated at +-2, which for these small deviations never happens, as in timm. */
    private static void truncatedNormal(RandomGenerator random, double sigma, float[] out) {
        normal(random, sigma, out);
        for (int i = 0; i < out.length; i++) {
            out[i] = Math.max(-2, Math.min(2, out[i]));
        }
    }
}
