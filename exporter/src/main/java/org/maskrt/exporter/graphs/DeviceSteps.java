package org.maskrt.exporter.graphs;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.exporter.graphs.ModelGraphs.GuidedStep;
import org.maskrt.models.Denoiser;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/**
 * The steps of a sampling loop that stays on the device. What changes from step to step is read from tables, by the row that {@code rows} names
 * for each sample; {@code next_rows} = rows + advance are those of the next step. So the same graph with the same addresses serves every step:
 * next_sample, eps and next_rows come back as sample, eps_prev and rows.
 */
public final class DeviceSteps {
    private static final List<String> BY_STEP = List.of("modulation", "guidance", "coefficients");

    private DeviceSteps() {}

    /**
     * {@link GuidedStep} on tables: rows and advance [B,3], sample and eps_prev [B,C,H,W], modulation [R,K], modulation_uncond [U,K], guidance [R],
     * coefficients [R,4] and noise [N,C,H,W] to next_sample and eps [B,C,H,W] and next_rows [B,3]. Of a sample's three rows the first is that of
     * modulation, guidance and coefficients, the second that of modulation_uncond, the third that of noise.
     */
    public record Guided(Denoiser model, GuidedChannels guided) implements ModelGraph {
        @Override
        public String name() {
            return "guided_step";
        }

        @Override
        public List<Port> inputs() {
            return ModelGraphs.ports(
                    model,
                    Port.rows("rows", 3),
                    Port.rows("advance", 3),
                    ModelGraphs.latent("eps_prev", model),
                    modulations("modulation", Shape.ROWS, model),
                    modulations("modulation_uncond", Shape.ROWS_UNCOND, model),
                    Port.values("guidance", Shape.ROWS),
                    coefficients(),
                    noises(model));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            Map<String, T> read = new LinkedHashMap<>(in);
            BY_STEP.forEach(table -> read.put(table, row(ops, in, table, 0)));
            read.put("modulation_uncond", row(ops, in, "modulation_uncond", 1));
            read.put("noise", row(ops, in, "noise", 2));
            return withNextRows(ops, in, new GuidedStep(model, guided).build(ops, p, read));
        }
    }

    /**
     * A step without guidance, which is half the work: rows and advance [B,2], sample and eps_prev [B,C,H,W], modulation [R,K], coefficients [R,4]
     * and noise [N,C,H,W] to next_sample and eps [B,C,H,W] and next_rows [B,2]. Of a sample's two rows the first is that of modulation and
     * coefficients, the second that of noise.
     */
    public record Half(Denoiser model) implements ModelGraph {
        @Override
        public String name() {
            return "half_step";
        }

        @Override
        public List<Port> inputs() {
            return ModelGraphs.ports(
                    model,
                    Port.rows("rows", 2),
                    Port.rows("advance", 2),
                    ModelGraphs.latent("eps_prev", model),
                    modulations("modulation", Shape.ROWS, model),
                    coefficients(),
                    noises(model));
        }

        @Override
        public <T> Map<String, T> build(Ops<T> ops, Params<T> p, Map<String, T> in) {
            Map<String, T> read = new LinkedHashMap<>(in);
            read.put("coefficients", row(ops, in, "coefficients", 0));
            read.put("noise", row(ops, in, "noise", 1));
            T out = model.denoise(ops, p, ModelGraphs.hinted(ops, model, in), row(ops, in, "modulation", 0));
            return withNextRows(ops, in, ModelGraphs.next(ops, read, ModelGraphs.noise(ops, model, out)));
        }
    }

    /** Each sample's row of {@code table}, the one that {@code column} of rows names: [R,..] to [B,..]. */
    private static <T> T row(Ops<T> ops, Map<String, T> in, String table, int column) {
        T values = ModelGraphs.get(in, table);
        int[] dims = ops.shape(values).dims();
        int width = 1;
        for (int i = 1; i < dims.length; i++) {
            width *= dims[i];
        }
        T index = ops.reshape(ops.slice(ModelGraphs.get(in, "rows"), 1, column, column + 1), Shape.BATCH);
        T found = ops.rows(ops.reshape(values, dims[0], width), index);
        dims[0] = Shape.BATCH;
        return ops.reshape(found, dims);
    }

    private static <T> Map<String, T> withNextRows(Ops<T> ops, Map<String, T> in, Map<String, T> step) {
        Map<String, T> outputs = new LinkedHashMap<>(step);
        outputs.put("next_rows", ops.add(ModelGraphs.get(in, "rows"), ModelGraphs.get(in, "advance")));
        return outputs;
    }

    private static Port modulations(String name, int rows, Denoiser model) {
        return Port.values(name, rows, model.modulationSize());
    }

    private static Port coefficients() {
        return Port.values("coefficients", Shape.ROWS, 4);
    }

    private static Port noises(Denoiser model) {
        return Port.values("noise", Shape.ROWS_NOISE, model.inChannels(), model.inputSize(), model.inputSize());
    }
}
