package org.maskrt.runtime.trt;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;

/** What a worker process says: lines of JSON on its standard output, among lines that libraries print. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "says")
@JsonSubTypes({
    @JsonSubTypes.Type(value = WorkerMessage.Log.class, name = "log"),
    @JsonSubTypes.Type(value = WorkerMessage.Progress.class, name = "progress"),
    @JsonSubTypes.Type(value = WorkerMessage.Done.class, name = "done"),
    @JsonSubTypes.Type(value = WorkerMessage.Failed.class, name = "failed")
})
public sealed interface WorkerMessage {
    /** A message of TensorRT. */
    record Log(TrtMessage.Level level, String text) implements WorkerMessage {}

    /** At the start of a stage, and every second within it. */
    record Progress(Stage stage, double seconds) implements WorkerMessage {}

    /** The plan is in its place. */
    record Done(EngineSidecar sidecar) implements WorkerMessage {}

    /** There is no plan. */
    record Failed(ExitCode code, String message) implements WorkerMessage {}

    /** What a worker is at. */
    enum Stage {
        /** Libraries are loaded, the graph is read. */
        READ,
        /** TensorRT measures kernels. */
        BUILD,
        /** The weights are exchanged. */
        REFIT,
        /** The engine is loaded to see what TensorRT made of it. */
        INSPECT,
        WRITE,
        /** The engine runs once beside the fp32 graph. */
        CHECK
    }

    /** As a line. */
    default String line() {
        return EngineJson.line(this);
    }

    /** The message in a line of output; null if a library printed it. */
    static @Nullable WorkerMessage of(String line) {
        // a library may have printed without ending its line
        int start = line.indexOf("{\"says\":");
        if (start < 0) {
            return null;
        }
        try {
            return EngineJson.MAPPER.readValue(line.substring(start), WorkerMessage.class);
        } catch (JsonProcessingException e) {
            return null;
        }
    }
}
