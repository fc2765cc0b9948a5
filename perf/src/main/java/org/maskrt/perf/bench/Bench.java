package org.maskrt.perf.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.reference.Parity;
import org.maskrt.perf.TemporaryFolder;
import org.maskrt.runtime.Backend;

/** Measures models as a {@link Plan} says. Temporary files are gone afterwards. */
public final class Bench {
    private static final int PRODUCT_SIDE = 2048;
    private static final int MEGABYTES_A_CORE = 256;
    private static final double FP32_BYTES = 4;

    private final Plan plan;
    private final Path folder;
    private final BenchListener listener;
    private final Map<String, String> versions = new TreeMap<>();

    private Bench(Plan plan, Path folder, BenchListener listener) {
        this.plan = plan;
        this.folder = folder;
        this.listener = listener;
    }

    /**
     * Measures.
     *
     * @param command that repeats it, for the result
     * @param limits {@link Limits#MEASURED}, or the name of a GPU of {@link Limits#ofGpu}
     * @throws MaskRtException if a model does not open or run, or a peer computes something else
     */
    public static BenchResult run(Plan plan, String command, String limits, BenchListener listener) {
        Stream.concat(
                        Stream.of(plan.configuration()),
                        plan.rivals().configurations().stream().map(Plan.Rival::configuration))
                .filter(configuration -> !configuration.isEager())
                .forEach(configuration -> Backend.named(configuration.backend(), configuration.threads())
                        .close());
        Path folder = null;
        try {
            folder = Files.createTempDirectory("maskrt-bench");
            return new Bench(plan, folder, listener).measure(command, limits);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            if (folder != null) {
                TemporaryFolder.delete(folder);
            }
        }
    }

    private BenchResult measure(String command, String limits) throws IOException {
        Limits known = limits.equals(Limits.MEASURED)
                ? MachineLimits.measure(
                        Files.createDirectories(folder.resolve("limits")), PRODUCT_SIDE, MEGABYTES_A_CORE, listener)
                : Limits.ofGpu(limits);
        OtherPrograms others = new OtherPrograms();
        List<BenchResult.Model> models = new ArrayList<>();
        for (String name : plan.models()) {
            Path place = Files.createDirectories(folder.resolve("model" + models.size()));
            models.add(isFile(name) ? measureFile(name) : measure(name, place));
            TemporaryFolder.delete(place);
        }
        return new BenchResult(
                BenchResult.SCHEMA,
                new BenchResult.Run(
                        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                        command,
                        Machine.here(versions),
                        plan.protocol(),
                        others.share()),
                known,
                models);
    }

    private static boolean isFile(@Nullable String model) {
        return model != null && model.endsWith(".onnx");
    }

    private ForeignContender file(Plan.Rival rival) {
        String label = rival.configuration().label();
        String model = Objects.requireNonNull(rival.model());
        return new ForeignContender(
                plan.models().contains(model) ? label : model + ", " + label, rival.configuration(), Path.of(model));
    }

    private BenchResult.Model measureFile(String name) {
        Workload workload = plan.workload();
        if (!plan.rivals().peers().isEmpty()) {
            throw new MaskRtException(
                    ExitCode.USAGE, name + ": a peer needs a model; name a preset or a model folder, not an ONNX file");
        }
        List<Contender> contenders = new ArrayList<>();
        try {
            String label = plan.configuration().label();
            ForeignContender first = new ForeignContender(label, plan.configuration(), Path.of(name));
            contenders.add(first);
            for (Plan.Rival rival : plan.rivals().configurations()) {
                contenders.add(file(rival.model() == null ? new Plan.Rival(name, rival.configuration()) : rival));
            }
            Contest contest = new Contest(name, contenders);
            for (int batch : workload.batches()) {
                Problem problem = first.problem(batch, new Random(workload.seed()));
                contest.measure(Collections.nCopies(contenders.size(), problem), false);
            }
            return new BenchResult.Model(name, "file", contest.results(List.of()), List.of(), null);
        } finally {
            contenders.forEach(Contender::close);
        }
    }

