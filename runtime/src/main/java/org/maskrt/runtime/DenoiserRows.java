package org.maskrt.runtime;

import ai.onnxruntime.OrtEnvironment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;

/** The graph {@code denoiser} on two cores: one row with a thread for each of them, several as {@link RowRuns}. What a batch needs is loaded when one is bound. */
final class DenoiserRows implements Graph {
    private final GraphSignature signature;
    private final IntFunction<Graph> open;
    private final RowRuns runs = new RowRuns();
    private final Map<Integer, Graph> byThreads = new HashMap<>();
    private boolean closed;

    /** @param open the graph with so many threads, for any batch and several runs at a time */
    DenoiserRows(GraphSignature signature, IntFunction<Graph> open) {
        this.signature = signature;
        this.open = open;
    }

    @Override
    public GraphSignature signature() {
        return signature;
    }

    @Override
    public Binding bind(Map<String, ? extends DeviceTensor> inputs, Map<String, ? extends DeviceTensor> outputs) {
        @Nullable DeviceTensor sample = inputs.get("sample");
        int batch = sample == null ? 1 : sample.shape().dim(0);
        if (batch == 1) {
            return graph(RowRuns.CORES).bind(inputs, outputs);
        }
        Graph row = graph(1);
        // says what is wrong with them, if anything is
        row.bind(inputs, outputs);
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        List<Runnable> rows = new ArrayList<>();
        for (int i = 0; i < batch; i++) {
            rows.add(row.bind(row(inputs, i, environment), row(outputs, i, environment))::run);
        }
        return () -> runs.inTurn(rows);
    }

    private static Map<String, OrtTensor> row(
            Map<String, ? extends DeviceTensor> tensors, int i, OrtEnvironment environment) {
        Map<String, OrtTensor> row = new HashMap<>();
        tensors.forEach((name, tensor) ->
                row.put(name, ((OrtTensor) tensor).rows(environment).get(i)));
        return row;
    }

    private synchronized Graph graph(int threads) {
        if (closed) {
            throw new MaskRtException(ExitCode.FAILURE, "the graph " + signature.name() + " is closed");
        }
        return byThreads.computeIfAbsent(threads, open::apply);
    }

    @Override
    public synchronized void close() {
        closed = true;
        byThreads.values().forEach(Graph::close);
        runs.close();
    }
}
