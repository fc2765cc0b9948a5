package org.maskrt.exporter.graphs;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.vae.AutoencoderKl;

/**
 * The graphs of a model folder. C channels of the latent, C' of the output, K the length of a modulation vector. A model with a hint (E-MD3C) has
 * it as the input hint [B,C,H,W] beside each sample, and the input condition [B,D], CCNet's result, in place of class_labels [B].
 */
public final class ModelGraphs {

    private ModelGraphs() {}

    /** The plain model: sample [B,C,H,W], timestep [B], class_labels [B] to out_sample [B,C',H,W]. */
    public record Transformer(Denoiser model) implements ModelGraph {
        @Override
        public String name() {
            return "transformer";
        }

        @Override
        public List<Port> inputs() {
            return ports(model, Port.timesteps("timestep", Shape.BATCH), condition(model));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            return Map.of(
                    "out_sample",
                    model.forward(
                            ops,
                            p,
                            hinted(ops, model, in),
                            get(in, "timestep"),
                            get(in, condition(model).name())));
        }
    }

    /** All modulations of a generation: timesteps [S], class_labels [B] to modulation [S,B,K]. */
    public record Conditioner(Denoiser model) implements ModelGraph {
        @Override
        public String name() {
            return "conditioner";
        }

        @Override
        public List<Port> inputs() {
            return List.of(Port.timesteps("timesteps", Shape.STEPS), condition(model));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            return Map.of(
                    "modulation",
                    model.conditioner(
                            ops,
                            p,
                            get(in, "timesteps"),
                            get(in, condition(model).name())));
        }
    }

    /** The body: sample [B,C,H,W], modulation [B,K] to out_sample [B,C',H,W]. */
    public record Body(Denoiser model) implements ModelGraph {
        @Override
        public String name() {
            return "denoiser";
        }

        @Override
        public List<Port> inputs() {
            return ports(model, modulation("modulation", model));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            return Map.of("out_sample", model.denoise(ops, p, hinted(ops, model, in), get(in, "modulation")));
        }
    }

    /**
     * One sampling step with classifier-free guidance: sample x [B,C,H,W], modulation and modulation_uncond [B,K], guidance g [B],
     * coefficients (a,b,c,d) [B,4], eps_prev and noise [B,C,H,W] to next_sample and eps [B,C,H,W], where
     * eps = eps_u + g (eps_c - eps_u) on the guided channels, eps_c on the others, and next_sample = a x + b eps + c eps_prev + d noise.
     */
    public record GuidedStep(Denoiser model, GuidedChannels guided) implements ModelGraph {
        @Override
        public String name() {
            return "guided_step";
        }

        @Override
        public List<Port> inputs() {
            return ports(
                    model,
                    modulation("modulation", model),
                    modulation("modulation_uncond", model),
                    Port.values("guidance", Shape.BATCH),
                    Port.values("coefficients", Shape.BATCH, 4),
                    latent("eps_prev", model),
                    latent("noise", model));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            T modulations = ops.concat(0, List.of(get(in, "modulation"), get(in, "modulation_uncond")));
            T rows = hinted(ops, model, in);
            T out = model.denoise(ops, p, ops.concat(0, List.of(rows, rows)), modulations);
            int batch = ops.shape(get(in, "sample")).dim(0);
            List<T> halves = ops.split(noise(ops, model, out), 0, batch, batch);
            T eps = guide(ops, halves.get(0), halves.get(1), ops.reshape(get(in, "guidance"), Shape.BATCH, 1, 1, 1));

            return next(ops, in, eps);
        }

        private <T> T guide(Ops<T> ops, T conditional, T unconditional, T weight) {
            int channels = model.inChannels();
            int count = guided.count(channels);
            boolean all = count == channels;
            T c = all ? conditional : ops.slice(conditional, 1, 0, count);
            T u = all ? unconditional : ops.slice(unconditional, 1, 0, count);
            T eps = ops.add(u, ops.mul(weight, ops.sub(c, u)));
            return all ? eps : ops.concat(1, List.of(eps, ops.slice(conditional, 1, count, channels)));
        }
    }

    /**
     * The model with its side-interpolater kept: sample [B,C,H,W], timestep [B], class_labels [B], hidden [B,N,1] (1 where the encoder must
     * not see a token) to out_sample [B,C',H,W].
     */
    public record Inpaint(MdtDenoiser model) implements ModelGraph {
        @Override
        public String name() {
            return "inpaint";
        }

        @Override
        public List<Port> inputs() {
            return ports(
                    model,
                    Port.timesteps("timestep", Shape.BATCH),
                    condition(model),
                    Port.mask("hidden", Shape.BATCH, model.tokens(), 1));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            return Map.of(
                    "out_sample",
                    model.inpaint(
                            ops,
                            p,
                            hinted(ops, model, in),
                            get(in, "timestep"),
                            get(in, condition(model).name()),
                            get(in, "hidden")));
        }
    }

    /** E-MD3C's conditions collector: the features of the sources, each under its name, to condition [B,D]. */
    public record CcNet(Emd3c model) implements ModelGraph {
        @Override
        public String name() {
            return "ccnet";
        }

