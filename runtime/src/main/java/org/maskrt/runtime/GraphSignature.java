package org.maskrt.runtime;

import static org.maskrt.models.ops.Shape.BATCH;
import static org.maskrt.models.ops.Shape.STEPS;

import java.util.List;
import org.maskrt.models.Denoiser;

/**
 * What a graph takes and gives. The factories are the graphs of a model folder; a graph file must offer exactly these inputs, and at least
 * these outputs.
 *
 * @param name of the graph, which is also the name of its folder below {@code onnx/}
 */
public record GraphSignature(String name, List<TensorSpec> inputs, List<TensorSpec> outputs) {
    public GraphSignature {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }

    /** timesteps [S], class_labels [B] to modulation [S,B,K]. */
    public static GraphSignature conditioner(Denoiser model) {
        return new GraphSignature(
                "conditioner",
                List.of(TensorSpec.fp32("timesteps", STEPS), TensorSpec.int64("class_labels", BATCH)),
                List.of(TensorSpec.fp32("modulation", STEPS, BATCH, model.modulationSize())));
    }

    /** sample [B,C,H,W], modulation [B,K] to out_sample [B,outC,H,W]. */
    public static GraphSignature denoiser(Denoiser model) {
        return new GraphSignature(
                "denoiser",
                List.of(sample(model, "sample"), TensorSpec.fp32("modulation", BATCH, model.modulationSize())),
                List.of(outSample(model)));
    }

    /**
     * One guided step of a sampler: sample [B,C,H,W], modulation and modulation_uncond [B,K], guidance [B], coefficients [B,4], eps_prev and
     * noise [B,C,H,W] to next_sample and eps [B,C,H,W].
     */
    public static GraphSignature guidedStep(Denoiser model) {
        int k = model.modulationSize();
        return new GraphSignature(
                "guided_step",
                List.of(
                        sample(model, "sample"),
                        TensorSpec.fp32("modulation", BATCH, k),
                        TensorSpec.fp32("modulation_uncond", BATCH, k),
                        TensorSpec.fp32("guidance", BATCH),
                        TensorSpec.fp32("coefficients", BATCH, 4),
                        sample(model, "eps_prev"),
                        sample(model, "noise")),
                List.of(sample(model, "next_sample"), sample(model, "eps")));
    }

    /** sample [B,C,H,W], timestep [B], class_labels [B] to out_sample [B,outC,H,W]. */
    public static GraphSignature transformer(Denoiser model) {
        return new GraphSignature(
                "transformer",
                List.of(
                        sample(model, "sample"),
                        TensorSpec.fp32("timestep", BATCH),
                        TensorSpec.int64("class_labels", BATCH)),
                List.of(outSample(model)));
    }

    /** sample [B,3,H,W] in [-1,1] to moments [B,2L,h,w], with L latent channels. */
    public static GraphSignature vaeEncoder(int imageSize, int latentChannels, int latentSize) {
        return new GraphSignature(
                "vae_encoder",
                List.of(TensorSpec.fp32("sample", BATCH, 3, imageSize, imageSize)),
                List.of(TensorSpec.fp32("moments", BATCH, 2 * latentChannels, latentSize, latentSize)));
    }

    /** latent_sample [B,L,h,w] to sample [B,3,H,W] in [-1,1], with L latent channels. */
    public static GraphSignature vaeDecoder(int imageSize, int latentChannels, int latentSize) {
        return new GraphSignature(
                "vae_decoder",
                List.of(TensorSpec.fp32("latent_sample", BATCH, latentChannels, latentSize, latentSize)),
                List.of(TensorSpec.fp32("sample", BATCH, 3, imageSize, imageSize)));
    }

    private static TensorSpec sample(Denoiser model, String name) {
        return TensorSpec.fp32(name, BATCH, model.inChannels(), model.inputSize(), model.inputSize());
    }

    private static TensorSpec outSample(Denoiser model) {
        return TensorSpec.fp32("out_sample", BATCH, model.outChannels(), model.inputSize(), model.inputSize());
    }
}
