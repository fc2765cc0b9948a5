package org.maskrt.perf.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.Presets;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.reference.Parity;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.ScheduleConfig;
import org.maskrt.models.weights.Weights;
import org.maskrt.perf.TemporaryFolder;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.LoopMeter;
import org.maskrt.runtime.PipelineOptions;
import org.maskrt.runtime.device.MemoryUse;
import org.maskrt.runtime.trt.EngineFile;
import org.maskrt.runtime.trt.EngineLayers;
import org.maskrt.runtime.trt.EngineSidecar;
import org.maskrt.runtime.trt.EngineStore;

/**
 * Measures the engines of model folders on a GPU. Memory comes first, while no other program is on the device; then steps and generations; then
 * steps in turn with those of other programs.
 */
public final class GpuBench {
    /** Opens the loop of a model folder. */
    @FunctionalInterface
    public interface Meters {
        /** See {@link LoopMeter#open}. */
        LoopMeter open(Path folder, PipelineOptions options, int steps);
    }

    /**
     * What is measured.
     *
     * @param dtype of products, which peers get too
     * @param batches of pictures
     * @param steps of a generation
     * @param rounds of generations, and of all steps of one
     * @param peers commands of other programs
     */
    public record Plan(String dtype, List<Integer> batches, int steps, int rounds, List<List<String>> peers) {
        /** @throws MaskRtException USAGE for numbers out of range */
        public Plan {
            batches = batches.stream().distinct().sorted().toList();
            peers = peers.stream().map(List::copyOf).toList();
            if (batches.isEmpty() || batches.get(0) < 1 || steps < 1 || rounds < 1) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        "expected batches, steps and rounds of 1 or more, got --batch " + batches + " --steps " + steps
                                + " --rounds " + rounds);
            }
        }

        /** This plan with other programs. */
        public Plan withPeers(List<List<String>> commands) {
            return new Plan(dtype, batches, steps, rounds, commands);
        }

        private int most() {
            return batches.get(batches.size() - 1);
        }
    }

    /** What a program that computes in 16 bits throughout may differ by from fp32, relative to the largest magnitude. */
    private static final double SAME = 0.1;

    private final EngineSidecar.Platform platform;
    private final Meters meters;
    private final Plan plan;
    private final BenchListener listener;

    /** @param platform that engines are to be of */
    public GpuBench(EngineSidecar.Platform platform, Meters meters, Plan plan, BenchListener listener) {
        this.platform = platform;
        this.meters = meters;
        this.plan = plan;
        this.listener = listener;
    }

    /**
     * The model folder of a name: itself, or a preset with random weights and an autoencoder that is written to {@code place} unless it is there.
     *
     * @throws MaskRtException (USAGE) if {@code name} is neither a preset nor a model folder
     */
    public static Path folder(String name, Path place, long seed) {
        Path folder = Path.of(name);
        if (Files.isDirectory(folder)) {
            return folder;
        }
        if (!Presets.isName(name)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    name + ": expected a preset or a model folder; `maskrt inspect presets` lists the presets");
        }
        if (ModelFolder.isModelFolder(place)) {
            return place;
        }
        Denoiser model = Presets.of(name, Workload.DEFAULT.inputSize());
        AutoencoderKl vae = new AutoencoderKl(AutoencoderKlConfig.sdVae());
        CostOps ops = new CostOps();
        int picture = vae.config().downsampling() * model.inputSize();
        vae.encode(ops, ops.params(), ops.input(1, 3, picture, picture));
        vae.decode(
                ops, ops.params(), ops.input(1, vae.config().latentChannels(), model.inputSize(), model.inputSize()));
        Map<String, Shape> shapes = ops.weights();
        ModelFolder.write(
                place,
                new ModelFolder.Contents(model, RandomWeights.of(name, model, seed), ScheduleConfig.linear(), Map.of()),
                vae,
                Weights.lazy(
                        "an autoencoder with random weights",
                        shapes,
                        (path, shape) -> RandomWeights.tensor(path, shape, seed)),
                DType.F32);
        return place;
    }

    /**
     * Measures a model.
     *
     * @param name as it was given
     * @param folder with engines that take all batches, and the fp32 graphs that they were compared with
     */
    public GpuResult.Model measure(String name, Path folder) {
        EngineStore store = new EngineStore(folder);
        List<GpuResult.Engine> engines = new ArrayList<>();
        for (String graph : store.built()) {
            engines.add(engine(store.find(graph, platform)));
        }
        Denoiser model;
        try (ModelFolder files = ModelFolder.open(folder)) {
            model = files.denoiser();
        }
        EngineLayers layers =
                EngineLayers.of(store.find(Workload.GUIDED_STEP, platform).plan());
        List<GpuResult.Attention> attentions = StepWork.attentions(model).stream()
                .map(path -> new GpuResult.Attention(path, layers.attention(path)))
                .toList();
        GpuResult.Budgeted budgeted = budgeted(name, folder);
        try (LoopMeter meter = meters.open(folder, PipelineOptions.DEFAULT.withMaxBatch(plan.most()), plan.steps())) {
            Map<Integer, MemoryUse> peaks = new LinkedHashMap<>();
            for (int batch : plan.batches()) {
                listener.progress(name + ", memory at batch " + batch, 0, 1);
                meter.generation(batch);
                peaks.put(batch, meter.peak());
            }
            List<GpuResult.Steps> steps = new ArrayList<>();
            peaks.forEach((batch, peak) -> steps.add(steps(name, StepWork.of(model, batch), meter, peak)));
            List<GpuResult.Peer> peers = new ArrayList<>();
            for (List<String> command : plan.peers()) {
                peers.add(peer(name, folder, command, meter));
            }
            return new GpuResult.Model(name, engines, attentions, steps, meter.idle(), budgeted, peers);
        }
    }

    private static GpuResult.Engine engine(EngineFile file) {
        EngineSidecar is = file.sidecar();
        return new GpuResult.Engine(
                is.source().graph(),
                String.valueOf(file.plan().getFileName()),
                is.options().batches().toString(),
                is.result().seconds(),
                is.result().planBytes(),
                is.result().deviceBytes(),
                is.result().fusedAttention(),
                is.result().attention(),
                EngineLayers.of(file.plan()).layers().size(),
                is.checked().difference(),
                is.checked().bound());
    }

    private GpuResult.@Nullable Budgeted budgeted(String name, Path folder) {
        GpuTarget.Preset target = GpuTarget.preset(name);
        if (target == null || !plan.batches().contains(1)) {
            return null;
        }
        long budget = Math.round(target.peakBytes());
        listener.progress(name + ", one picture in " + Format.bytes(budget), 0, 1);
        PipelineOptions options = PipelineOptions.DEFAULT.withMaxBatch(1).withMemoryBudget(budget);
        try (LoopMeter meter = meters.open(folder, options, plan.steps())) {
            meter.generation(1);
            return new GpuResult.Budgeted(budget, meter.memoryChoices(), meter.peak());
        } catch (MaskRtException e) {
            if (e.code() != ExitCode.USAGE) {
                throw e;
            }
            return new GpuResult.Budgeted(budget, List.of(String.valueOf(e.getMessage())), null);
        }
    }

    private GpuResult.Steps steps(String name, StepWork work, LoopMeter meter, MemoryUse peak) {
        int batch = work.batch();
        List<Double> millis = new ArrayList<>();
        List<Double> denoise = new ArrayList<>();
        List<Double> decode = new ArrayList<>();
        for (int round = 0; round < plan.rounds(); round++) {
            listener.progress(name + ", batch " + batch, round, plan.rounds());
            LoopMeter.Generation generation = meter.generation(batch);
            // what the first one loads and records again is no part of a generation
            if (round > 0 || plan.rounds() == 1) {
                denoise.add(generation.denoiseMillis());
                if (generation.decodeMillis() != null) {
                    decode.add(generation.decodeMillis());
                }
            }
            millis.addAll(meter.steps(batch));
        }
        return new GpuResult.Steps(work, millis, denoise, decode, peak);
    }

    private GpuResult.Peer peer(String name, Path folder, List<String> command, LoopMeter meter) {
        String text = String.join(" ", command);
        Path place = temporary();
        Workload workload =
                new Workload(Workload.GUIDED_STEP, plan.batches(), plan.steps(), Workload.DEFAULT.inputSize(), 1);
        Path onnx = folder.resolve("onnx");
        try (Source source = Source.open(folder.toString(), workload);
                PeerContender peer = new PeerContender(
                        Stream.concat(command.stream(), Stream.of("--dtype", plan.dtype()))
                                .toList(),
                        List.of(
                                "--model",
                                folder.toAbsolutePath().toString(),
                                "--onnx",
                                onnx.resolve(Workload.GUIDED_STEP).toString(),
                                "--graph",
                                Workload.GUIDED_STEP,
                                "--threads",
                                Runtime.getRuntime().availableProcessors() + ""),
                        place)) {
            Subject subject = source.subject(Workload.GUIDED_STEP);
            List<GpuResult.PeerTimes> times = new ArrayList<>();
            for (int batch : plan.batches()) {
                Problem problem = new Modulator(source, onnx, workload).problem(subject, batch);
                try (Contender.Trial trial = peer.prepare(problem)) {
                    Double difference = times.isEmpty() ? difference(subject, onnx, problem, trial.result()) : null;
                    // NaN is too far as well
                    if (difference != null && !(difference <= SAME)) {
                        return failed(
                                peer.label(),
                                text,
                                String.format(
                                        Locale.ROOT,
                                        "expected what the fp32 graph computes, its result differs by %.1e of the"
                                                + " maximum",
                                        difference));
                    }
                    List<Double> theirs = new ArrayList<>();
                    List<Double> ours = new ArrayList<>();
                    for (int round = 0; round < plan.rounds(); round++) {
                        listener.progress(name + ", batch " + batch + ", " + peer.label(), round, plan.rounds());
                        ours.add(GpuResult.spreadOf(meter.steps(batch)).middle());
                        theirs.add(trial.run());
                    }
                    times.add(new GpuResult.PeerTimes(batch, theirs, ours, difference));
                }
            }
            return new GpuResult.Peer(peer.label(), text, "", times);
        } catch (MaskRtException e) {
            if (e.code() != ExitCode.ENVIRONMENT) {
                throw e;
            }
            return failed(text, text, String.valueOf(e.getMessage()));
        } finally {
            TemporaryFolder.delete(place);
        }
    }

    private static GpuResult.Peer failed(String label, String command, String why) {
        return new GpuResult.Peer(label, command, why, List.of());
    }

    /** How far a result is from that of the fp32 graph on the processor. */
    private static double difference(Subject subject, Path onnx, Problem problem, Tensor result) {
        try (GraphContender exact = new GraphContender(
                        "fp32",
                        Map.of(),
                        subject,
                        Backend.named(Backend.DEFAULT, 0),
                        onnx.resolve(Workload.GUIDED_STEP));
                Contender.Trial trial = exact.prepare(problem)) {
            trial.run();
            return Parity.of(problem.output(), trial.result(), result, 1).relative();
        }
    }

    private static Path temporary() {
        try {
            return Files.createTempDirectory("maskrt-bench");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
