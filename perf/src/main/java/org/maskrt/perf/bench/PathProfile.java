package org.maskrt.perf.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.maskrt.perf.TemporaryFolder;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.Graph;
import org.maskrt.runtime.OrtBackend;
import org.maskrt.runtime.OrtDevice;

/** How long ONNX Runtime spends under each parameter path, from its own times of nodes. */
final class PathProfile {
    private static final int WARM_UP = 2;
    private static final int RUNS = 5;
    private static final String NODE = "_kernel_time";

    private PathProfile() {}

    /**
     * Milliseconds under each path in the run of median length among several; nodes of no path are under the empty one.
     *
     * @param paths of the graph
     * @param onnx the folder of graphs
     */
    static Map<String, Double> of(
            Subject subject, List<String> paths, Configuration configuration, Path onnx, Problem problem) {
        Path folder = null;
        try {
            folder = Files.createTempDirectory("maskrt-profile");
            try (Backend backend =
                            new OrtBackend(OrtDevice.CPU, configuration.threads()).profiling(folder.resolve("ort"));
                    Graph graph = backend.open(onnx.resolve(subject.graph().name()), subject.signature());
                    GraphContender.Bound bound = new GraphContender.Bound(backend, graph, subject, problem)) {
                for (int i = 0; i < WARM_UP + RUNS; i++) {
                    bound.run();
                }
            }
            return read(folder, paths);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            if (folder != null) {
                TemporaryFolder.delete(folder);
            }
        }
    }

    private static Map<String, Double> read(Path folder, List<String> paths) throws IOException {
        JsonNode events;
        try (Stream<Path> files = Files.list(folder)) {
            Path file = files.findFirst().orElseThrow(() -> new IOException("ONNX Runtime wrote no profile"));
            events = new ObjectMapper().readTree(file.toFile());
        }
        // an event for each node, then one for the run that they belong to
        List<Map<String, Double>> runs = new ArrayList<>();
        Map<String, Double> millis = new LinkedHashMap<>();
        for (JsonNode event : events) {
            String name = event.path("name").asText();
            if (name.equals("model_run")) {
                runs.add(millis);
                millis = new LinkedHashMap<>();
            } else if (name.endsWith(NODE)) {
                String path = path(name.substring(0, name.length() - NODE.length()), paths);
                millis.merge(path, event.path("dur").asDouble() / 1e3, Double::sum);
            }
        }
        return runs.subList(WARM_UP, runs.size()).stream()
                .sorted(Comparator.comparingDouble(PathProfile::total))
                .skip(RUNS / 2)
                .findFirst()
                .orElseThrow(() -> new IOException("ONNX Runtime's profile has no run"));
    }

    private static double total(Map<String, Double> millis) {
        return millis.values().stream().mapToDouble(Double::doubleValue).sum();
    }

    /** The longest of {@code paths} that a node lies under; empty if there is none. */
    static String path(String node, List<String> paths) {
        String dotted = node.replace('/', '.');
        return paths.stream()
                .filter(path -> dotted.equals(path) || dotted.startsWith(path + "."))
                .max(Comparator.comparingInt(String::length))
                .orElse("");
    }
}
