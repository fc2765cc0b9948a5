package org.maskrt.perf.bench;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a benchmark does.
 *
 * @param models names of presets, model folders, or ONNX files
 * @param workload what is run of each
 * @param configuration how
 * @param rivals what runs in turn with it
 * @param protocol for how long
 */
public record Plan(
        List<String> models, Workload workload, Configuration configuration, Rivals rivals, Protocol protocol) {
    public Plan {
        models = List.copyOf(models);
    }

    /**
     * What runs in turn with the first configuration.
     *
     * @param configurations of ours
     * @param peers the commands of other programs
     */
    public record Rivals(List<Rival> configurations, List<List<String>> peers) {
        /** The configuration alone. */
        public static final Rivals NONE = new Rivals(List.of(), List.of());

        public Rivals {
            configurations = List.copyOf(configurations);
            peers = peers.stream().map(List::copyOf).toList();
        }
    }

    /**
     * Another configuration.
     *
     * @param model another model; null for the same
     */
    public record Rival(@Nullable String model, Configuration configuration) {}
}
