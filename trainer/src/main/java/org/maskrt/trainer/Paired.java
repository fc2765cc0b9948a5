package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/**
 * Scenes with an object in a box, each with the same scene whose box is blanked and with features of the object and of the box, for an E-MD3C.
 *
 * @param model whose conditions collector makes the condition
 * @param target the latent of the scene [B,C,h,w], scaled for the denoiser
 * @param hint the latent of the blanked scene [B,C,h,w], scaled alike
 * @param features of the configured sources in order: latents [B,C,h,w], or tokens [B,N,W]
 */
record Paired(Emd3c model, Tensor target, Tensor hint, List<Tensor> features) implements Conditioned {
    Paired {
        features = List.copyOf(features);
        int b = target.dim(0);
        int side = model.inputSize();
        require("target", target.shape(), Shape.of(b, model.inChannels(), side, side));
        require("hint", hint.shape(), Shape.of(b, model.hintChannels(), side, side));
        List<Shape> wanted = model.config().featureShapes(b);
        if (features.size() != wanted.size()) {
            throw new IllegalArgumentException("pairs for E-MD3C: expected the features of " + wanted.size()
                    + " sources, got those of " + features.size());
        }
        for (int i = 0; i < wanted.size(); i++) {
            require(
                    "features of " + model.config().sources().get(i).name(),
                    features.get(i).shape(),
                    wanted.get(i));
        }
    }

    private static void require(String what, Shape received, Shape expected) {
        if (!received.equals(expected)) {
            throw new IllegalArgumentException(
                    "pairs for E-MD3C: expected the " + what + " to be " + expected + ", got " + received);
        }
    }

    @Override
    public int size() {
        return target.dim(0);
    }

    @Override
    public Conditioned rows(Rows rows) {
        return new Paired(
                model,
                rows.of(target),
                rows.of(hint),
                features.stream().map(rows::of).toList());
    }

    @Override
    public float[] latents() {
        return target.values();
    }

    @Override
    public NDArray sample(NdOps ops, NDArray noisy) {
        return ops.concat(1, List.of(ops.array(hint), noisy));
    }

    @Override
    public NDArray condition(NdOps ops, Params<NDArray> p, boolean[] dropped) {
        float[] kept = new float[dropped.length];
        for (int i = 0; i < kept.length; i++) {
            kept[i] = dropped[i] ? 0 : 1;
        }
        NDArray c0 = model.collect(ops, p, features.stream().map(ops::array).toList());
        return ops.mul(c0, ops.constant(kept, kept.length, 1));
    }
}
