package org.maskrt.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.maskrt.exporter.ExportListener;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxExporter;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.diffusion.GuidedChannels;
import org.maskrt.models.weights.ModelFolder;

/** The graphs that engines are made from, exported where they are missing or out of date. */
final class TensorRtExport {
    private TensorRtExport() {}

    /**
     * Exports what is not up to date.
     *
     * @param wanted the graphs; null for all that sampling may run
     * @return their names
     */
    static List<String> export(
            Path model,
            GraphStyle style,
            @Nullable List<String> wanted,
            @Nullable GuidedChannels channels,
            PrintWriter out,
            boolean quiet) {
        ExportOptions all = ExportOptions.of(style);
        if (wanted != null) {
            all = all.withGraphs(new LinkedHashSet<>(wanted));
        }
        try (ModelFolder folder = ModelFolder.open(model);
                Progress progress = new Progress(quiet)) {
            Set<String> graphs = new TreeSet<>(ExportCommand.available(folder));
            graphs.retainAll(all.graphs());
            if (graphs.isEmpty()) {
                throw new MaskRtException(
                        ExitCode.USAGE,
                        model + ": has none of the graphs " + all.graphs() + "; name some of "
                                + ExportCommand.available(folder));
            }
            ExportOptions options = all.withGraphs(graphs)
                    .withGuided(channels == null ? folder.denoiser().guidedChannels() : channels);
            Path onnx = model.resolve(style.target().folder());
            OnnxExporter probe = new OnnxExporter(options, new EagerJudges(), ExportListener.NONE);
            if (ExportCommand.isCurrent(folder, onnx, probe, graphs)) {
                out.println("export   " + onnx + " is up to date");
            } else {
                long started = System.nanoTime();
                int count =
                        ExportCommand.export(folder, onnx, options, progress).size();
                progress.end();
                out.printf(Locale.ROOT, "export   %d graphs in %.1f s%n", count, (System.nanoTime() - started) / 1e9);
            }
            return List.copyOf(graphs);
        }
    }
}