    private BenchResult.Model measure(String name, Path place) throws IOException {
        Workload workload = plan.workload();
        try (Source source = Source.open(name, workload)) {
            Subject subject = source.subject(workload.graph());
            List<Entry> entries = new ArrayList<>();
            entries.add(new Entry(source, plan.configuration(), place));
            List<Contender> contenders = new ArrayList<>();
            try {
                for (Plan.Rival rival : plan.rivals().configurations()) {
                    if (isFile(rival.model())) {
                        continue;
                    }
                    Source other = rival.model() == null ? source : Source.open(rival.model(), workload);
                    Path own = other == source ? place : place.resolve("rival" + entries.size());
                    entries.add(new Entry(other, rival.configuration(), own));
                }
                for (Entry entry : entries) {
                    entry.prepare();
                }
                for (Entry entry : entries) {
                    contenders.add(entry.open());
                }
                for (Plan.Rival rival : plan.rivals().configurations()) {
                    if (isFile(rival.model())) {
                        contenders.add(file(rival));
                    }
                }
                Entry first = entries.get(0);
                for (List<String> peer : plan.rivals().peers()) {
                    contenders.add(
                            peer(peer, first, Files.createDirectories(place.resolve("peer" + contenders.size()))));
                }
                Contest contest = new Contest(name, contenders);
                List<Cost> costs = new ArrayList<>();
                for (int batch : workload.batches()) {
                    Problem shared = first.problem(batch);
                    List<Problem> problems = new ArrayList<>();
                    for (int i = 0; i < contenders.size(); i++) {
                        boolean own = i < entries.size() && entries.get(i).source != source;
                        problems.add(own ? entries.get(i).problem(batch) : shared);
                    }
                    contest.measure(problems, first.bytesOfWeight() == FP32_BYTES);
                    costs.add(Cost.of(subject.graph(), batch, workload.timesteps(), first.bytesOfWeight()));
                }
                for (Entry entry : entries) {
                    entry.profile(costs.get(0));
                }
                List<BenchResult.Contender> results = contest.results(entries);
                return new BenchResult.Model(
                        name, workload.graph(), results, costs, generation(source, first, results.get(0)));
            } finally {
                contenders.forEach(Contender::close);
                entries.stream()
                        .map(Entry::source)
                        .filter(other -> other != source)
                        .forEach(Source::close);
            }
        }
    }

    private Contender peer(List<String> command, Entry first, Path place) {
        Path model = first.source.folder(place.resolve("model"));
        int threads = plan.configuration().threads();
        return new PeerContender(
                command,
                List.of(
                        "--model", model.toString(),
                        "--onnx", first.onnx().resolve(plan.workload().graph()).toString(),
                        "--graph", plan.workload().graph(),
                        "--threads", (threads == 0 ? Runtime.getRuntime().availableProcessors() : threads) + ""),
                place);
    }

    private @Nullable Generation generation(Source source, Entry first, BenchResult.Contender measured) {
        Workload workload = plan.workload();
        if (workload.steps() == 0 || !workload.graph().equals(Workload.GUIDED_STEP) || first.configuration.isEager()) {
            return null;
        }
        listener.progress(source.name() + ", whole generations", 0, 1);
        Generations generations = new Generations(first.configuration, workload);
        Path pictures = source.generator();
        return pictures != null && !first.configuration.exports()
                ? generations.measured(pictures)
                : generations.composed(source, first.onnx(), measured);
    }

    /** A configuration on its way to be measured. */
    private final class Entry {
        private final Source source;
        private final Configuration configuration;
        private final Path place;
        private @Nullable Path onnx;
        private @Nullable ColdStart cold;
        private Map<String, Double> paths = Map.of();

        Entry(Source source, Configuration configuration, Path place) {
            this.source = source;
            this.configuration = configuration;
            this.place = place;
        }

        Source source() {
            return source;
        }

        /** The folder of its graphs. */
        Path onnx() {
            if (onnx == null) {
                onnx = source.graphs(configuration, wanted(), place);
            }
            return onnx;
        }

        private Set<String> wanted() {
            Set<String> wanted = new LinkedHashSet<>(List.of(plan.workload().graph()));
            if (Modulator.takesModulation(
                    source.subject(plan.workload().graph()).graph())) {
                wanted.add(Modulator.GRAPH);
            }
            return wanted;
        }

        /** Exports, and runs once in a process of its own. */
        void prepare() throws IOException {
            if (configuration.isEager()) {
                return;
            }
            listener.progress(label() + ", cold start", 0, 1);
            cold = ColdRun.of(
                    new ColdRun.Job(
                            source.name(),
                            onnx().toString(),
                            plan.workload(),
                            configuration.backend(),
                            configuration.threads()),
                    Files.createDirectories(place));
        }

        Problem problem(int batch) {
            Subject subject = source.subject(plan.workload().graph());
            return new Modulator(source, onnx(), plan.workload()).problem(subject, batch);
        }

        /** Times the nodes at the first batch. */
        void profile(Cost cost) {
            if (configuration.backend().equals(Backend.DEFAULT)) {
                listener.progress(label() + ", paths", 0, 1);
                Subject subject = source.subject(plan.workload().graph());
                List<String> names = cost.paths().stream().map(Cost.Row::path).toList();
                paths = PathProfile.of(subject, names, configuration, onnx(), problem(cost.batch()));
            }
        }

