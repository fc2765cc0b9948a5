package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.models.reference.ReferenceCase;

/** The commands on image encoders and autoencoders of other projects. */
class EncoderCommandsTest {
    private static final Path FILES = Path.of("../models/src/test/resources");

    @TempDir
    private Path folder;

    private static String run(int exit, String... args) {
        StringWriter out = new StringWriter();
        int received = Main.run(new PrintWriter(out, true), new PrintWriter(out, true), args);
        assertEquals(exit, received, out::toString);
        return out.toString();
    }

    private Path emd3c() {
        try (ReferenceCase c = ReferenceCase.open(FILES.resolve("reference/emd3c"))) {
            return SampledModel.write(folder.resolve("model"), c.model(), c.weights());
        }
    }

    @Test
    void verifyHoldsTheRecordedNumbersOnEveryInterpreter() {
        Path cases = FILES.resolve("reference");
        String out = run(
                0,
                "verify",
                cases.resolve("dinov2").toString(),
                cases.resolve("dinov2_registers").toString(),
                cases.resolve("dinov2_swiglu").toString(),
                cases.resolve("autoencoder").toString(),
                cases.resolve("autoencoder_compvis").toString());
        assertTrue(out.contains("48 passed, 0 failed, 0 cases skipped"), out);
    }

    /** The E-MD3C asks for 17 tokens, so the graph takes pictures of 16 pixels though the positions are of 20. */
    @Test
    void anEncoderOfTransformersJoinsAModelAndIsExported() {
        Path model = emd3c();
        String imported =
                run(0, "import", FILES.resolve("reference/dinov2_registers").toString(), "-o", model.toString());
        assertTrue(imported.contains("source       transformers' DINOv2"), imported);
        assertTrue(imported.contains("are ignored"), imported);
        assertTrue(imported.contains(model.resolve("image_encoder") + ": written in"), imported);
        assertTrue(Files.exists(model.resolve("image_encoder/model.safetensors")));
        String inspected = run(0, "inspect", model.toString());
        assertTrue(
                inspected.contains("pixels           [B,3,16,16] -> class_token [B,24], patch_tokens [B,16,24]"),
                inspected);
        String exported = run(0, "export", model.toString(), "--graphs", "image_encoder", "--quiet");
        assertTrue(
                exported.contains(model.resolve("onnx/image_encoder") + "  equal to the eager model within"), exported);
        assertTrue(exported.contains("1 graphs in"), exported);
    }

    @Test
    void whereThereIsNoModelThePartHasAFolderOfItsOwn() {
        Path part = folder.resolve("encoder");
        Path pth = FILES.resolve("checkpoints/dinov2.pth");
        String dry = run(0, "import", pth.toString(), "--heads", "2", "--dry-run");
        assertTrue(dry.contains("model        DinoV2[config=DinoV2Config[imageSize=8, patchSize=4,"), dry);
        assertTrue(dry.contains("assumed      positions are interpolated with an offset of 0.1, as published"), dry);
        run(0, "import", pth.toString(), "--heads", "2", "-o", part.toString());
        String inspected = run(0, "inspect", part.toString());
        assertTrue(inspected.contains("(1,344)"), inspected);
        assertFalse(inspected.contains("warning"), inspected);
        String json = run(0, "inspect", part.toString(), "--json");
        assertTrue(json.contains("\"parameters\" : 1344"), json);
        String again = run(0, "import", part.toString(), "--dry-run");
        assertTrue(again.contains("model        DinoV2[config=DinoV2Config[imageSize=8, patchSize=4,"), again);
    }

    @Test
    void aDenoiserIsImportedWithItsParts() {
        Path model = folder.resolve("whole");
        Path file = emd3c().resolve("transformer/diffusion_pytorch_model.safetensors");
        String vae = SampledModel.export(folder.resolve("other"), org.maskrt.exporter.ExportOptions.DEFAULT)
                .resolve("vae")
                .toString();
        String encoder = FILES.resolve("reference/dinov2_swiglu").toString();
        String out =
                run(0, "import", file.toString(), "--vae", vae, "--image-encoder", encoder, "-o", model.toString());
        assertTrue(out.contains("model        Emd3c["), out);
        assertTrue(out.contains("Source[name=gsif1, kind=FEATURE, tokens=17, width=48]"), out);
        assertTrue(Files.exists(model.resolve("vae/config.json")));
        assertTrue(Files.exists(model.resolve("image_encoder/config.json")));
        String inspected = run(0, "inspect", model.resolve("vae").toString());
        assertTrue(inspected.contains("-> moments [B,8,8,8]"), inspected);
        String refused = run(2, "import", file.toString(), "--vae", encoder, "-o", model.toString());
        assertTrue(refused.contains("--vae: expected an AutoencoderKL, found ImageEncoder["), refused);
    }

    @Test
    void inspectKnowsThePublishedSizes() {
        String out = run(0, "inspect", "dinov2-vitg14-reg");
        assertTrue(
                out.contains("pixels           [B,3,518,518] -> class_token [B,1536], patch_tokens [B,1369,1536]"),
                out);
        assertTrue(out.contains("(1,136,485,376)"), out);
        assertTrue(run(0, "inspect", "presets").lines().anyMatch(line -> line.startsWith("dinov2-vits14-reg ")));
    }
}
