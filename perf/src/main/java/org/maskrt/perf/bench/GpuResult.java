package org.maskrt.perf.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.perf.Spread;
import org.maskrt.runtime.device.MemoryUse;
import org.maskrt.runtime.trt.EngineLayers.Fusion;
import org.maskrt.runtime.trt.Gpu;

/**
 * What a benchmark on a GPU measured; {@code docs/tensorrt.md} describes it as JSON.
 *
 * @param schema of the JSON
 * @param run when, how and on what
 * @param limits of the GPU; null where its data sheet is not known
 * @param projected the limits of the GPU that steps are projected to; null for none
 * @param models in the order in which they were named
 * @param demos shipped models whose pictures were compared
 */
public record GpuResult(
        int schema,
        Run run,
        @Nullable Limits limits,
        @Nullable Limits projected,
        List<Model> models,
        List<Demo> demos) {
    /** The schema that this version writes. */
    public static final int SCHEMA = 1;

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .disable(MapperFeature.AUTO_DETECT_IS_GETTERS)
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    public GpuResult {
        models = List.copyOf(models);
        demos = List.copyOf(demos);
    }

    /**
     * The circumstances.
     *
     * @param created when, ISO 8601
     * @param command that repeats it
     * @param machine with the versions of programs and libraries
     * @param gpu that was measured
     * @param dtype of products
     * @param steps of a generation
     * @param notes what was left out, and why
     */
    public record Run(
            String created, String command, Machine machine, Gpu gpu, String dtype, int steps, List<String> notes) {
        public Run {
            notes = List.copyOf(notes);
        }
    }

    /**
     * A model.
     *
     * @param name as it was given
     * @param engines of its graphs
     * @param attentions of its guided step, in the order of its blocks
     * @param steps of each batch
     * @param idle memory in use when the device was opened
     * @param budgeted a run within the memory that is the target; null where there is none
     * @param peers in the order in which they were named
     */
    public record Model(
            String name,
            List<Engine> engines,
            List<Attention> attentions,
            List<Steps> steps,
            MemoryUse idle,
            @Nullable Budgeted budgeted,
            List<Peer> peers) {
        public Model {
            engines = List.copyOf(engines);
            attentions = List.copyOf(attentions);
            steps = List.copyOf(steps);
            peers = List.copyOf(peers);
        }

        /** The steps of a batch; null if it was not measured. */
        @Nullable
        Steps steps(int batch) {
            return steps.stream().filter(s -> s.batch() == batch).findFirst().orElse(null);
        }

        int fused() {
            return (int)
                    attentions.stream().filter(a -> a.fusion() == Fusion.FUSED).count();
        }
    }

    /**
     * An engine.
     *
     * @param plan the name of its file
     * @param built what it was built for, such as 1:1:16
     * @param buildSeconds of the build, whether of this run or an earlier one
     * @param planBytes of the file, and about of the weights on the device
     * @param activationBytes for its largest batch
     * @param fusedAttention attentions that TensorRT made one kernel, by its names
     * @param attention attentions that the graph has
     * @param kernels that TensorRT tells apart
     * @param difference from the fp32 graph on ONNX Runtime, relative to the largest magnitude
     * @param bound of that difference
     */
    public record Engine(
            String graph,
            String plan,
            String built,
            double buildSeconds,
            long planBytes,
            long activationBytes,
            int fusedAttention,
            int attention,
            int kernels,
            double difference,
            double bound) {}

    /** What became of a block's attention. */
    public record Attention(String path, Fusion fusion) {}

    /**
     * Guided steps of one batch.
     *
     * @param work that a step has
     * @param millis of each step, by CUDA events
     * @param denoiseMillis of whole generations without decoding, by the host's clock
     * @param decodeMillis of their decoding; none where there is no autoencoder
     * @param peak the most memory in use so far, other programs included
     */
    public record Steps(
            StepWork work, List<Double> millis, List<Double> denoiseMillis, List<Double> decodeMillis, MemoryUse peak) {
        public Steps {
            millis = List.copyOf(millis);
            denoiseMillis = List.copyOf(denoiseMillis);
            decodeMillis = List.copyOf(decodeMillis);
        }

        @JsonProperty
        public int batch() {
            return work.batch();
        }

        /** The median of a step. */
        @JsonProperty
        public double median() {
            return spread().middle();
        }

        Spread spread() {
            return spreadOf(millis);
        }

        /** Seconds of a picture without its decoding: the median of generations over their pictures. */
        @JsonProperty
        public double imageSeconds() {
            return spreadOf(denoiseMillis).middle() / 1e3 / batch();
        }

        /** Seconds of a picture; null where none is decoded. */
        @JsonProperty
        public @Nullable Double decodedImageSeconds() {
            return decodeMillis.isEmpty()
                    ? null
                    : Double.valueOf(imageSeconds() + spreadOf(decodeMillis).middle() / 1e3 / batch());
        }
    }

    static Spread spreadOf(List<Double> values) {
        return Spread.of(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    /**
     * A generation of one picture within a memory budget.
     *
     * @param budget bytes
     * @param choices how the memory is shared and why, or why nothing fits
     * @param peak the most memory in use; null where nothing fits
     */
    public record Budgeted(
            long budget, List<String> choices, @Nullable MemoryUse peak) {
        public Budgeted {
            choices = List.copyOf(choices);
        }

        /** The larger count of the two; null where nothing fits. */
        @JsonProperty
        public @Nullable Double peakBytes() {
            return peak == null ? null : Double.valueOf((double) Math.max(peak.cuda(), peak.nvml()));
        }
    }

    /**
     * Another program on the same weights and inputs.
     *
     * @param label what it says of itself
     * @param command that starts it
     * @param failure why it was not measured; empty if it was
     */
    public record Peer(String label, String command, String failure, List<PeerTimes> times) {
        public Peer {
            times = List.copyOf(times);
        }
    }

    /**
     * A program's steps of one batch, in turn with ours.
     *
     * @param millis of each round: the median of its steps by CUDA events
     * @param ours of each round: the median of our steps
     * @param difference of its result from the fp32 graph, relative to the largest magnitude; null for all batches but the first
     */
    public record PeerTimes(
            int batch,
            List<Double> millis,
            List<Double> ours,
            @Nullable Double difference) {
        public PeerTimes {
            millis = List.copyOf(millis);
            ours = List.copyOf(ours);
        }

        /** Our time over its, the median of the rounds. */
        @JsonProperty
        public double ratio() {
            double[] ratios = new double[millis.size()];
            for (int i = 0; i < ratios.length; i++) {
                ratios[i] = ours.get(i) / millis.get(i);
            }
            return Spread.of(ratios).middle();
        }
    }

    /**
     * A shipped model's pictures on the GPU beside those of ONNX Runtime in fp32, from the same noise.
     *
     * @param psnr of each picture
     * @param judged what is counted, such as the class that was asked for
     * @param right share of pictures of the GPU
     * @param rightInFp32 share of pictures in fp32
     */
    public record Demo(String name, int steps, List<Double> psnr, String judged, double right, double rightInFp32) {
        public Demo {
            psnr = List.copyOf(psnr);
        }

        @JsonProperty
        public double leastPsnr() {
            return psnr.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
        }
    }

    /**
     * A step as it would be on the GPU that is projected to: from what was measured here, not measured there.
     *
     * @param efficiency of the kernels here: the time at their limits over the time measured
     * @param millis of a step there with that efficiency
     * @param imageSeconds of a picture's steps there
     */
    public record Projection(String model, int batch, double efficiency, double millis, double imageSeconds) {}

    /** Every step on the GPU that is projected to; none if there is none, or the limits here are not known. */
    @JsonProperty
    public List<Projection> projections() {
        Limits here = limits;
        Limits there = projected;
        if (here == null || there == null) {
            return List.of();
        }
        return models.stream()
                .flatMap(model -> model.steps().stream().map(steps -> {
                    double millis = steps.work().projectedMillis(steps.median(), here, there);
                    return new Projection(
                            model.name(),
                            steps.batch(),
                            steps.work().serialMillis(here) / steps.median(),
                            millis,
                            run.steps() * millis / 1e3 / steps.batch());
                }))
                .toList();
    }

    /** Each target and whether it is reached. */
    @JsonProperty
    public List<GpuTarget> targets() {
        return GpuTarget.of(this);
    }

    /** As JSON. */
    public String json() {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(this) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
