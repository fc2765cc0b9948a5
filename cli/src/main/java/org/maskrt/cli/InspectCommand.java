package org.maskrt.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.Denoiser;
import org.maskrt.models.PaperTable;
import org.maskrt.models.Presets;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.weights.ModelFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code maskrt inspect}. */
@Command(
        name = "inspect",
        mixinStandardHelpOptions = true,
        description = {
            "Parameters, MACs, bytes and shapes of a preset or a model folder.",
            "Parameters are the trained ones of the inference graph. MACs are those of matrix products and convolutions for one sample; the"
                    + " papers' figures add a small LayerNorm term (1 an element for DiT, 4 for MDT)."
        })
final class InspectCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            description = "A preset such as MDTv2-XL/2, or a model folder; 'presets' lists them all.")
    private String model;

    @Option(
            names = "--input-size",
            paramLabel = "N",
            description = "Height and width of a preset's latents (default: ${DEFAULT-VALUE}).")
    private int inputSize = 32;

    @Option(names = "--paths", description = "Print the cost of every parameter path.")
    private boolean paths;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        if (model.equals("presets")) {
            presets();
        } else if (Files.isDirectory(Path.of(model)) || !Presets.isName(model)) {
            try (ModelFolder folder = ModelFolder.open(Path.of(model))) {
                folder.warnings().forEach(w -> spec.commandLine().getErr().println("warning: " + w));
                report(folder.denoiser(), folder.hasAutoencoder() ? folder.autoencoder() : null, folder);
            }
        } else {
            report(Presets.of(model, inputSize), null, null);
        }
        return 0;
    }

    private void presets() {
        List<List<String>> rows = new ArrayList<>();
        for (String name : Presets.names()) {
            PaperTable table = PaperTable.of(Presets.of(name, inputSize));
            rows.add(List.of(
                    name,
                    Tables.count(table.parameters()),
                    Tables.count(table.macs()),
                    Tables.count(table.matmulMacs())));
        }
        out().print(Tables.of(List.of("preset", "parameters", "MACs (paper)", "MACs (products)"), rows));
    }

    private void report(Denoiser denoiser, @Nullable AutoencoderKl vae, @Nullable ModelFolder folder) {
        CostOps costs = PaperTable.trace(denoiser);
        PaperTable table = PaperTable.of(denoiser);
        if (json) {
            printJson(denoiser, costs, table);
            return;
        }
        int side = denoiser.inputSize();
        long weights = 4 * costs.total().parameters();
        out().println("model            " + denoiser);
        out().printf(
                        Locale.ROOT,
                        "sample           [B,%d,%d,%d] -> [B,%d,%d,%d]%n",
                        denoiser.hintChannels() + denoiser.inChannels(),
                        side,
                        side,
                        denoiser.outChannels(),
                        side,
                        side);
        out().println(
                        denoiser.conditionWidth() == 0
                                ? "classes          " + denoiser.numClasses() + " and the null class"
                                : "condition        [B," + denoiser.conditionWidth() + "]; zeros are the null");
        out().printf(Locale.ROOT, "parameters       %s (%,d)%n", Tables.count(table.parameters()), table.parameters());
        out().println("weights          " + Tables.bytes(weights) + " fp32, " + Tables.bytes(weights / 2) + " fp16");
        out().println("MACs             " + Tables.count(table.macs()) + " as the paper counts, "
                + Tables.count(table.matmulMacs()) + " in products");
        out().println("bytes moved      " + Tables.bytes(costs.total().bytes()) + " fp32, nothing fused");
        out().println("modulation       [B," + denoiser.modulationSize() + "] hoisted out of the sampling loop");
        if (vae != null) {
            CostOps decoder = new CostOps();
            int latent = vae.config().latentChannels();
            vae.decode(decoder, decoder.params(), decoder.input(1, latent, side, side));
            out().println("autoencoder      " + vae);
            out().println("decoder          " + Tables.count(decoder.total().parameters()) + " parameters, "
                    + Tables.count(decoder.total().macs()) + " MACs");
        }
        if (folder != null) {
            out().println("folder           " + folder.path());
            if (!folder.labels().isEmpty()) {
                out().println("labels           " + folder.labels());
            }
        }
        if (paths) {
            List<List<String>> rows = new ArrayList<>();
            for (CostOps.Cost c : costs.rows()) {
                rows.add(List.of(
                        c.path(), Tables.count(c.parameters()), Tables.count(c.macs()), Tables.bytes(c.bytes())));
            }
            out().println();
            out().print(Tables.of(List.of("path", "parameters", "MACs", "bytes"), rows));
        }
    }

    private void printJson(Denoiser denoiser, CostOps costs, PaperTable table) {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode();
        root.put("model", denoiser.toString());
        root.put("parameters", table.parameters());
        root.put("macs", table.macs());
        root.put("matmul_macs", table.matmulMacs());
        root.put("bytes", costs.total().bytes());
        root.put("modulation_size", denoiser.modulationSize());
        ArrayNode rows = root.putArray("paths");
        for (CostOps.Cost c : costs.rows()) {
            rows.addObject()
                    .put("path", c.path())
                    .put("parameters", c.parameters())
                    .put("macs", c.macs())
                    .put("bytes", c.bytes());
        }
        out().println(root.toPrettyString());
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
