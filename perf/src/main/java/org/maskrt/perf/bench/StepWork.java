package org.maskrt.perf.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.exporter.graphs.ModelGraphs;
import org.maskrt.models.Denoiser;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;

/**
 * What a guided step has to do on a GPU in 16 bits, with attention fused and adaLN left to the conditioner: by its shapes, see {@link CostOps}.
 *
 * @param batch pictures in the step; either half of the guidance has as many rows
 * @param kernels in the order of the model, those that differ in the number of their block as one
 */
public record StepWork(int batch, List<Kernel> kernels) {
    private static final int BYTES = 2;
    private static final String QKV = ".qkv.weight";

    /** Tensors [T,D] that norms and residuals of a block read and write besides the products: two norms with their residual, four each. */
    private static final int POINTWISE = 2 * 4;

    public StepWork {
        kernels = List.copyOf(kernels);
    }

    /**
     * Kernels of one kind, which run one after the other.
     *
     * @param kind such as {@code blocks.*.attn.qkv}
     * @param count of them
     * @param flops operations of all of them, two for each multiply-accumulate
     * @param weightBytes that they read of weights and constants
     * @param movedBytes that they read and write of everything else
     */
    public record Kernel(String kind, int count, double flops, double weightBytes, double movedBytes) {
        private Kernel plus(Kernel other) {
            return new Kernel(
                    kind,
                    count + other.count,
                    flops + other.flops,
                    weightBytes + other.weightBytes,
                    movedBytes + other.movedBytes);
        }

        /** Milliseconds that they take at least, operations and bytes side by side. */
        double millis(Limits limits) {
            return limits.floorMillis(flops, weightBytes + movedBytes);
        }
    }

    private static CostOps trace(Denoiser model, int batch) {
        CostOps ops = new CostOps();
        ModelGraphs.GuidedStep graph = new ModelGraphs.GuidedStep(model, model.guidedChannels());
        Map<String, Shape> in = new LinkedHashMap<>();
        graph.inputs().forEach(port -> in.put(port.name(), port.shape(batch, 1)));
        graph.build(ops, ops.params(), in);
        return ops;
    }

    /** The paths of a model's attentions, in the order of its blocks. */
    static List<String> attentions(Denoiser model) {
        CostOps ops = trace(model, 1);
        return ops.rows().stream()
                .map(CostOps.Cost::path)
                .filter(path -> ops.weights().containsKey(path + QKV))
                .toList();
    }

    /** The work of a guided step of {@code batch} pictures. */
    static StepWork of(Denoiser model, int batch) {
        CostOps ops = trace(model, batch);
        Map<String, Kernel> kinds = new LinkedHashMap<>();
        for (CostOps.Cost row : ops.rows()) {
            for (Kernel kernel : kernels(row, ops)) {
                kinds.merge(kernel.kind, kernel, Kernel::plus);
            }
        }
        return new StepWork(batch, List.copyOf(kinds.values()));
    }

    private static List<Kernel> kernels(CostOps.Cost row, CostOps ops) {
        if (row.macs() == 0) {
            return List.of();
        }
        String kind = Cost.kind(row.path());
        double flops = 2.0 * row.macs();
        Shape weight = ops.weights().get(row.path() + ".weight");
        if (weight != null) {
            double rows = weight.rank() == 2 ? row.macs() / (double) weight.size() : 0;
            double moved = weight.rank() == 2 ? BYTES * rows * (weight.dim(0) + weight.dim(1)) : 0;
            return List.of(new Kernel(kind, 1, flops, BYTES * (double) row.parameters(), moved));
        }
        Shape qkv = ops.weights().get(row.path() + QKV);
        if (qkv == null) {
            return List.of(new Kernel(kind, 1, flops, BYTES * (double) row.parameters(), 0));
        }
        List<Kernel> kernels = new ArrayList<>();
        int width = qkv.dim(1);
        long products = ops.rows().stream()
                .filter(r -> r.path().equals(row.path() + ".qkv"))
                .mapToLong(CostOps.Cost::macs)
                .sum();
        double tokens = products / (double) qkv.size();
        double keys = row.macs() / (2 * tokens * width);
        Shape table = ops.weights().get(row.path() + ".rel_pos_bias.relative_position_bias_table");
        double bias = table == null ? 0 : table.dim(1) * keys * keys;
        kernels.add(new Kernel(kind, 1, flops, BYTES * bias, BYTES * 4 * tokens * width));
        kernels.add(new Kernel("norms and residuals", 1, 0, 0, BYTES * POINTWISE * tokens * width));
        return kernels;
    }

    /** Operations in all. */
    @JsonProperty
    public double flops() {
        return kernels.stream().mapToDouble(Kernel::flops).sum();
    }

    /** Bytes of weights and constants in all. */
    @JsonProperty
    public double weightBytes() {
        return kernels.stream().mapToDouble(Kernel::weightBytes).sum();
    }

    /** The floor: all operations at the peak, or all weights out of memory, whichever is longer. */
    double floorMillis(Limits limits) {
        return limits.floorMillis(flops(), weightBytes());
    }

    /** Kernel after kernel, each at its own limit: what no engine that runs them one after the other can be below. */
    double serialMillis(Limits limits) {
        return kernels.stream().mapToDouble(kernel -> kernel.millis(limits)).sum();
    }

    /**
     * What a step that was measured on one GPU would take on another, if its kernels reached the same share of their limits there.
     *
     * @param measured milliseconds on a GPU with the limits {@code here}
     * @param there the limits of the other
     */
    double projectedMillis(double measured, Limits here, Limits there) {
        return serialMillis(there) * measured / serialMillis(here);
    }
}
