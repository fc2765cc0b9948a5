package org.maskrt.runtime.trt;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.reference.Parity;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.SelfCheck;
import org.maskrt.runtime.device.Engine;

/** The comparison that a new engine has to pass before it is used. */
final class EngineCheck {
    private EngineCheck() {}

    /**
     * Compares the engine that was made last with the fp32 graph of its model folder.
     *
     * @param made its description, which is written again with what was found
     * @throws MaskRtException TOLERANCE if it differs too much
     */
    static EngineSidecar of(GpuRuntime gpu, TrtLogger logger, WorkerJob job, EngineSidecar made) {
        Path graphs = Objects.requireNonNull(job.folder().toAbsolutePath().getParent());
        Path model = Objects.requireNonNull(graphs.getParent());
        try (CudaDevice device = new CudaDevice(gpu);
                TrtEngines engines = new TrtEngines(gpu, logger);
                Engine engine = engines.load(job.plan())) {
            double bound = SelfCheck.bound(made.source().dtype());
            Parity found = SelfCheck.compare(model, made.source().graph(), engine, device, bound);
            if (!found.passed()) {
                // a plan without a description is not run, and is built again
                EngineSidecar.delete(job.plan());
            }
            EngineSidecar checked = passed(job.plan(), made, found);
            checked.write(job.plan());
            return checked;
        }
    }

    /** The description of an engine that passed. */
    static EngineSidecar passed(Path plan, EngineSidecar made, Parity found) {
        if (!found.passed()) {
            throw new MaskRtException(
                    ExitCode.TOLERANCE,
                    String.format(
                            Locale.ROOT,
                            "%s: expected %s within %.0e of the fp32 graph on ONNX Runtime, relative to its maximum, the"
                                    + " engine differs by %.1e and is not used; build it again with another --dtype, or"
                                    + " without --hardware-compatible",
                            plan,
                            found.name(),
                            found.tolerance(),
                            found.relative()));
        }
        return made.with(new EngineSidecar.Checked(
                true, found.relative(), found.tolerance(), "the fp32 graph on " + Backend.DEFAULT));
    }
}
