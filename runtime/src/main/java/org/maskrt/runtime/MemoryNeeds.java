package org.maskrt.runtime;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.runtime.MemoryPlan.Bias;
import org.maskrt.runtime.MemoryPlanner.Part;
import org.maskrt.runtime.MemoryPlanner.Use;
import org.maskrt.runtime.device.EngineSource.Sizes;

/** What the engines of a model folder take of a device, from their descriptions. */
final class MemoryNeeds {
    /** Steps of a generation where the memory is shared before its request is known. */
    private static final int STEPS = 50;

    private final DeviceBackend device;
    private final Path graphs;
    private final List<Part> parts = new ArrayList<>();
    private final Set<Bias> forms = EnumSet.noneOf(Bias.class);

    private MemoryNeeds(DeviceBackend device, Path graphs) {
        this.device = device;
        this.graphs = graphs;
    }

    /**
     * Shares the memory of a backend as the options say; the batch that goes through the model at once.
     *
     * @throws MaskRtException (USAGE) if the budget is too small, or the backend has no memory of its own
     */
    static int share(Backend backend, Path folder, DiffusionPipeline.Model model, PipelineOptions options) {
        if (options.memoryBudget() == 0) {
            return options.maxBatch();
        }
        if (!(backend instanceof DeviceBackend device)) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    "--memory-budget: expected the backend " + DeviceBackend.TENSORRT + ", got " + backend.name()
                            + ", which shares the host's memory; leave the budget out");
        }
        MemoryNeeds needs = new MemoryNeeds(device, device.graphs(folder));
        needs.add("guided_step", Use.STEP, options.maxBatch());
        needs.add("half_step", Use.HALF_STEP, options.maxBatch());
        needs.add("conditioner", Use.CONDITIONER, options.maxBatch());
        needs.addPictures(model);
        MemoryPlan plan = MemoryPlanner.plan(
                new MemoryPlanner.Needs(
                        model.denoiser(),
                        needs.parts,
                        needs.forms.isEmpty() ? Set.of(Bias.CONSTANT) : needs.forms,
                        options.maxBatch(),
                        STEPS),
                options.memoryBudget());
        device.share(plan);
        return plan.batch();
    }

    private void addPictures(DiffusionPipeline.Model model) {
        if (model.vae() != null) {
            int size = model.denoiser().inputSize() * model.vae().downsampling();
            add("vae_decoder", Use.PICTURES, Decoder.most(size));
        }
        if (model.denoiser() instanceof Emd3c) {
            add("vae_encoder", Use.PICTURES, 1);
            add("ccnet", Use.PICTURES, 1);
            model.imageEncoders().forEach(encoder -> add(encoder.graph(), Use.PICTURES, 1));
        }
    }

    /** Graphs without an engine are left out: running them says so. */
    private void add(String graph, Use use, int rows) {
        Sizes sizes = device.sizes(graphs.resolve(graph));
        if (sizes != null) {
            parts.add(new Part(graph, use, sizes.weights(), 0, 0, sizes.activations() / sizes.rows(), rows));
            if (use == Use.STEP || use == Use.HALF_STEP) {
                forms.add(sizes.gathers() ? Bias.GATHER : Bias.CONSTANT);
            }
        }
    }
}
