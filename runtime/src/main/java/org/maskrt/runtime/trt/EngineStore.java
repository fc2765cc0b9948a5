package org.maskrt.runtime.trt;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.runtime.trt.EngineOptions.Trait;
import org.maskrt.runtime.trt.EngineSidecar.Platform;

/**
 * The engines of a model folder: {@code engine/<graph>/<key>.plan}, its sidecar {@code <key>.json}, and TensorRT's list of its kernels
 * {@code <key>.layers.json}.
 *
 * @param model the model folder
 */
public record EngineStore(Path model) {
    /** Where the graphs are that engines are built from. */
    public static final String GRAPHS = "onnx-tensorrt";

    private static final String ENGINES = "engine";

    /** The folder of an exported graph. */
    public Path graph(String name) {
        return model.resolve(GRAPHS).resolve(name);
    }

    /** The exported graphs, in alphabetical order; none if there is no export. */
    public List<String> graphs() {
        return list(model.resolve(GRAPHS)).stream()
                .filter(folder -> Files.isRegularFile(folder.resolve("model.onnx")))
                .map(folder -> folder.getFileName().toString())
                .toList();
    }

    /**
     * The graphs that there are engines of, in alphabetical order.
     *
     * @throws MaskRtException if there are none
     */
    public List<String> built() {
        List<String> names = list(model.resolve(ENGINES)).stream()
                .map(folder -> folder.getFileName().toString())
                .filter(graph -> !plans(graph).isEmpty())
                .toList();
        if (names.isEmpty()) {
            throw new MaskRtException(
                    ExitCode.FAILURE,
                    model.resolve(ENGINES) + ": there are no engines; build them with `maskrt build " + model + "`");
        }
        return names;
    }

    /**
     * The description of the newest engine of a graph.
     *
     * @throws MaskRtException if there is none, or it is damaged
     */
    public EngineSidecar newest(String graph) {
        return EngineSidecar.read(plans(graph).stream().findFirst().orElseThrow(() -> none(graph)));
    }

    private MaskRtException none(String graph) {
        return new MaskRtException(
                ExitCode.FAILURE,
                folder(graph) + ": there is no engine of this graph; build it with `maskrt build " + model + "`");
    }

    /** Where the engine goes that is built from {@code source} like this for an architecture. */
    public Path plan(ExportedGraph source, EngineOptions options, int sm) {
        return folder(source.graph()).resolve(key(source, options, sm) + EngineFile.SUFFIX);
    }

    /** What is chosen when an engine is made: architecture, type, batches, traits. What follows from the graph is in the sidecar alone. */
    static String key(ExportedGraph source, EngineOptions options, int sm) {
        String traits = options.traits().stream()
                .map(trait -> "-" + trait.name().toLowerCase(Locale.ROOT).replace('_', '-'))
                .collect(Collectors.joining());
        return "sm" + sm + "-" + source.dtype() + "-b"
                + options.batches().toString().replace(':', '-')
                + (source.bias().equals("gather") ? "-gather" : "") + traits;
    }

    /** The plans of a graph, the newest first. */
    public List<Path> plans(String graph) {
        return list(folder(graph)).stream()
                .filter(file -> file.toString().endsWith(EngineFile.SUFFIX))
                .sorted(Comparator.comparing(EngineStore::time).reversed())
                .toList();
    }

    /**
     * The engine that runs a graph: of those that were built from it as it is now, run here and passed their comparison with ONNX Runtime,
     * native ones before hardware-compatible ones, then the newest.
     *
     * @throws MaskRtException if there is none; the message says how to get one, or in what the nearest differs
     */
    public EngineFile find(String graph, Platform platform) {
        ExportedGraph source = ExportedGraph.of(graph(graph));
        List<Path> plans = plans(graph).stream()
                .sorted(Comparator.comparing(plan -> plan.toString().contains("hardware-compatible")))
                .toList();
        if (plans.isEmpty()) {
            throw none(graph);
        }
        for (Path plan : plans) {
            EngineSidecar sidecar = EngineSidecar.read(plan);
            if (!sidecar.options().has(Trait.STRIPPED)
                    && sidecar.checked().holds()
                    && EngineFile.differences(sidecar, source, platform).isEmpty()) {
                return EngineFile.open(plan, source, platform);
            }
        }
        EngineFile nearest = EngineFile.open(plans.get(0), source, platform);
        if (!nearest.sidecar().options().has(Trait.STRIPPED)) {
            throw nearest.untrusted();
        }
        throw new MaskRtException(
                ExitCode.FAILURE,
                nearest.plan()
                        + ": expected an engine with weights, this one was built with --strip; fill it with `maskrt refit "
                        + model + " --weights " + model + "`");
    }

    private Path folder(String graph) {
        return model.resolve(ENGINES).resolve(graph);
    }

    private static List<Path> list(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw unreadable(folder, e);
        }
    }

    private static long time(Path file) {
        try {
            return Files.getLastModifiedTime(file).toMillis();
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static MaskRtException unreadable(Path path, IOException e) {
        return new MaskRtException(
                ExitCode.FAILURE,
                path + ": cannot be read: " + e.getMessage() + "; check the path and its permissions",
                e);
    }
}
