package org.maskrt.runtime;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ByteProducts;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.ops.Shape;

/** ONNX Runtime. */
public final class OrtBackend implements Backend {
    private static final List<String> DATA_FILES = List.of("model.onnx.data", "model.onnx_data");

    private final OrtDevice device;
    private final OrtEnvironment environment;
    private final int threads;
    private final @Nullable Path profile;

    /**
     * Loads ONNX Runtime's native library.
     *
     * @param device where graphs run
     * @param threads for the work inside one run on the processor; 0 for one per core
     * @throws MaskRtException if ONNX Runtime's native library does not load, or it cannot run graphs there
     */
    public OrtBackend(OrtDevice device, int threads) {
        this(device, threads, null);
    }

    private OrtBackend(OrtDevice device, int threads, @Nullable Path profile) {
        this.device = device;
        if (threads < 0) {
            throw new MaskRtException(ExitCode.USAGE, "threads must be 0 (one per core) or more, got " + threads);
        }
        this.profile = profile;
        this.threads = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        this.environment = environment();
        device.requireAvailable();
    }

    /**
     * This backend with graphs that time each of their nodes, which slows them a little: when one is closed, ONNX Runtime writes a file of trace events
     * (JSON) whose name begins with {@code prefix}.
     */
    public OrtBackend profiling(Path prefix) {
        return new OrtBackend(device, threads, prefix);
    }

    private static OrtEnvironment environment() {
        try {
            return OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "maskrt");
        } catch (LinkageError | RuntimeException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new MaskRtException(
                    ExitCode.ENVIRONMENT,
                    "ONNX Runtime's native library does not load: " + OrtErrors.oneLine(cause)
                            + "; `maskrt doctor` says what this machine lacks",
                    e);
        }
    }

    @Override
    public String name() {
        return device.label();
    }

    @Override
    public String description() {
        return "ONNX Runtime " + environment.getVersion() + ", "
                + (device == OrtDevice.CPU ? threads + " threads" : device.label());
    }

    @Override
    public Graph open(Path folder, GraphSignature expected) {
        Path file = folder.resolve("model.onnx");
        requireFiles(file, expected);
        // a profile is of the graph that was named
        boolean rows = device == OrtDevice.CPU && profile == null && threads == RowRuns.CORES;
        if (rows && expected.name().equals("denoiser")) {
            Set<String> inputs = ExportInfo.inputsOfAnyBatch(folder);
            if (!inputs.isEmpty()) {
                return new DenoiserRows(expected.taking(inputs), each -> session(folder, expected, each));
            }
        }
        Path denoiser = rows ? GuidedRows.denoiser(folder, expected) : null;
        if (denoiser == null) {
            return session(folder, expected, threads);
        }
        GraphSignature row = GuidedRows.row(expected);
        requireFiles(denoiser.resolve("model.onnx"), row);
        GuidedChannels guided = ExportInfo.read(folder).guidedChannels();
        return new GuidedRows(folder, expected, guided, session(denoiser, row, 1), this);
    }

    private Graph session(Path folder, GraphSignature expected, int runThreads) {
        Path file = folder.resolve("model.onnx");
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        try {
            OrtErrors.checked(
                    ExitCode.ENVIRONMENT, () -> device.label() + ": cannot be set up; " + device.hint(), () -> {
                        device.add(configure(options, runThreads), folder);
                        if (ExportInfo.isFp8(folder)) {
                            // it would fuse them into integer products, which it then refuses
                            options.addConfigEntry("session.disable_quant_qdq", "1");
                        }
                        return true;
                    });
            OrtSession session = OrtErrors.checked(
                    device == OrtDevice.CPU ? ExitCode.FAILURE : ExitCode.ENVIRONMENT,
                    () -> file + ": ONNX Runtime cannot open this graph; " + device.hint(),
                    () -> environment.createSession(file.toString(), options));
            return OrtGraph.over(file, session, options, expected);
        } catch (RuntimeException e) {
            options.close();
            throw e;
        }
    }

    /**
     * Loads an ONNX file of another maker.
     *
     * @throws MaskRtException if there is no such file, or it is no ONNX graph
     */
    public ForeignGraph openForeign(Path file) {
        OrtSession.SessionOptions options = new OrtSession.SessionOptions();
        try {
            OrtErrors.checked(
                    ExitCode.FAILURE,
                    () -> file + ": ONNX Runtime cannot be configured",
                    () -> configure(options, threads));
            return ForeignGraph.open(file, environment, options);
        } catch (RuntimeException e) {
            options.close();
            throw e;
        }
    }

    private OrtSession.SessionOptions configure(OrtSession.SessionOptions options, int runThreads) throws OrtException {
        options.setIntraOpNumThreads(runThreads);
        options.setInterOpNumThreads(1);
        options.setCPUArenaAllocator(true);
        options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
        options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
        // Add + Gelu fused needs a temporary as large as the hidden layer, and is up to 10 % slower
        options.addConfigEntry("optimization.disable_specified_optimizers", "BiasGeluFusion");
        // without VNNI, products of uint8 and int8 saturate at 16 bits; this takes uint8 and uint8 there
        if (!ByteProducts.exact()) {
            options.addConfigEntry("session.x64quantprecision", "1");
        }
        // spinning between operators saves 5 to 12 %, but by default it also keeps a core busy after each run
        options.addConfigEntry("session.intra_op.spin_duration_us", "2000");
        if (profile != null) {
            options.enableProfiling(profile.toString());
        }
        return options;
    }

    private static void requireFiles(Path file, GraphSignature expected) {
        if (!Files.isRegularFile(file)) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": the graph " + expected.name() + " is missing; make it with `maskrt export`");
        }
        try {
            String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
            for (String data : DATA_FILES) {
                if (text.contains(data) && !Files.isRegularFile(file.resolveSibling(data))) {
                    throw new MaskRtException(
                            ExitCode.FAILURE,
                            file.resolveSibling(data) + ": the weights of the graph " + expected.name()
                                    + " are missing; copy the file to this place or make it again with `maskrt export`");
                }
            }
        } catch (IOException e) {
            throw new MaskRtException(ExitCode.FAILURE, file + ": cannot be read: " + OrtErrors.oneLine(e), e);
        }
    }

    @Override
    public DeviceTensor floats(int... dims) {
        return OrtTensor.floats(environment, Shape.of(dims));
    }

    @Override
    public DeviceTensor indices(int... dims) {
        return OrtTensor.indices(environment, Shape.of(dims));
    }

    /** ONNX Runtime's environment lives as long as the process, so there is nothing to free. */
    @Override
    public void close() {}
}
