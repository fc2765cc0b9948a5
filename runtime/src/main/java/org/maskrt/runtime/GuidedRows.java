package org.maskrt.runtime;

import static org.maskrt.models.ops.Shape.BATCH;

import ai.onnxruntime.OrtEnvironment;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.diffusion.GuidedChannels.OutputChannels;

/**
 * The graph {@code guided_step} as {@link RowRuns} of the graph {@code denoiser}, one for each row. Each row is quantised alone, so that it does not
 * depend on the others.
 */
final class GuidedRows implements Graph {
    private final Path folder;
    private final GraphSignature signature;
    private final GuidedChannels guided;
    private final Graph denoiser;
    private final Backend backend;
    private final Map<Integer, Deque<Workspace>> idle = new HashMap<>();
    private final RowRuns runs = new RowRuns();
    private boolean closed;

    /**
     * Takes over {@code denoiser}.
     *
     * @param folder of {@code guided_step}
     * @param signature of {@code guided_step}
     * @param guided the channels that it guides
     * @param denoiser a graph of {@link #row}, safe for several threads
     * @param backend makes its tensors
     */
    GuidedRows(Path folder, GraphSignature signature, GuidedChannels guided, Graph denoiser, Backend backend) {
        this.folder = folder;
        this.signature = signature.taking(
                denoiser.signature().inputs().stream().map(TensorSpec::name).collect(Collectors.toSet()));
        this.guided = guided;
        this.denoiser = denoiser;
        this.backend = backend;
    }

    /**
     * The folder of the graph that does the work of the one in {@code folder}; null where that one is to run itself. A graph whose files are not those
     * that were exported does, for what is wrong with it to show.
     */
    static @Nullable Path denoiser(Path folder, GraphSignature expected) {
        Path denoiser = folder.resolveSibling("denoiser");
        return expected.name().equals("guided_step") && ExportInfo.alike(folder, denoiser) && ExportInfo.intact(folder)
                ? denoiser
                : null;
    }

    /** What the denoiser of a {@code guided_step} takes and gives. */
    static GraphSignature row(GraphSignature guidedStep) {
        List<TensorSpec> inputs = guidedStep.inputs().stream()
                .filter(spec -> List.of("sample", "hint", "modulation").contains(spec.name()))
                .toList();
        TensorSpec sample = inputs.get(0);
        return new GraphSignature(
                "denoiser",
                inputs,
                List.of(TensorSpec.fp32(
                        "out_sample",
                        BATCH,
                        BATCH,
                        sample.shape().dim(2),
                        sample.shape().dim(3))),
                guidedStep.optional());
    }

    @Override
    public GraphSignature signature() {
        return signature;
    }

    @Override
    public Binding bind(Map<String, ? extends DeviceTensor> inputs, Map<String, ? extends DeviceTensor> outputs) {
        signature.requireFit(folder, inputs, outputs);
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        List<Map<String, OrtTensor>> rows = new ArrayList<>();
        for (String modulation : List.of("modulation", "modulation_uncond")) {
            Map<String, List<OrtTensor>> parts = new HashMap<>();
            for (TensorSpec spec : denoiser.signature().inputs()) {
                String name = spec.name().equals("modulation") ? modulation : spec.name();
                parts.put(spec.name(), ((OrtTensor) get(inputs, name)).rows(environment));
            }
            for (int b = 0; b < get(inputs, "guidance").shape().dim(0); b++) {
                int at = b;
                Map<String, OrtTensor> row = new HashMap<>();
                parts.forEach((name, tensors) -> row.put(name, tensors.get(at)));
                rows.add(row);
            }
        }
        int batch = rows.size() / 2;
        return () -> {
            Workspace space = take(batch);
            try {
                List<Runnable> each = new ArrayList<>(rows.size());
                for (int i = 0; i < rows.size(); i++) {
                    each.add(denoiser.bind(rows.get(i), Map.of("out_sample", space.results.get(i)))::run);
                }
                runs.inTurn(each);
                space.update(guided, inputs, outputs);
            } finally {
                giveBack(space);
            }
        };
    }

