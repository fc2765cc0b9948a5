package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.GuidedChannels.OutputChannels;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.mdt.MdtDenoiser;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;

/** A backend without graphs: the models themselves on {@link ReferenceOps}, with random weights. It counts the runs of each graph. */
final class ReferenceBackend implements Backend {
    final Map<String, AtomicInteger> runs = new ConcurrentHashMap<>();
    final AtomicInteger allocated = new AtomicInteger();
    boolean closed;

    private final Denoiser model;
    private final AutoencoderKl vae;
    private final GuidedChannels guided;

    private final Params<Tensor> params;

    /** A small image encoder, for models that need one. */
    static final DinoV2 ENCODER = new DinoV2(new DinoV2Config(28, 14, 3, 8, 1, 2, 2, false, 0, false, 0.1));

    /** With random weights times {@code scale}: NaN makes everything NaN. */
    ReferenceBackend(Denoiser model, AutoencoderKl vae, GuidedChannels guided, float scale) {
        this(model, vae, guided, Params.of((path, shape) -> weight(path, shape, scale)));
    }

    ReferenceBackend(Denoiser model, AutoencoderKl vae, GuidedChannels guided, Params<Tensor> params) {
        this.model = model;
        this.vae = vae;
        this.guided = guided;
        this.params = params;
    }

    static Tensor weight(String path, Shape shape, float scale) {
        Random random = new Random(path.hashCode());
        float[] values = new float[shape.size()];
        double std = shape.rank() < 2 ? 0.1 : 0.7 / Math.sqrt(values.length / (double) shape.dim(0));
        for (int i = 0; i < values.length; i++) {
            values[i] = scale * (float) (std * random.nextGaussian());
        }
        return Tensor.of(values, shape);
    }

    int runs(String graph) {
        AtomicInteger count = runs.get(graph);
        return count == null ? 0 : count.get();
    }

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public String description() {
        return "reference";
    }

    @Override
    public DeviceTensor floats(int... dims) {
        allocated.incrementAndGet();
        return new HostTensor(Tensor.zeros(dims));
    }

    @Override
    public DeviceTensor indices(int... dims) {
        allocated.incrementAndGet();
        return new HostTensor(Tensor.ofIndices(new long[Shape.of(dims).size()], dims));
    }

    @Override
    public void close() {
        closed = true;
    }

    @Override
    public Graph open(Path folder, GraphSignature expected) {
        runs.putIfAbsent(expected.name(), new AtomicInteger());
        return new Graph() {
            @Override
            public GraphSignature signature() {
                return expected;
            }

            @Override
            public Binding bind(
                    Map<String, ? extends DeviceTensor> inputs, Map<String, ? extends DeviceTensor> outputs) {
                return () -> {
                    runs.get(expected.name()).incrementAndGet();
                    Map<String, Tensor> in = new LinkedHashMap<>();
                    inputs.forEach((name, tensor) -> in.put(name, ((HostTensor) tensor).data));
                    Map<String, Tensor> out = run(expected.name(), in);
                    outputs.forEach((name, tensor) -> tensor.write(out.get(name).values()));
                };
            }

            @Override
            public void close() {}
        };
    }

