package org.maskrt.perf.bench;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * A process of its own that opens a graph and runs it: how long that takes from the start, and the memory it needs.
 *
 * @param jvmMillis from the start of the process to its first line of ours
 * @param openMillis to load runtime and graph, the file in the page cache
 * @param firstMillis of the first run
 * @param warmMillis median of later runs
 * @param memory of the process
 */
public record ColdStart(double jvmMillis, double openMillis, double firstMillis, double warmMillis, Memory memory) {
    /**
     * What the process holds after its runs.
     *
     * @param peakBytes resident at the most; -1 where the system does not tell
     * @param residentBytes resident at the end; -1 where the system does not tell
     * @param heapBytes that Java's heap has taken from the system
     * @param allocatedPerRun bytes that Java allocates in each run
     */
    public record Memory(long peakBytes, long residentBytes, long heapBytes, long allocatedPerRun) {
        /** Resident outside Java's heap; -1 where the system does not tell. */
        @JsonProperty
        public long nativeBytes() {
            return residentBytes < 0 ? -1 : Math.max(0, residentBytes - heapBytes);
        }
    }

    /** From the start of the process to the first result. */
    @JsonProperty
    public double firstResultMillis() {
        return jvmMillis + openMillis + firstMillis;
    }
}
