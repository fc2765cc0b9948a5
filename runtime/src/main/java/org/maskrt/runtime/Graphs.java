package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** The graphs of a model folder, each loaded when it is first needed. */
final class Graphs implements AutoCloseable {
    private final Backend backend;
    private final Path folder;
    private final Map<String, Graph> loaded = new HashMap<>();
    private boolean closed;

    /** The graphs of a model folder, on {@code backend}, which is closed with them. */
    Graphs(Backend backend, Path model) {
        this.backend = backend;
        this.folder = backend.graphs(model);
    }

    Backend backend() {
        return backend;
    }

    Path folder(String graph) {
        return folder.resolve(graph);
    }

    synchronized Graph get(GraphSignature signature) {
        if (closed) {
            throw new MaskRtException(ExitCode.FAILURE, folder + ": the pipeline is closed");
        }
        Graph graph = loaded.get(signature.name());
        if (graph == null) {
            graph = backend.open(folder(signature.name()), signature);
            loaded.put(signature.name(), graph);
        }
        return graph;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            loaded.values().forEach(Graph::close);
            backend.close();
        }
    }
}
