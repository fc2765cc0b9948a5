package org.maskrt.perf.compare;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Tensor;

/**
 * What the layers of two variants compute on the same inputs: those that the first picture of one of them gives its graphs. The conditioner runs on all
 * timesteps, the denoiser at chosen steps, with the condition and without.
 */
final class Layers {
    private static final String CCNET = "ccnet";
    private static final String CONDITIONER = "conditioner";
    private static final String DENOISER = "denoiser";
    private static final String GUIDED_STEP = "guided_step";
    private static final String MODULATION = "modulation";
    private static final String UNCONDITIONAL = "modulation_uncond";
    private static final String TIMESTEP = "timestep";
    private static final Set<String> STEPS = Set.of(DENOISER, GUIDED_STEP);
    private static final String LABELS = "class_labels";

    private final Variant a;
    private final Variant b;
    private final Task task;
    /** Whether the values of attentions are divided by other factors in one of them. */
    private final boolean values;

    /** Inputs of a graph at a step, from 1; 0 where it runs once. */
    private record Run(int step, String graph, Map<String, Tensor> inputs) {}

    Layers(Variant a, Variant b, Task task) {
        this.a = a;
        this.b = b;
        this.task = task;
        this.values = a.scalesValues() || b.scalesValues();
    }

    /** Whether one of them shows its inputs. */
    boolean comparable() {
        return a.spy() != null || b.spy() != null;
    }

    CompareResult.@Nullable Paths compare(List<Integer> chosen, double departs, BiConsumer<Integer, Integer> progress) {
        Variant shown = a.spy() != null ? a : b;
        InputSpy spy = shown.spy();
        if (spy == null) {
            return null;
        }
        List<Run> runs = record(shown, spy, chosen);
        Map<String, Row> rows = new LinkedHashMap<>();
        try (PathOutputs ofA = a.paths();
                PathOutputs ofB = b.paths()) {
            if (!(ofA.has(DENOISER) && ofB.has(DENOISER))) {
                return null;
            }
            for (int i = 0; i < runs.size(); i++) {
                progress.accept(i, runs.size());
                Run run = runs.get(i);
                if (ofA.has(run.graph) && ofB.has(run.graph)) {
                    add(rows, run, ofA.run(run.graph, run.inputs), ofB.run(run.graph, run.inputs));
                }
            }
        }
        return new CompareResult.Paths(
                1,
                chosen.stream().map(i -> i + 1).toList(),
                departs,
                rows.values().stream().map(Row::result).toList());
    }

    private void add(Map<String, Row> rows, Run run, Map<String, float[]> x, Map<String, float[]> y) {
        boolean queries = a.scalesQueries() != b.scalesQueries();
        for (String path : PathOutputs.of(a.source().subject(run.graph).graph())) {
            float[] signal = x.get(path);
            float[] other = y.get(path);
            boolean otherScale =
                    ((queries || values) && path.endsWith(".attn.qkv")) || (values && path.endsWith(".attn"));
            if (signal != null && other != null && signal.length == other.length && !otherScale) {
                rows.computeIfAbsent(run.graph + " " + path, key -> new Row(run.graph, path))
                        .add(run.step, signal, other);
            }
        }
    }

    private static final class Row {
        private final String graph;
        private final String path;
        private final Snr all = new Snr();
        private final Map<Integer, Snr> steps = new LinkedHashMap<>();

        Row(String graph, String path) {
            this.graph = graph;
            this.path = path;
        }

        void add(int step, float[] signal, float[] other) {
            all.add(signal, other);
            steps.computeIfAbsent(step, s -> new Snr()).add(signal, other);
        }

        CompareResult.Path result() {
            int worst = -1;
            double least = Double.POSITIVE_INFINITY;
            for (Map.Entry<Integer, Snr> step : steps.entrySet()) {
                double snr = step.getValue().decibels();
                if (worst < 0 || !(snr >= least)) {
                    worst = step.getKey();
                    least = snr;
                }
            }
            return new CompareResult.Path(graph, path, all.decibels(), least, worst);
        }
    }

    private List<Run> record(Variant shown, InputSpy spy, List<Integer> chosen) {
        List<Run> runs = new ArrayList<>();
        List<Tensor> times = new ArrayList<>();
        spy.take();
        spy.listen(true);
        try {
            task.follow(shown.pipeline(), 1, (i, latents) -> {
                for (InputSpy.Run run : spy.take()) {
                    if (run.graph().equals(CONDITIONER)) {
                        runs.add(new Run(0, CONDITIONER, conditioned(run.inputs())));
                        Tensor steps = run.inputs().get("timesteps");
                        for (int s = 0; steps != null && s < steps.size(); s++) {
                            times.add(Tensor.of(new float[] {steps.values()[s]}, 1));
                        }
                    } else if (run.graph().equals(CCNET)) {
                        runs.add(new Run(0, CCNET, run.inputs()));
                    } else if (STEPS.contains(run.graph()) && chosen.contains(i)) {
                        runs.addAll(halves(i + 1, run, times.get(i)));
                    }
                }
            });
        } finally {
            spy.listen(false);
        }
        return runs;
    }

    /** Runs of the denoiser that say what a run of it or of a guided step does; with the timestep, which one of the variants may take. */
    private static List<Run> halves(int step, InputSpy.Run run, Tensor time) {
        List<Run> halves = new ArrayList<>();
        if (run.graph().equals(DENOISER)) {
            Map<String, Tensor> inputs = new LinkedHashMap<>(run.inputs());
            inputs.put(TIMESTEP, time);
            halves.add(new Run(step, DENOISER, inputs));
        } else if (run.graph().equals(GUIDED_STEP)) {
            for (String modulation : List.of(MODULATION, UNCONDITIONAL)) {
                Map<String, Tensor> inputs = new LinkedHashMap<>();
                for (String name : List.of("sample", "hint", modulation)) {
                    Tensor value = run.inputs().get(name);
                    if (value != null) {
                        inputs.put(name.equals(modulation) ? MODULATION : name, value);
                    }
                }
                inputs.put(TIMESTEP, time);
                halves.add(new Run(step, DENOISER, inputs));
            }
        }
        return halves;
    }

    /** Of the classes only the number is remembered: they are that of the first picture, then the null class. */
    private Map<String, Tensor> conditioned(Map<String, Tensor> inputs) {
        Tensor labels = inputs.get(LABELS);
        if (labels == null) {
            return inputs;
        }
        long[] classes = new long[labels.size()];
        Arrays.fill(classes, a.denoiser().numClasses());
        classes[0] = task.labels().get(0);
        Map<String, Tensor> all = new LinkedHashMap<>(inputs);
        all.put(LABELS, Tensor.ofIndices(classes, classes.length));
        return all;
    }
}
