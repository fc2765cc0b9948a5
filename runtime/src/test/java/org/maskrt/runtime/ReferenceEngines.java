package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.device.CpuDevice;
import org.maskrt.runtime.device.Engine;
import org.maskrt.runtime.device.EngineSource;
import org.maskrt.runtime.device.EngineTensor;

/** The graphs of a {@link ReferenceBackend} as engines of a {@link CpuDevice}, with the steps that read tables by row. */
final class ReferenceEngines implements EngineSource {
    private static final int MOST_ROWS = 10_000;

    final Set<String> loaded = ConcurrentHashMap.newKeySet();
    boolean closed;

    private final CpuDevice device;
    private final ReferenceBackend reference;
    private final Denoiser model;
    private final int mostBatch;

    ReferenceEngines(CpuDevice device, ReferenceBackend reference, Denoiser model, int mostBatch) {
        this.device = device;
        this.reference = reference;
        this.model = model;
        this.mostBatch = mostBatch;
    }

    @Override
    public String description() {
        return "reference engines";
    }

    @Override
    public Engine open(Path folder, GraphSignature graph) {
        loaded.add(graph.name());
        return device.engine(
                graph.name(),
                graph.inputs().stream().map(this::tensor).toList(),
                graph.outputs().stream().map(this::tensor).toList(),
                1000 + graph.name().length(),
                (in, out) -> run(graph.name(), in));
    }

    private EngineTensor tensor(TensorSpec spec) {
        Shape least = spec.shape();
        Shape most = spec.shape();
        for (int d = 0; d < spec.shape().rank(); d++) {
            int dim = spec.shape().dim(d);
            boolean condition =
                    spec.name().equals(GraphSignature.condition(model).name());
            if (dim < 0) {
                least = least.with(d, 1);
                most = most.with(d, dim == Shape.BATCH ? mostBatch + (condition ? 1 : 0) : MOST_ROWS);
            }
        }
        return new EngineTensor(spec, least, most);
    }

    private Map<String, Tensor> run(String graph, Map<String, Tensor> in) {
        return switch (graph) {
            case "guided_step" -> step(in, 3);
            case "half_step" -> step(in, 2);
            default -> reference.run(graph, in);
        };
    }

    private Map<String, Tensor> step(Map<String, Tensor> in, int tables) {
        Tensor rows = in.get("rows");
        Map<String, Tensor> gathered = new LinkedHashMap<>(in);
        take(gathered, "modulation", rows, 0, tables);
        take(gathered, "coefficients", rows, 0, tables);
        take(gathered, "noise", rows, tables - 1, tables);
        if (tables == 3) {
            take(gathered, "guidance", rows, 0, tables);
            take(gathered, "modulation_uncond", rows, 1, tables);
        }
        Map<String, Tensor> out = new LinkedHashMap<>(
                tables == 3 ? reference.run("guided_step", gathered) : reference.halfStep(gathered));
        long[] next = rows.indices().clone();
        for (int i = 0; i < next.length; i++) {
            next[i] += in.get("advance").indices()[i];
        }
        out.put("next_rows", Tensor.ofIndices(next, rows.shape().dims()));
        return out;
    }

    private static void take(Map<String, Tensor> in, String name, Tensor rows, int column, int tables) {
        ReferenceOps ops = new ReferenceOps();
        Tensor table = in.get(name);
        List<Tensor> taken = new ArrayList<>();
        for (int b = 0; b < rows.shape().dim(0); b++) {
            int row = Math.toIntExact(rows.indices()[b * tables + column]);
            taken.add(ops.slice(table, 0, row, row + 1));
        }
        in.put(name, ops.concat(0, taken));
    }

    @Override
    public Sizes sizes(Path folder) {
        return new Sizes(1_000_000, 1000, mostBatch, false);
    }

    @Override
    public void close() {
        closed = true;
    }
}
