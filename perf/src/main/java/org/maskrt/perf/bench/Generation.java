package org.maskrt.perf.bench;

import java.util.List;

/**
 * Where the time of whole generations goes, end to end.
 *
 * @param what was generated and by what
 * @param batch pictures
 * @param first the stages of the first, which loads the graphs
 * @param later the stages of later ones, medians
 */
public record Generation(String what, int batch, List<Stage> first, List<Stage> later) {
    public Generation {
        first = List.copyOf(first);
        later = List.copyOf(later);
    }

    /** One stage and its time. */
    public record Stage(String name, double millis) {}

    /** Milliseconds of all stages. */
    static double total(List<Stage> stages) {
        return stages.stream().mapToDouble(Stage::millis).sum();
    }
}
