package org.maskrt.cli;

import ai.djl.engine.Engine;
import ai.onnxruntime.OrtEnvironment;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.maskrt.exporter.OnnxChecker;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.OrtBackend;
import org.maskrt.runtime.OrtDevice;
import org.maskrt.runtime.trt.GpuLibrary;
import org.maskrt.runtime.trt.GpuRuntime;
import org.maskrt.trainer.Torch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code maskrt doctor}. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = "Say what works on this machine, with the fix for what does not.")
final class DoctorCommand implements Callable<Integer> {
    private static final long SMALL_HEAP = 1L << 30;

    @Spec
    private CommandSpec spec;

    private boolean broken;

    @Override
    public Integer call() {
        Runtime java = Runtime.getRuntime();
        line(
                "java",
                Runtime.version().feature() >= 17,
                Runtime.version() + " " + System.getProperty("os.name") + "/" + System.getProperty("os.arch"),
                "install a JDK 17 or newer");
        line(
                "cores and heap",
                java.maxMemory() >= SMALL_HEAP,
                java.availableProcessors() + " cores, heap up to " + Tables.bytes(java.maxMemory()),
                "give the JVM more with JDK_JAVA_OPTIONS=-Xmx4g");
        Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
        line(
                "temporary folder",
                Files.isWritable(temporary),
                temporary.toString(),
                "set -Djava.io.tmpdir to a folder that can be written");
        check("ONNX Runtime (sample)", "it needs glibc on Linux, macOS on arm64, or Windows on x86-64", () -> {
            try (OrtBackend backend = new OrtBackend(OrtDevice.CPU, 0)) {
                return backend.description() + ", providers " + OrtEnvironment.getAvailableProviders();
            }
        });
        check(
                "ONNX checker (export)",
                "build on a platform with the checker's natives (see CONTRIBUTING.md)",
                () -> "IR " + OnnxChecker.irVersion());
        check(
                "PyTorch engine (train, export)",
                "build on this machine, so that the natives of its platform are fetched",
                () -> {
                    Engine engine = Torch.engine();
                    return engine.getEngineName() + " " + engine.getVersion();
                });
        gpu();
        return broken ? ExitCode.ENVIRONMENT.value() : 0;
    }

    /** A machine without a GPU is no broken one: these lines do not count. */
    private void gpu() {
        Path driver = Path.of("/proc/driver/nvidia/version");
        if (Files.isReadable(driver)) {
            note(true, "NVIDIA driver", firstLine(driver), "");
        }
        for (GpuLibrary library : GpuLibrary.values()) {
            String place = library.place();
            note(place != null, library.file(), place == null ? "not found" : place, library.fix());
        }
        try {
            GpuRuntime runtime = GpuRuntime.open();
            runtime.gpus().forEach(gpu -> note(true, "GPU " + gpu.index(), gpu.toString(), ""));
            note(true, "trt (sample), build, refit", "TensorRT " + runtime.tensorRtVersion(), "");
        } catch (MaskRtException e) {
            note(false, "trt (sample), build, refit", String.valueOf(e.getMessage()), "");
        }
        for (OrtDevice device : List.of(OrtDevice.CUDA, OrtDevice.TENSORRT)) {
            try (OrtBackend backend = new OrtBackend(device, 0)) {
                note(true, device.label() + " (sample)", backend.description(), "");
            } catch (MaskRtException e) {
                note(false, device.label() + " (sample)", String.valueOf(e.getMessage()), "");
            }
        }
    }

    private static String firstLine(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.findFirst().orElse("");
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private void note(boolean works, String name, String what, String fix) {
        out().println((works ? "ok       " : "no       ") + name + ": " + what
                + (works || fix.isEmpty() ? "" : "; " + fix));
    }

    /** Something that may fail to load. */
    @FunctionalInterface
    private interface Probe {
        String version() throws Exception;
    }

    private void check(String name, String fix, Probe probe) {
        try {
            line(name, true, probe.version(), fix);
        } catch (Exception | LinkageError e) {
            line(name, false, e.getClass().getSimpleName() + ": " + e.getMessage(), fix);
        }
    }

    private void line(String name, boolean works, String what, String fix) {
        broken |= !works;
        out().println((works ? "ok       " : "MISSING  ") + name + ": " + what + (works ? "" : "; " + fix));
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
