package org.maskrt.runtime;

import static org.maskrt.models.ops.Shape.BATCH;
import static org.maskrt.models.ops.Shape.ROWS;
import static org.maskrt.models.ops.Shape.ROWS_NOISE;
import static org.maskrt.models.ops.Shape.ROWS_UNCOND;
import static org.maskrt.models.ops.Shape.STEPS;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Shape;

/**
 * What a graph takes and gives. The factories are the graphs of a model folder; a graph file must offer exactly these inputs, and at least
 * these outputs.
 *
 * @param name of the graph, which is also the name of its folder below {@code onnx/}
 * @param optional inputs that a file may have or leave out; a loaded graph has those among its inputs that it takes
 */
public record GraphSignature(
        String name, List<TensorSpec> inputs, List<TensorSpec> outputs, List<TensorSpec> optional) {
    /** What a quantised step takes whose scales depend on the timestep. */
    static final TensorSpec TIMESTEP = TensorSpec.fp32("timestep", BATCH);

    public GraphSignature {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        optional = List.copyOf(optional);
    }

    /** Without inputs that a file may leave out. */
    public GraphSignature(String name, List<TensorSpec> inputs, List<TensorSpec> outputs) {
        this(name, inputs, outputs, List.of());
    }

    /** Whether the input {@code input} has to be given. */
    public boolean takes(String input) {
        return inputs.stream().anyMatch(spec -> spec.name().equals(input));
    }

    /** With those of the inputs that may be left out which {@code names} has. */
    GraphSignature taking(Set<String> names) {
        List<TensorSpec> all = new ArrayList<>(inputs);
        optional.stream().filter(spec -> names.contains(spec.name())).forEach(all::add);
        return new GraphSignature(name, all, outputs);
    }

    /** What a model is conditioned on: class_labels [B], or condition [B,W]. */
    static TensorSpec condition(Denoiser model) {
        return model.conditionWidth() == 0
                ? TensorSpec.int64("class_labels", BATCH)
                : TensorSpec.fp32("condition", BATCH, model.conditionWidth());
    }

    /** timesteps [S], class_labels [B] or condition [B,W] to modulation [S,B,K]. */
    public static GraphSignature conditioner(Denoiser model) {
        return new GraphSignature(
                "conditioner",
                List.of(TensorSpec.fp32("timesteps", STEPS), condition(model)),
                List.of(TensorSpec.fp32("modulation", STEPS, BATCH, model.modulationSize())));
    }

    /** sample and hint [B,C,H,W], modulation [B,K] and, if the graph takes it, timestep [B] to out_sample [B,outC,H,W]. */
    public static GraphSignature denoiser(Denoiser model) {
        return new GraphSignature(
                "denoiser",
                samples(model, TensorSpec.fp32("modulation", BATCH, model.modulationSize())),
                List.of(outSample(model)),
                List.of(TIMESTEP));
    }

    /**
     * One guided step of a sampler: sample and hint [B,C,H,W], modulation and modulation_uncond [B,K], guidance [B], coefficients [B,4], eps_prev and
     * noise [B,C,H,W] and, if the graph takes it, timestep [B] to next_sample and eps [B,C,H,W].
     */
    public static GraphSignature guidedStep(Denoiser model) {
        int k = model.modulationSize();
        return new GraphSignature(
                "guided_step",
                samples(
                        model,
                        TensorSpec.fp32("modulation", BATCH, k),
                        TensorSpec.fp32("modulation_uncond", BATCH, k),
                        TensorSpec.fp32("guidance", BATCH),
                        TensorSpec.fp32("coefficients", BATCH, 4),
                        sample(model, "eps_prev"),
                        sample(model, "noise")),
                List.of(sample(model, "next_sample"), sample(model, "eps")),
                List.of(TIMESTEP));
    }

    /**
     * {@link #guidedStep} that reads its tables by row, so nothing but what one step hands to the next changes between runs: rows and advance [B,3]
     * (of modulation, guidance and coefficients; of modulation_uncond; of noise), sample, hint and eps_prev [B,C,H,W], modulation [R,K],
     * modulation_uncond [U,K], guidance [R], coefficients [R,4], noise [N,C,H,W] to next_sample and eps [B,C,H,W] and next_rows = rows + advance.
     */
    public static GraphSignature tableGuidedStep(Denoiser model) {
        return tableStep(
                "guided_step",
                model,
                3,
                TensorSpec.fp32("modulation_uncond", ROWS_UNCOND, model.modulationSize()),
                TensorSpec.fp32("guidance", ROWS));
    }

    /** The half of {@link #tableGuidedStep} that a step without guidance needs: rows and advance [B,2] (of modulation and coefficients; of noise). */
    public static GraphSignature tableHalfStep(Denoiser model) {
        return tableStep("half_step", model, 2);
    }

    private static GraphSignature tableStep(String name, Denoiser model, int tables, TensorSpec... guidance) {
        List<TensorSpec> inputs = new ArrayList<>(
                List.of(TensorSpec.int64("rows", BATCH, tables), TensorSpec.int64("advance", BATCH, tables)));
        inputs.addAll(samples(model, sample(model, "eps_prev")));
        inputs.add(TensorSpec.fp32("modulation", ROWS, model.modulationSize()));
        inputs.addAll(List.of(guidance));
        inputs.add(TensorSpec.fp32("coefficients", ROWS, 4));
        inputs.add(TensorSpec.fp32("noise", ROWS_NOISE, model.inChannels(), model.inputSize(), model.inputSize()));
        return new GraphSignature(
                name,
                inputs,
                List.of(
                        sample(model, "next_sample"),
                        sample(model, "eps"),
                        TensorSpec.int64("next_rows", BATCH, tables)));
    }

    /** sample and hint [B,C,H,W], timestep [B], class_labels [B] or condition [B,W] to out_sample [B,outC,H,W]. */
    public static GraphSignature transformer(Denoiser model) {
        return new GraphSignature(
                "transformer",
                samples(model, TensorSpec.fp32("timestep", BATCH), condition(model)),
                List.of(outSample(model)));
    }

    /** sample and hint [B,C,H,W], timestep [B], class_labels [B] or condition [B,W], hidden [B,N,1] to out_sample [B,outC,H,W]. */
    public static GraphSignature inpaint(MdtDenoiser model) {
        return new GraphSignature(
                "inpaint",
                samples(
                        model,
                        TensorSpec.fp32("timestep", BATCH),
                        condition(model),
                        TensorSpec.fp32("hidden", BATCH, model.tokens(), 1)),
                List.of(outSample(model)));
    }

    /** The features of the sources by name to condition [B,W]. */
    public static GraphSignature ccnet(Emd3c model) {
        List<TensorSpec> inputs = new ArrayList<>();
        List<Shape> shapes = model.config().featureShapes(BATCH);
        for (int i = 0; i < shapes.size(); i++) {
            inputs.add(TensorSpec.fp32(
                    model.config().sources().get(i).name(), shapes.get(i).dims()));
        }
        return new GraphSignature("ccnet", inputs, List.of(condition(model)));
    }

    /** pixels [B,3,S,S], normalised, to class_token [B,D] and patch_tokens [B,N,D]. */
    public static GraphSignature imageEncoder(String name, int size, int patches, int width) {
        return new GraphSignature(
                name,
                List.of(TensorSpec.fp32("pixels", BATCH, 3, size, size)),
                List.of(
                        TensorSpec.fp32("class_token", BATCH, width),
                        TensorSpec.fp32("patch_tokens", BATCH, patches, width)));
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

    /**
     * Checks the tensors of a run of the graph {@code file} that has this signature.
     *
     * @throws MaskRtException if an input is missing, no output is wanted, or a tensor does not fit
     */
    void requireFit(Path file, Map<String, ? extends DeviceTensor> taken, Map<String, ? extends DeviceTensor> given) {
        requireFit(file, "input", inputs, taken);
        requireFit(file, "output", outputs, given);
        if (taken.size() < inputs.size() || given.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected the inputs " + inputs + " and some of the outputs " + outputs + ", got "
                            + taken.keySet() + " and " + given.keySet());
        }
    }

    private static void requireFit(
            Path file, String kind, List<TensorSpec> specs, Map<String, ? extends DeviceTensor> tensors) {
        Map<String, TensorSpec> known = specs.stream().collect(Collectors.toMap(TensorSpec::name, Function.identity()));
        tensors.forEach((name, tensor) -> {
            TensorSpec spec = known.get(name);
            if (spec == null || !spec.accepts(tensor.type(), tensor.shape())) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        file + ": expected the " + kind + "s " + specs + ", got the " + kind + " "
                                + new TensorSpec(name, tensor.type(), tensor.shape()));
            }
        });
    }

    private static TensorSpec sample(Denoiser model, String name) {
        return TensorSpec.fp32(name, BATCH, model.inChannels(), model.inputSize(), model.inputSize());
    }

    /** The sample, its hint where there is one, and {@code others}. */
    private static List<TensorSpec> samples(Denoiser model, TensorSpec... others) {
        List<TensorSpec> specs = new ArrayList<>(List.of(sample(model, "sample")));
        if (model.hintChannels() > 0) {
            specs.add(TensorSpec.fp32("hint", BATCH, model.hintChannels(), model.inputSize(), model.inputSize()));
        }
        specs.addAll(List.of(others));
        return specs;
    }

    private static TensorSpec outSample(Denoiser model) {
        return TensorSpec.fp32("out_sample", BATCH, model.outChannels(), model.inputSize(), model.inputSize());
    }
}