        @Override
        public List<Port> inputs() {
            List<Port> ports = new ArrayList<>();
            List<Shape> shapes = model.config().featureShapes(Shape.BATCH);
            for (int i = 0; i < shapes.size(); i++) {
                ports.add(Port.values(
                        model.config().sources().get(i).name(), shapes.get(i).dims()));
            }
            return ports;
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            List<T> features = model.config().sources().stream()
                    .map(source -> get(in, source.name()))
                    .toList();
            return Map.of("condition", model.collect(ops, p, features));
        }
    }

    /**
     * Pictures sample [B,3,H,W] in [-1,1] to moments [B,2L,h,w].
     *
     * @param size height and width of the pictures
     */
    public record VaeEncoder(AutoencoderKl vae, int size) implements ModelGraph {
        @Override
        public String name() {
            return "vae_encoder";
        }

        @Override
        public List<Port> inputs() {
            return List.of(Port.values("sample", Shape.BATCH, vae.config().inChannels(), size, size));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            return Map.of("moments", vae.encode(ops, p, get(in, "sample")));
        }
    }

    /**
     * latent_sample [B,L,h,w], already divided by the scaling factor, to pictures sample [B,3,H,W].
     *
     * @param size height and width of the pictures
     */
    public record VaeDecoder(AutoencoderKl vae, int size) implements ModelGraph {
        @Override
        public String name() {
            return "vae_decoder";
        }

        @Override
        public List<Port> inputs() {
            int side = size / vae.config().downsampling();
            return List.of(
                    Port.values("latent_sample", Shape.BATCH, vae.config().latentChannels(), side, side));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            return Map.of("sample", vae.decode(ops, p, get(in, "latent_sample")));
        }
    }

    /**
     * Pictures pixels [B,3,H,W], normalised, to class_token [B,D] and patch_tokens [B,N,D] after the last norm.
     *
     * @param name of the part of the model folder, and of the graph
     * @param size height and width of the pictures
     */
    public record ImageEncoder(DinoV2 encoder, String name, int size) implements ModelGraph {
        @Override
        public List<Port> inputs() {
            return List.of(Port.values("pixels", Shape.BATCH, encoder.config().numChannels(), size, size));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            DinoV2.Features<T> features = encoder.forward(ops, p, get(in, "pixels"));
            Map<String, T> outputs = new LinkedHashMap<>();
            outputs.put("class_token", features.classToken());
            outputs.put("patch_tokens", features.patchTokens());
            return outputs;
        }
    }

    static Port latent(String name, Denoiser model) {
        return Port.values(name, Shape.BATCH, model.inChannels(), model.inputSize(), model.inputSize());
    }

    /** The sample, its hint where there is one, and {@code others}. */
    static List<Port> ports(Denoiser model, Port... others) {
        List<Port> ports = new ArrayList<>(List.of(latent("sample", model)));
        if (model.hintChannels() > 0) {
            ports.add(Port.values("hint", Shape.BATCH, model.hintChannels(), model.inputSize(), model.inputSize()));
        }
        ports.addAll(List.of(others));
        return ports;
    }

    static <T> T hinted(Ops<T> ops, Denoiser model, Map<String, T> in) {
        T sample = get(in, "sample");
        return model.hintChannels() == 0 ? sample : ops.concat(1, List.of(get(in, "hint"), sample));
    }

    /** The noise that a model's output begins with: [B,C',H,W] to [B,C,H,W]. */
    static <T> T noise(Ops<T> ops, Denoiser model, T out) {
        return model.inChannels() == model.outChannels() ? out : ops.slice(out, 1, 0, model.inChannels());
    }

    /** next_sample = a sample + b eps + c eps_prev + d noise, and eps. */
    static <T> Map<String, T> next(Ops<T> ops, Map<String, T> in, T eps) {
        List<T> factors = ops.split(get(in, "coefficients"), 1, 1, 1, 1, 1);
        List<T> terms = List.of(get(in, "sample"), eps, get(in, "eps_prev"), get(in, "noise"));
        List<T> scaled = new ArrayList<>();
        for (int i = 0; i < terms.size(); i++) {
            scaled.add(ops.mul(terms.get(i), ops.reshape(factors.get(i), Shape.BATCH, 1, 1, 1)));
        }
        Map<String, T> outputs = new LinkedHashMap<>();
        outputs.put("next_sample", scaled.stream().reduce(ops::add).orElseThrow());
        outputs.put("eps", eps);
        return outputs;
    }

    private static Port condition(Denoiser model) {
        return model.conditionWidth() == 0
                ? Port.labels("class_labels", model.numClasses())
                : Port.values("condition", Shape.BATCH, model.conditionWidth());
    }

    private static Port modulation(String name, Denoiser model) {
        return Port.values(name, Shape.BATCH, model.modulationSize());
    }

    static <T> T get(Map<String, T> in, String name) {
        T value = in.get(name);
        if (value == null) {
            throw new IllegalArgumentException("the input " + name + " is missing, received " + in.keySet());
        }
        return value;
    }
}
