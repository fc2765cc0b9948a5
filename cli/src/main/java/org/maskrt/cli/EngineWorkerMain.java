package org.maskrt.cli;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.maskrt.models.ExitCode;
import org.maskrt.runtime.trt.BuildCache;
import org.maskrt.runtime.trt.EngineBuilds;
import org.maskrt.runtime.trt.EngineProcess;
import org.maskrt.runtime.trt.EngineWorker;
import org.maskrt.runtime.trt.GpuRuntime;

/** The process that makes an engine: it takes one job on its standard input and reports on its standard output. */
public final class EngineWorkerMain {
    private EngineWorkerMain() {}

    /** Does the job, and ends the process with its exit code. */
    public static void main(String[] args) {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        ExitCode code;
        try (EngineWorker worker = new EngineWorker(out::println)) {
            code = worker.run(in, () -> Runtime.getRuntime().halt(ExitCode.INTERRUPTED.value()));
        }
        System.exit(code.value());
    }

    /** Makes engines in processes like this one. */
    static EngineBuilds builds(GpuRuntime gpu, EngineBuilds.Listener listener) {
        return new EngineBuilds(
                gpu.platform(),
                BuildCache.ofUser(),
                () -> new EngineProcess(command(), gpu.builderEnvironment()),
                listener);
    }

    private static List<String> command() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> !option.startsWith("-agentlib"))
                .forEach(command::add);
        // the message that tells of a crash has the last lines; the rest is here
        command.add("-XX:ErrorFile=" + Path.of(System.getProperty("java.io.tmpdir"), "maskrt-worker-%p.log"));
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(EngineWorkerMain.class.getName());
        return command;
    }
}
