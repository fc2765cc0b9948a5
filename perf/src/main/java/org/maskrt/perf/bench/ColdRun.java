package org.maskrt.perf.bench;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.perf.PeakMemory;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.Graph;

/** Opens and runs a graph in a process of its own, which nothing has warmed up and whose memory is for this alone. */
public final class ColdRun {
    private static final int RUNS = 5;
    private static final long SEED = 1;
    private static final int PATIENCE_MINUTES = 30;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private ColdRun() {}

    /**
     * What the process does.
     *
     * @param model name of a preset, or a model folder
     * @param onnx the folder of the graphs
     * @param workload graph, first batch, timesteps
     * @param backend its name
     * @param threads of it
     */
    record Job(String model, String onnx, Workload workload, String backend, int threads) {}

    /** Runs {@code job} in a new process. @throws MaskRtException (FAILURE) if it fails */
    static ColdStart of(Job job, Path folder) {
        Path in = folder.resolve("cold-job.json");
        Path out = folder.resolve("cold-start.json");
        Path errors = folder.resolve("cold-errors.txt");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> !argument.startsWith("-agent") && !argument.startsWith("-javaagent"))
                .forEach(command::add);
        command.addAll(List.of(
                "-cp", System.getProperty("java.class.path"), ColdRun.class.getName(), in.toString(), out.toString()));
        try {
            MAPPER.writeValue(in.toFile(), job);
            Process process = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(errors.toFile())
                    .start();
            if (!process.waitFor(PATIENCE_MINUTES, TimeUnit.MINUTES)) {
                process.destroyForcibly();
            }
            if (process.waitFor() != 0) {
                String text = Files.readString(errors);
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        job.model + ": a process of its own failed to run the graph " + job.workload.graph() + ": "
                                + text.lines().findFirst().orElse("it said nothing"));
            }
            return MAPPER.readerFor(ColdStart.class)
                    .without(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .readValue(out.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MaskRtException(ExitCode.INTERRUPTED, job.model + ": interrupted", e);
        }
    }

    /** In the new process: a job's file, and a file for what it measures. */
    public static void main(String[] args) throws IOException {
        Job job = MAPPER.readValue(Path.of(args[0]).toFile(), Job.class);
        try (Source source = Source.open(job.model, job.workload)) {
            MAPPER.writeValue(Path.of(args[1]).toFile(), run(job, source.subject(job.workload.graph())));
        }
    }

    private static ColdStart run(Job job, Subject subject) {
        double jvm = System.currentTimeMillis()
                - ManagementFactory.getRuntimeMXBean().getStartTime();
        int batch = job.workload.batches().get(0);
        long opening = System.nanoTime();
        try (Backend backend = Backend.named(job.backend, job.threads);
                Graph graph = backend.open(Path.of(job.onnx, job.workload.graph()), subject.signature())) {
            double open = (System.nanoTime() - opening) / 1e6;
            Problem problem =
                    new Problem(batch, subject.inputs(batch, job.workload.timesteps(), new Random(SEED)), Map.of(), "");
            try (GraphContender.Bound bound = new GraphContender.Bound(backend, graph, subject, problem)) {
                double first = bound.run();
                List<Double> later = new ArrayList<>();
                bound.run();
                long allocated = allocated();
                for (int i = 0; i < RUNS; i++) {
                    later.add(bound.run());
                }
                long perRun = (allocated() - allocated) / RUNS;
                double warm = Estimate.median(
                        later.stream().mapToDouble(Double::doubleValue).toArray());
                return new ColdStart(
                        jvm,
                        open,
                        first,
                        warm,
                        new ColdStart.Memory(
                                PeakMemory.bytes().orElse(-1),
                                PeakMemory.resident().orElse(-1),
                                heap(),
                                perRun));
            }
        }
    }

    private static long allocated() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }

    /** What of the heap has been used at some time, which is what the system has had to give. */
    private static long heap() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP)
                .mapToLong((MemoryPoolMXBean pool) -> pool.getPeakUsage().getUsed())
                .sum();
    }
}