    Map<String, Tensor> run(String graph, Map<String, Tensor> in) {
        ReferenceOps ops = new ReferenceOps();
        Params<Tensor> p = params;
        return switch (graph) {
            case "conditioner" -> Map.of("modulation", model.conditioner(ops, p, in.get("timesteps"), condition(in)));
            case "denoiser" -> Map.of("out_sample", model.denoise(ops, p, hinted(ops, in), in.get("modulation")));
            case "ccnet" ->
                Map.of(
                        "condition",
                        ((Emd3c) model)
                                .collect(
                                        ops,
                                        p,
                                        ((Emd3c) model)
                                                .config().sources().stream()
                                                        .map(s -> in.get(s.name()))
                                                        .toList()));
            case "image_encoder" -> {
                DinoV2.Features<Tensor> features = ENCODER.forward(ops, p, in.get("pixels"));
                yield Map.of("class_token", features.classToken(), "patch_tokens", features.patchTokens());
            }
            case "inpaint" ->
                Map.of(
                        "out_sample",
                        ((MdtDenoiser) model)
                                .inpaint(
                                        ops,
                                        p,
                                        in.get("sample"),
                                        in.get("timestep"),
                                        in.get("class_labels"),
                                        in.get("hidden")));
            case "vae_encoder" -> Map.of("moments", vae.encode(ops, p, in.get("sample")));
            case "vae_decoder" -> Map.of("sample", vae.decode(ops, p, in.get("latent_sample")));
            case "guided_step" -> guidedStep(ops, p, in);
            default -> throw new MaskRtException(ExitCode.FAILURE, "no graph " + graph);
        };
    }

    private Tensor condition(Map<String, Tensor> in) {
        return in.get(model.conditionWidth() == 0 ? "class_labels" : "condition");
    }

    private Tensor hinted(ReferenceOps ops, Map<String, Tensor> in) {
        return model.hintChannels() == 0 ? in.get("sample") : ops.concat(1, List.of(in.get("hint"), in.get("sample")));
    }

    private Map<String, Tensor> guidedStep(ReferenceOps ops, Params<Tensor> p, Map<String, Tensor> in) {
        Tensor x = in.get("sample");
        Tensor rows = hinted(ops, in);
        float[] conditional = model.denoise(ops, p, rows, in.get("modulation")).values();
        float[] unconditional =
                model.denoise(ops, p, rows, in.get("modulation_uncond")).values();
        OutputChannels channels = new OutputChannels(model.inChannels(), model.outChannels());
        float[] out = new float[conditional.length];
        guided.combine(conditional, unconditional, in.get("guidance").values(), channels, out);
        return update(ops, in, Tensor.of(out, x.dim(0), model.outChannels(), x.dim(2), x.dim(3)));
    }

    /** {@code guided_step} on the conditional half alone. */
    Map<String, Tensor> halfStep(Map<String, Tensor> in) {
        ReferenceOps ops = new ReferenceOps();
        return update(ops, in, model.denoise(ops, params, hinted(ops, in), in.get("modulation")));
    }

    private Map<String, Tensor> update(ReferenceOps ops, Map<String, Tensor> in, Tensor out) {
        Tensor x = in.get("sample");
        Tensor eps = ops.slice(out, 1, 0, model.inChannels());
        Tensor next = Tensor.zeros(x.shape().dims());
        List<Tensor> terms = List.of(x, eps, in.get("eps_prev"), in.get("noise"));
        for (int t = 0; t < terms.size(); t++) {
            Tensor factor = ops.reshape(ops.slice(in.get("coefficients"), 1, t, t + 1), -1, 1, 1, 1);
            next = ops.add(next, ops.mul(factor, terms.get(t)));
        }
        return Map.of("next_sample", next, "eps", eps);
    }

    private static final class HostTensor implements DeviceTensor {
        private final Tensor data;

        HostTensor(Tensor data) {
            this.data = data;
        }

        @Override
        public ElementType type() {
            return data.isIndices() ? ElementType.INT64 : ElementType.FP32;
        }

        @Override
        public Shape shape() {
            return data.shape();
        }

        @Override
        public void write(int at, float[] values, int from, int count) {
            System.arraycopy(values, from, data.values(), at, count);
        }

        @Override
        public void writeIndices(long[] values) {
            System.arraycopy(values, 0, data.indices(), 0, values.length);
        }

        @Override
        public void read(int at, float[] into, int to, int count) {
            System.arraycopy(data.values(), at, into, to, count);
        }

        @Override
        public void copy(int at, DeviceTensor source, int from, int count) {
            System.arraycopy(((HostTensor) source).data.values(), from, data.values(), at, count);
        }

        @Override
        public void close() {}
    }
}
