package org.maskrt.runtime.trt;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.maskrt.models.ExitCode;
import org.maskrt.runtime.trt.EngineOptions.Trait;
import org.maskrt.runtime.trt.WorkerMessage.Stage;

/** A worker process that keeps the protocol and needs no GPU: its plans are a few bytes. */
final class FakeWorker {
    static final EngineSidecar.Platform PLATFORM = new EngineSidecar.Platform("10.6.0", 90, "NVIDIA H200");

    static final EngineSidecar.Checked PASSED = new EngineSidecar.Checked(true, 0.004, 0.01, "the fp32 graph");

    /** How it behaves. */
    enum Mode {
        WORKS,
        REPORTS,
        DIES,
        HANGS
    }

    private FakeWorker() {}

    static EngineProcess process(Mode mode) {
        return new EngineProcess(
                List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xshare:auto",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        FakeWorker.class.getName(),
                        mode.name()),
                Map.of("FAKE_WORKER", "yes"));
    }

    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        WorkerJob job = EngineJson.MAPPER.readValue(in.readLine(), WorkerJob.class);
        if (!"yes".equals(System.getenv("FAKE_WORKER"))) {
            throw new IllegalStateException("the environment did not arrive");
        }
        System.out.println("a line of a library");
        say(new WorkerMessage.Progress(Stage.BUILD, 1.5));
        Files.createDirectories(job.plan().getParent());
        Path half = job.plan().resolveSibling("." + job.plan().getFileName() + ".77.tmp");
        Files.writeString(half, "half");
        switch (Mode.valueOf(args[0])) {
            case WORKS -> {
                Files.delete(half);
                // without an end of line, as native code prints
                System.out.print("[native] ");
                say(new WorkerMessage.Log(TrtMessage.Level.WARNING, "a warning"));
                Files.writeString(job.plan(), "a plan");
                EngineSidecar sidecar = new EngineSidecar(
                        job.source(),
                        options(job),
                        PLATFORM,
                        new EngineSidecar.Result(6, 28, 28, 1024, 2.5, "2026-01-01T00:00:00Z"));
                if (!sidecar.options().has(Trait.STRIPPED)) {
                    sidecar = sidecar.with(PASSED);
                }
                sidecar.write(job.plan());
                say(new WorkerMessage.Done(sidecar));
            }
            case REPORTS -> {
                say(new WorkerMessage.Failed(ExitCode.ENVIRONMENT, "no GPU here"));
                Runtime.getRuntime().halt(3);
            }
            case DIES -> {
                System.out.println("first\nsecond");
                say(new WorkerMessage.Log(TrtMessage.Level.ERROR, "out of memory"));
                System.out.println("terminate called");
                Runtime.getRuntime().halt(134);
            }
            case HANGS -> {
                say(new WorkerMessage.Log(TrtMessage.Level.INFO, "hangs"));
                while (in.readLine() != null) {
                    // until the caller goes
                }
            }
        }
    }

    private static EngineOptions options(WorkerJob job) {
        return job instanceof WorkerJob.Build build
                ? build.options()
                : EngineSidecar.read(((WorkerJob.Refit) job).donor()).options().without(Trait.STRIPPED);
    }

    private static void say(WorkerMessage message) {
        System.out.println(message.line());
        System.out.flush();
    }

    /** An exported graph in a model folder. */
    static EngineStore export(Path model, String graph, String weights) throws IOException {
        EngineStore store = new EngineStore(model);
        Path folder = Files.createDirectories(store.graph(graph));
        Files.writeString(folder.resolve("model.onnx"), "graph with " + weights);
        Files.writeString(
                folder.resolve("export.json"),
                "{\"graph\":\"" + graph + "\",\"dtype\":\"bf16\",\"target\":\"tensorrt\",\"bias\":\"constant\","
                        + "\"weights_sha256\":\"" + weights + "\"}");
        return store;
    }

    static EngineOptions with(Trait... traits) {
        return new EngineOptions(new Batches(1, 2, 8), 3, 0, Set.of(traits));
    }
}