        Contender open() {
            Subject subject = source.subject(plan.workload().graph());
            if (configuration.isEager()) {
                return new EagerContender(configuration, subject);
            }
            return new GraphContender(
                    label(),
                    configuration.settings(onnx().resolve(plan.workload().graph())),
                    subject,
                    Backend.named(configuration.backend(), configuration.threads()),
                    onnx().resolve(plan.workload().graph()));
        }

        private String label() {
            String label = configuration.label();
            return plan.models().contains(source.name()) ? label : source.name() + ", " + label;
        }

        /** The bytes that a weight takes in the file, on average. */
        double bytesOfWeight() throws IOException {
            Path data = onnx().resolve(plan.workload().graph()).resolve("model.onnx.data");
            if (configuration.isEager() || !Files.exists(data)) {
                return FP32_BYTES;
            }
            double weights = Cost.of(source.subject(plan.workload().graph()).graph(), 1, 1, 1)
                    .total()
                    .weightBytes();
            // constants and alignment lie there too
            double bytes = Files.size(data) / weights;
            return bytes > FP32_BYTES ? FP32_BYTES : bytes;
        }
    }

    /** Contenders that are measured in turn, and what they have reached so far. */
    private final class Contest {
        private final String name;
        private final List<Contender> contenders;
        private final List<List<Times>> times = new ArrayList<>();
        private final List<@Nullable Double> differences = new ArrayList<>();

        Contest(String name, List<Contender> contenders) {
            this.name = name;
            this.contenders = contenders;
            contenders.forEach(contender -> {
                versions.putAll(contender.versions());
                times.add(new ArrayList<>());
                differences.add(null);
            });
        }

        /**
         * Measures one batch.
         *
         * @param problems of each contender
         * @param exact whether the first computes in fp32, so that peers have to agree
         */
        void measure(List<Problem> problems, boolean exact) {
            List<Contender.Trial> trials = new ArrayList<>();
            try {
                for (int i = 0; i < contenders.size(); i++) {
                    Contender.Trial trial = contenders.get(i).prepare(problems.get(i));
                    trials.add(trial);
                    trial.run();
                    if (i > 0 && problems.get(i).equals(problems.get(0))) {
                        compare(i, trials, exact);
                    }
                }
                int batch = problems.get(0).batch();
                List<List<Times>> measured =
                        new Rounds(plan.protocol(), listener).measure(name + ", batch " + batch, batch, trials);
                for (int i = 0; i < measured.size(); i++) {
                    times.get(i).addAll(measured.get(i));
                }
            } finally {
                trials.forEach(Contender.Trial::close);
            }
        }

        private void compare(int i, List<Contender.Trial> trials, boolean exact) {
            Parity parity = Parity.of(
                    contenders.get(i).label(),
                    trials.get(0).result(),
                    trials.get(i).result(),
                    Parity.ACCUMULATED);
            if (exact && contenders.get(i) instanceof PeerContender && !parity.passed()) {
                throw new MaskRtException(
                        ExitCode.TOLERANCE,
                        name + ": expected the peer to compute the same before it is timed, received " + parity
                                + "; it runs another model, or onnx/ is of other weights: export again");
            }
            Double before = differences.get(i);
            differences.set(i, before == null ? parity.relative() : Math.max(before, parity.relative()));
        }

        /** @param entries of ours, in the order of the contenders */
        List<BenchResult.Contender> results(List<Entry> entries) {
            List<BenchResult.Contender> results = new ArrayList<>();
            Set<String> labels = new LinkedHashSet<>();
            for (int i = 0; i < contenders.size(); i++) {
                Contender contender = contenders.get(i);
                String label = contender.label();
                for (int n = 2; !labels.add(label); n++) {
                    label = contender.label() + " (" + n + ")";
                }
                results.add(new BenchResult.Contender(
                        label,
                        contender.settings(),
                        differences.get(i),
                        times.get(i),
                        i < entries.size() ? entries.get(i).cold : null,
                        i < entries.size() ? entries.get(i).paths : Map.of()));
            }
            return results;
        }
    }

    /** The cores that others keep busy. */
    private static final class OtherPrograms {
        OtherPrograms() {
            // the first answers begin the interval that the next ones are about
            Machine.bean().getCpuLoad();
            Machine.bean().getProcessCpuLoad();
        }

        double share() {
            double all = Machine.bean().getCpuLoad();
            double own = Machine.bean().getProcessCpuLoad();
            return all < 0 || own < 0 ? -1 : Math.max(0, all - own);
        }
    }
}
