package org.maskrt.models.emd3c;

import java.util.ArrayList;
import java.util.List;
import org.maskrt.models.ModulationSlot;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.emd3c.Emd3cConfig.Kind;
import org.maskrt.models.emd3c.Emd3cConfig.Source;
import org.maskrt.models.layers.AdaLn;
import org.maskrt.models.layers.AffineNorm;
import org.maskrt.models.layers.Patches;
import org.maskrt.models.layers.TimestepEmbedder;
import org.maskrt.models.mdt.MaskPlan.Masked;
import org.maskrt.models.mdt.MdtBody;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/**
 * E-MD3C (arXiv 2502.09164): draws a scene with an object in a box. DTDNet, an MDT of version 1, denoises the latent beside the hint, the scene
 * with the box blanked; CCNet condenses features of the object and of the box to the one vector that modulates its blocks. Without guidance that
 * vector is zero. Only {@link #collect} belongs to CCNet; the rest takes its result c0 [B,D] as the condition.
 */
public record Emd3c(Emd3cConfig config) implements MdtDenoiser {
    private static final float EPS = 1e-12f;

    @Override
    public MdtBody body() {
        return new MdtBody(config.body(), config.outChannels());
    }

    @Override
    public int inputSize() {
        return config.inputSize();
    }

    @Override
    public int inChannels() {
        return config.latentChannels();
    }

    @Override
    public int outChannels() {
        return config.outChannels();
    }

    @Override
    public int hintChannels() {
        return config.latentChannels();
    }

    @Override
    public int numClasses() {
        return 0;
    }

    @Override
    public int conditionWidth() {
        return config.hiddenSize();
    }

    @Override
    public GuidedChannels guidedChannels() {
        return GuidedChannels.ALL;
    }

    @Override
    public List<ModulationSlot> modulation() {
        return body().modulation();
    }

    @Override
    public <T> T condition(Ops<T> ops, Params<T> p, T timestep, T c0) {
        return ops.add(TimestepEmbedder.embed(ops, p.at("t_embedder"), timestep, config.hiddenSize()), c0);
    }

    @Override
    public <T> T conditionAll(Ops<T> ops, Params<T> p, T timesteps, T c0) {
        int d = config.hiddenSize();
        T time = TimestepEmbedder.embed(ops, p.at("t_embedder"), timesteps, d);
        return ops.add(ops.reshape(time, ops.shape(timesteps).dim(0), 1, d), ops.reshape(c0, 1, Shape.BATCH, d));
    }

    @Override
    public <T> T denoise(Ops<T> ops, Params<T> p, T sample, AdaLn<T> modulation) {
        return body().denoise(ops, p, sample, modulation, null);
    }

    @Override
    public <T> T forwardMasked(Ops<T> ops, Params<T> p, T sample, T timestep, T c0, Masked<T> mask) {
        return body().denoise(ops, p, sample, AdaLn.of(ops, condition(ops, p, timestep, c0)), mask);
    }

    /**
     * CCNet: each source's tokens collapse to a vector by a learned weighted sum, and the vectors are added.
     *
     * @param features of the configured sources in order: latents [B,C,H,W], or tokens [B,N,W]
     * @return c0 [B,D]
     */
    public <T> T collect(Ops<T> ops, Params<T> p, List<T> features) {
        if (features.size() != config.sources().size()) {
            throw new IllegalArgumentException(
                    "CCNet needs " + config.sources().size() + " sources, got " + features.size());
        }
        int d = config.hiddenSize();
        List<T> collapsed = new ArrayList<>();
        for (int i = 0; i < features.size(); i++) {
            collapsed.add(collapse(ops, p.at("ccnet"), config.sources().get(i), features.get(i)));
        }
        T sum = collapsed.stream().reduce(ops::add).orElseThrow();
        T out = ops.gelu(ops.linear(p.at("ccnet.out"), sum, d, d));
        return AffineNorm.of(ops, p.at("ccnet.out_norm"), out, EPS);
    }

    private <T> T collapse(Ops<T> ops, Params<T> ccnet, Source source, T feature) {
        int d = config.hiddenSize();
        Params<T> p = ccnet.at(source.name());
        T tokens = source.kind() == Kind.LATENT
                ? ops.add(
                        Patches.embed(ops, p.at("patch"), feature, config.patchSize(), d),
                        p.get("pos_embed", 1, source.tokens(), d))
                : AffineNorm.of(ops, p.at("norm"), ops.gelu(ops.linear(p.at("proj"), feature, source.width(), d)), EPS);
        T weighted = ops.matmul(p.get("collapse.weight", 1, source.tokens()), tokens);
        T vector = ops.reshape(ops.add(weighted, p.get("collapse.bias", 1)), Shape.BATCH, d);
        return AffineNorm.of(ops, p.at("collapse_norm"), ops.gelu(vector), EPS);
    }
}
