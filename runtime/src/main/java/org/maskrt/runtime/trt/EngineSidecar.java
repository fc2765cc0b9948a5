package org.maskrt.runtime.trt;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.weights.AtomicFiles;

/**
 * What is known of a plan: the JSON file beside it.
 *
 * @param source the graph that it was built from
 * @param options how it was built
 * @param platform what it runs on
 * @param result what the build gave
 * @param checked how it compares with the fp32 graph
 */
public record EngineSidecar(
        ExportedGraph source, EngineOptions options, Platform platform, Result result, Checked checked) {
    /**
     * What a plan runs on.
     *
     * @param tensorrt the version of TensorRT, such as 10.6.0
     * @param sm the compute capability, such as 80
     * @param gpu the name of the GPU that built it
     */
    public record Platform(String tensorrt, int sm, String gpu) {}

    /**
     * What a build gave.
     *
     * @param planBytes the size of the plan
     * @param fusedAttention the attentions that TensorRT fused into one kernel
     * @param attention the attentions that the graph has; 0 if that is not known
     * @param deviceBytes the activation memory of the largest batch
     * @param seconds the time of the build
     * @param built when, in UTC
     */
    public record Result(
            long planBytes, int fusedAttention, int attention, long deviceBytes, double seconds, String built) {}

    /**
     * How one run of an engine compares with ONNX Runtime on the fp32 graph.
     *
     * @param passed whether it did; false before it ran
     * @param difference max|difference| over max|output|
     * @param bound that it may not exceed
     * @param reference what it was compared with
     */
    public record Checked(boolean passed, double difference, double bound, String reference) {
        static final Checked NOT_YET = new Checked(false, 0, 0, "nothing yet");

        /** Whether the comparison ran and its figure is within its bound, whatever the mark says. */
        boolean holds() {
            return passed && difference <= bound;
        }
    }

    /** Of an engine that was not compared yet. */
    EngineSidecar(ExportedGraph source, EngineOptions options, Platform platform, Result result) {
        this(source, options, platform, result, Checked.NOT_YET);
    }

    /** This description of an engine that was compared. */
    EngineSidecar with(Checked found) {
        return new EngineSidecar(source, options, platform, result, found);
    }

    /** Where the sidecar of {@code plan} is. */
    public static Path of(Path plan) {
        return beside(plan, ".json");
    }

    /** The file beside {@code plan} whose name ends with {@code suffix} instead. */
    static Path beside(Path plan, String suffix) {
        String name = plan.getFileName().toString();
        return plan.resolveSibling(name.substring(0, name.length() - EngineFile.SUFFIX.length()) + suffix);
    }

    /**
     * The sidecar of {@code plan}.
     *
     * @throws MaskRtException if there is none, or it is damaged
     */
    public static EngineSidecar read(Path plan) {
        Path file = of(plan);
        if (!Files.isRegularFile(file)) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected the description of " + plan.getFileName()
                            + ", there is none; build the engine again with `maskrt build MODEL --rebuild`");
        }
        try {
            return EngineJson.MAPPER.readValue(file.toFile(), EngineSidecar.class);
        } catch (IOException e) {
            String why = e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage();
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    file + ": expected the description of an engine, got something else ("
                            // what follows in Jackson's text is about its own settings
                            + String.valueOf(why).replaceAll("\\s*\\R\\s*", " ").replaceAll(";.*", "")
                            + "); build the engine again with `maskrt build MODEL --rebuild`",
                    e);
        }
    }

    /** Removes the sidecar of {@code plan} if there is one. */
    static void delete(Path plan) {
        try {
            Files.deleteIfExists(of(plan));
        } catch (IOException e) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    of(plan) + ": cannot be removed: " + e.getMessage() + "; check the permissions of its folder",
                    e);
        }
    }

    /** Writes the sidecar of {@code plan}. */
    public void write(Path plan) {
        AtomicFiles.writeString(of(plan), EngineJson.text(this));
    }
}
