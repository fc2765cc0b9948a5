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
import org.maskrt.models.convert.Checkpoint;
import org.maskrt.models.convert.Recognition;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.ops.CostOps;
import org.maskrt.models.ops.Shape;
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
            "Parameters, MACs, bytes and shapes of a preset or a model folder, or of a folder of an autoencoder or image encoder alone.",
            "Parameters are the trained ones of the inference graph. MACs are those of matrix products and convolutions for one sample; the"
                    + " papers' figures add a small LayerNorm term (1 an element for DiT, 4 for MDT)."
        })
final class InspectCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            description = "A preset such as MDTv2-XL/2 or dinov2-vitb14, or a folder; 'presets' lists them all.")
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
        DinoV2Config encoder = DinoV2Config.presets().get(model.toLowerCase(Locale.ROOT));
        Path config = Path.of(model, "config.json");
        if (model.equals("presets")) {
            presets();
        } else if (encoder != null) {
            report(new DinoV2(encoder), encoder.imageSize());
        } else if (Files.exists(config) && !ModelFolder.isModelFolder(Path.of(model))) {
            component(Path.of(model));
        } else if (Files.isDirectory(Path.of(model)) || !Presets.isName(model)) {
            try (ModelFolder folder = ModelFolder.open(Path.of(model))) {
                folder.warnings().forEach(w -> spec.commandLine().getErr().println("warning: " + w));
                report(folder.denoiser(), folder.hasAutoencoder() ? folder.autoencoder() : null, folder);
                if (!json) {
                    folder.imageEncoders().forEach((name, part) -> {
                        out().println();
                        out().println("part             " + name);
                        report(part.model(), folder.pictureSize(part.model()));
                    });
                }
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
        DinoV2Config.presets().forEach((name, config) -> {
            CostOps.Cost total = trace(new DinoV2(config), config.imageSize()).total();
            rows.add(List.of(
                    name, Tables.count(total.parameters()), Tables.count(total.macs()), Tables.count(total.macs())));
        });
        out().print(Tables.of(List.of("preset", "parameters", "MACs (paper)", "MACs (products)"), rows));
    }

    private void component(Path folder) {
        try (Checkpoint read = Checkpoint.open(folder, null, Recognition.Hints.NONE)) {
            Recognition found = read.recognition();
            found.assumptions().forEach(w -> spec.commandLine().getErr().println("warning: " + w));
            if (found.part() instanceof Recognition.Part.ImageEncoder encoder) {
                report(encoder.model(), encoder.model().config().imageSize());
            } else if (found.part() instanceof Recognition.Part.Vae vae) {
                report(vae.model());
            } else {
                report(found.denoiser(), null, null);
            }
        }
    }

    private void report(AutoencoderKl vae) {
        int side = vae.config().sampleSize();
        int latent = side / vae.config().downsampling();
        CostOps costs = new CostOps();
        Shape moments =
                vae.encode(costs, costs.params(), costs.input(1, vae.config().inChannels(), side, side));
        vae.decode(costs, costs.params(), costs.input(1, vae.config().latentChannels(), latent, latent));
        report(
                vae.toString(),
                List.of(
                        "sample           [B," + vae.config().inChannels() + "," + side + "," + side + "] -> moments "
                                + moments.with(0, Shape.BATCH),
                        "sample_size      " + side),
                costs);
    }

    private void report(DinoV2 encoder, int side) {
        DinoV2Config c = encoder.config();
        int tokens = (side / c.patchSize()) * (side / c.patchSize());
        report(
                encoder.toString(),
                List.of("pixels           [B," + c.numChannels() + "," + side + "," + side + "] -> class_token [B,"
                        + c.hiddenSize() + "], patch_tokens [B," + tokens + "," + c.hiddenSize() + "]"),
                trace(encoder, side));
    }

    private static CostOps trace(DinoV2 encoder, int side) {
        CostOps costs = new CostOps();
        encoder.forward(costs, costs.params(), costs.input(1, encoder.config().numChannels(), side, side));
        return costs;
    }

    /** A part on its own. */
    private void report(String name, List<String> lines, CostOps costs) {
        CostOps.Cost total = costs.total();
        if (json) {
            ObjectNode root = costs(name, total.parameters(), costs);
            out().println(root.toPrettyString());
            return;
        }
        out().println("model            " + name);
        lines.forEach(out()::println);
        out().printf(Locale.ROOT, "parameters       %s (%,d)%n", Tables.count(total.parameters()), total.parameters());
        out().println("weights          " + Tables.bytes(4 * total.parameters()) + " fp32, "
                + Tables.bytes(2 * total.parameters()) + " fp16");
        out().println("MACs             " + Tables.count(total.macs()) + " in products");
        out().println("bytes moved      " + Tables.bytes(total.bytes()) + " fp32, nothing fused");
        printPaths(costs);
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
        printPaths(costs);
    }

    private void printPaths(CostOps costs) {
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
        ObjectNode root = costs(denoiser.toString(), table.parameters(), costs);
        root.put("macs", table.macs());
        root.put("modulation_size", denoiser.modulationSize());
        out().println(root.toPrettyString());
    }

    private static ObjectNode costs(String model, long parameters, CostOps costs) {
        CostOps.Cost total = costs.total();
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("model", model);
        root.put("parameters", parameters);
        root.put("macs", total.macs());
        root.put("matmul_macs", total.macs());
        root.put("bytes", total.bytes());
        ArrayNode rows = root.putArray("paths");
        for (CostOps.Cost c : costs.rows()) {
            rows.addObject()
                    .put("path", c.path())
                    .put("parameters", c.parameters())
                    .put("macs", c.macs())
                    .put("bytes", c.bytes());
        }
        return root;
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