    private static DeviceTensor get(Map<String, ? extends DeviceTensor> inputs, String name) {
        return Objects.requireNonNull(inputs.get(name), name);
    }

    private synchronized Workspace take(int batch) {
        Deque<Workspace> free = idle.computeIfAbsent(batch, b -> new ArrayDeque<>());
        if (!free.isEmpty()) {
            return free.pop();
        }
        int[] dims = denoiser.signature().outputs().get(0).shape().with(0, 1).dims();
        List<DeviceTensor> results = new ArrayList<>();
        for (int i = 0; i < 2 * batch; i++) {
            results.add(backend.floats(dims));
        }
        TensorSpec sample = signature.inputs().stream()
                .filter(spec -> spec.name().equals("sample"))
                .findFirst()
                .orElseThrow();
        return new Workspace(batch, sample.shape().dim(1), dims, results);
    }

    private synchronized void giveBack(Workspace space) {
        if (closed) {
            space.close();
        } else {
            idle.computeIfAbsent(space.batch, b -> new ArrayDeque<>()).push(space);
        }
    }

    /** What a run of a batch writes to before its outputs; taken by one run at a time, so that a step allocates none of it. */
    private static final class Workspace implements AutoCloseable {
        final int batch;
        final List<DeviceTensor> results;
        private final OutputChannels channels;
        private final float[] output;
        private final float[] unconditional;
        private final float[] weight = new float[1];
        private final float[] weights;
        private final float[] coefficients;
        private final float[] x;
        private final float[] previous;
        private final float[] noise;
        private final float[] eps;
        private final float[] next;

        /** @param dims of a row's result */
        Workspace(int batch, int channels, int[] dims, List<DeviceTensor> results) {
            this.batch = batch;
            this.results = results;
            this.channels = new OutputChannels(channels, dims[1]);
            int plane = dims[2] * dims[3];
            output = new float[dims[1] * plane];
            unconditional = new float[output.length];
            weights = new float[batch];
            coefficients = new float[4 * batch];
            x = new float[batch * channels * plane];
            previous = new float[x.length];
            noise = new float[x.length];
            eps = new float[x.length];
            next = new float[x.length];
        }

        /** eps by guidance, and next_sample = a x + b eps + c eps_prev + d noise. */
        void update(
                GuidedChannels guided,
                Map<String, ? extends DeviceTensor> inputs,
                Map<String, ? extends DeviceTensor> outputs) {
            get(inputs, "sample").read(x);
            get(inputs, "eps_prev").read(previous);
            get(inputs, "noise").read(noise);
            get(inputs, "coefficients").read(coefficients);
            get(inputs, "guidance").read(weights);
            int latent = x.length / batch;
            for (int b = 0; b < batch; b++) {
                results.get(b).read(output);
                results.get(batch + b).read(unconditional);
                weight[0] = weights[b];
                guided.combine(output, unconditional, weight, channels, output);
                System.arraycopy(output, 0, eps, b * latent, latent);
                for (int i = b * latent; i < (b + 1) * latent; i++) {
                    next[i] = coefficients[4 * b] * x[i]
                            + coefficients[4 * b + 1] * eps[i]
                            + coefficients[4 * b + 2] * previous[i]
                            + coefficients[4 * b + 3] * noise[i];
                }
            }
            outputs.forEach((name, tensor) -> tensor.write(name.equals("eps") ? eps : next));
        }

        @Override
        public void close() {
            results.forEach(DeviceTensor::close);
        }
    }

    @Override
    public void close() {
        denoiser.close();
        runs.close();
        synchronized (this) {
            closed = true;
            idle.values().forEach(spaces -> spaces.forEach(Workspace::close));
            idle.clear();
        }
    }
}
