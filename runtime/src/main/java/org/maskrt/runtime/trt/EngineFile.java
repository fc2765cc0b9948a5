package org.maskrt.runtime.trt;

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.trt.EngineOptions.Trait;
import org.maskrt.runtime.trt.EngineSidecar.Platform;

/**
 * A built engine: its plan, and the sidecar that says what it is. Made only after the two were compared.
 *
 * @param plan the file
 * @param sidecar what it is
 */
public record EngineFile(Path plan, EngineSidecar sidecar) {
    /** How plans end. */
    public static final String SUFFIX = ".plan";

    /** The first GPUs that a hardware-compatible plan runs on. */
    private static final int AMPERE = 80;

    /**
     * A field in which a plan is not what is wanted.
     *
     * @param field of the sidecar
     * @param expected what is wanted
     * @param found what the plan is
     */
    record Difference(String field, Object expected, Object found) {
        @Override
        public String toString() {
            return "expected " + field + " " + expected + ", the plan has " + found;
        }
    }

    /**
     * Checks {@code plan} against what it is to be.
     *
     * @param source the graph as it is now
     * @param platform the TensorRT and the GPU that are to run it
     * @throws MaskRtException if it was built from another graph or for something else, or a file is missing or damaged; the message says what
     *     differs
     */
    public static EngineFile open(Path plan, ExportedGraph source, Platform platform) {
        if (!Files.isRegularFile(plan)) {
            throw new MaskRtException(
                    ExitCode.FAILURE, plan + ": there is no such engine; build it with `maskrt build MODEL`");
        }
        EngineSidecar sidecar = EngineSidecar.read(plan);
        List<Difference> differences = differences(sidecar, source, platform);
        long size = size(plan);
        if (size != sidecar.result().planBytes()) {
            differences.add(new Difference("plan_bytes", sidecar.result().planBytes(), size));
        }
        require(plan, differences);
        return new EngineFile(plan, sidecar);
    }

    /** Whether the engine was compared with ONNX Runtime and is close enough; no other runs. */
    public boolean trusted() {
        return sidecar.checked().holds();
    }

    /** That the engine is not {@link #trusted}. */
    MaskRtException untrusted() {
        return new MaskRtException(
                ExitCode.FAILURE,
                plan + ": expected an engine that was compared with ONNX Runtime, this one was not, or it differed too"
                        + " much; build it again with `maskrt build MODEL --rebuild`");
    }

    /** In what {@code built} is not an engine for {@code source} on {@code platform}. */
    static List<Difference> differences(EngineSidecar built, ExportedGraph source, Platform platform) {
        List<Difference> all = new ArrayList<>();
        differ(all, "graph", source.graph(), built.source().graph());
        differ(all, "dtype", source.dtype(), built.source().dtype());
        differ(all, "bias", source.bias(), built.source().bias());
        differ(all, "weights_sha256", source.weightsSha256(), built.source().weightsSha256());
        differ(all, "onnx_sha256", source.onnxSha256(), built.source().onnxSha256());
        differ(all, "tensorrt", platform.tensorrt(), built.platform().tensorrt());
        if (!(built.options().has(Trait.HARDWARE_COMPATIBLE) && platform.sm() >= AMPERE)) {
            differ(all, "sm", platform.sm(), built.platform().sm());
        }
        return all;
    }

    /**
     * Checks that the engine was built like this.
     *
     * @throws MaskRtException otherwise; the message says what differs
     */
    void require(EngineOptions options) {
        List<Difference> all = new ArrayList<>();
        EngineOptions built = sidecar.options();
        differ(all, "optimization_level", options.optimizationLevel(), built.optimizationLevel());
        differ(all, "workspace", options.workspace(), built.workspace());
        require(plan, all);
    }

    private static void require(Path plan, List<Difference> differences) {
        if (!differences.isEmpty()) {
            List<String> others =
                    differences.stream().skip(1).map(Difference::field).toList();
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    plan + ": " + differences.get(0) + (others.isEmpty() ? "" : " (and differs in " + others + ")")
                            + "; build it again with `maskrt build MODEL --rebuild`");
        }
    }

    private static void differ(List<Difference> all, String field, Object expected, Object found) {
        if (!expected.equals(found)) {
            all.add(new Difference(field, expected, found));
        }
    }

    private static long size(Path plan) {
        try {
            return Files.size(plan);
        } catch (IOException e) {
            throw unreadable(plan, e);
        }
    }

    /**
     * The bytes of {@code plan}, mapped.
     *
     * @throws MaskRtException if the plan is larger than a mapping can be (2 GiB), or cannot be read
     */
    static MappedByteBuffer map(Path plan) {
        try (FileChannel channel = FileChannel.open(plan)) {
            if (channel.size() > Integer.MAX_VALUE) {
                throw new MaskRtException(
                        ExitCode.FAILURE,
                        plan + ": expected a plan of at most 2 GiB, it has " + channel.size()
                                + " bytes; export in fp16 or bf16, or build with --strip");
            }
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
        } catch (IOException e) {
            throw unreadable(plan, e);
        }
    }

    private static MaskRtException unreadable(Path plan, IOException e) {
        return new MaskRtException(
                ExitCode.FAILURE,
                plan + ": cannot be read: " + e.getMessage() + "; check the path and its permissions",
                e);
    }
}
