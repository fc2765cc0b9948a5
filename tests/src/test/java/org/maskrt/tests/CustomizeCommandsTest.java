package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.maskrt.cli.Main;
import org.maskrt.models.dinov2.DinoV2;
import org.maskrt.models.dinov2.DinoV2Config;
import org.maskrt.models.emd3c.Emd3c;
import org.maskrt.models.emd3c.Emd3cConfig;
import org.maskrt.models.emd3c.Emd3cConfig.Kind;
import org.maskrt.models.emd3c.Emd3cConfig.Source;
import org.maskrt.models.image.Box;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.Mask;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.ScheduleConfig;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;
import org.maskrt.trainer.data.Pair;
import org.maskrt.trainer.data.Scenes;

/** {@code maskrt customize} and {@code maskrt demo customize} on a small E-MD3C with random weights. */
class CustomizeCommandsTest {
    private static final Emd3c MODEL = new Emd3c(new Emd3cConfig(
            8,
            2,
            4,
            16,
            3,
            2,
            2,
            1,
            0.3,
            true,
            List.of(
                    new Source("lsif", Kind.LATENT, 16, 4),
                    new Source("tbf", Kind.FEATURE, 5, 8),
                    new Source("gsif", Kind.FEATURE, 5, 8))));
    private static final DinoV2 ENCODER = new DinoV2(new DinoV2Config(28, 14, 3, 8, 1, 2, 2, false, 0, false, 0.1));

    @TempDir
    private static Path folder;

    private static Path model;
    private static Path object;
    private static Path scene;
    private static Path mask;
    private static Pair pair;

    @BeforeAll
    static void write() {
        model = folder.resolve("model");
        ModelFolder.write(
                model,
                new ModelFolder.Contents(MODEL, random(WeightCheck.wanted(MODEL)), ScheduleConfig.linear(), Map.of()),
                SampledModel.VAE,
                random(WeightCheck.wanted(SampledModel.VAE)),
                DType.F32);
        ModelFolder.putImageEncoder(model, ENCODER, random(WeightCheck.wanted(ENCODER)), DType.F32);
        pair = new Scenes(48, 9, 10).get(4);
        object = picture("object.png", pair.object());
        scene = picture("scene.png", pair.target());
        mask = picture("mask.png", pair.mask().image());
    }

    private static Weights random(Map<String, Shape> shapes) {
        Random random = new Random(3);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        shapes.forEach((key, shape) -> {
            double std = shape.rank() < 2 ? 0.1 : 0.7 / Math.sqrt(shape.size() / (double) shape.dim(0));
            float[] values = new float[shape.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (std * random.nextGaussian());
            }
            tensors.put(key, Tensor.of(values, shape));
        });
        return Weights.of("random weights", tensors);
    }

    private static Path picture(String name, RgbImage image) {
        Path file = folder.resolve(name);
        Images.writePng(file, image, Map.of());
        return file;
    }

    private static String run(int exit, String... args) {
        StringWriter out = new StringWriter();
        int received = Main.run(new PrintWriter(out, true), new PrintWriter(out, true), args);
        assertEquals(exit, received, out::toString);
        return out.toString();
    }

    private static String customize(int exit, String... options) {
        List<String> args = new ArrayList<>(List.of(
                "customize", model.toString(), "--scene", scene.toString(), "--steps", "2", "--quiet", "--force"));
        args.addAll(List.of(options));
        return run(exit, args.toArray(new String[0]));
    }

    @Test
    void exportDrawAndJudge() {
        Path out = folder.resolve("demo");
        String said = run(
                0,
                "demo",
                "customize",
                "--model",
                model.toString(),
                "--pairs",
                "3",
                "--steps",
                "2",
                "-q",
                "-o",
                out + "");
        assertTrue(said.contains("7 graphs in"), said);
        assertTrue(said.contains("pixels changed outside the boxes: 0"), said);
        assertTrue(Files.exists(out.resolve("000002.png")) && Files.exists(out.resolve("table.png")));
        String again = run(
                0,
                "demo",
                "customize",
                "--model",
                model.toString(),
                "--pairs",
                "1",
                "--steps",
                "2",
                "-q",
                "-o",
                out + "");
        assertTrue(again.contains("is up to date"), again);

        Path drawn = folder.resolve("drawn");
        Box box = pair.box();
        String where = box.x() + "," + box.y() + "," + box.width() + "," + box.height();
        customize(
                0,
                "--object",
                object + "",
                "--object-mask",
                mask + "",
                "--box",
                where,
                "--count",
                "2",
                "-o",
                drawn + "");
        RgbImage result = Images.decode(drawn.resolve("000001.png"));
        for (int i = 0; i < 48 * 48; i++) {
            int x = i % 48;
            int y = Math.floorDiv(i, 48);
            if (x < box.x() || x >= box.x() + box.width() || y < box.y() || y >= box.y() + box.height()) {
                assertArrayEquals(pixel(pair.target(), i), pixel(result, i), "pixel " + i);
            }
        }
        Path place = picture("place.png", Mask.of(48, 48, box).image());
        Path byMask = folder.resolve("by-mask");
        customize(0, "--object", object + "", "--object-mask", mask + "", "--mask", place + "", "-o", byMask + "");
        assertArrayEquals(
                Images.decode(drawn.resolve("000000.png")).pixels(),
                Images.decode(byMask.resolve("000000.png")).pixels());
    }

    private static byte[] pixel(RgbImage image, int i) {
        return java.util.Arrays.copyOfRange(image.pixels(), 3 * i, 3 * i + 3);
    }

    @Test
    void whatDoesNotFitIsRefused() {
        String out = folder.resolve("refused").toString();
        assertTrue(customize(2, "--object", object + "", "--box", "0,0,8,8", "-o", out)
                .contains("object.png: expected an object with transparency around it, found none; name its mask with"
                        + " --object-mask"));
        assertTrue(customize(2, "--object", object + "", "--object-mask", mask + "", "--box", "0,0,x", "-o", out)
                .contains("--box: expected X,Y,WIDTH,HEIGHT in pixels, such as 10,20,128,96, got '0,0,x'"));
        assertTrue(customize(2, "--object", object + "", "--object-mask", mask + "", "-o", out)
                .contains("--box"));
        Path black = picture("black.png", new RgbImage(48, 48));
        assertTrue(customize(2, "--object", object + "", "--object-mask", mask + "", "--mask", black + "", "-o", out)
                .contains("with something white in it, got 48 x 48 all black"));
        assertTrue(customize(2, "--object", object + "", "--object-mask", mask + "", "--box", "40,0,20,8", "-o", out)
                .contains("expected a box inside the scene of 48 x 48, got 20 x 8 at (40, 0)"));
    }

    @Test
    void variantsAreCompared() throws IOException {
        Path results = folder.resolve("compared");
        String[] arguments = {
            "compare",
            model + ":eager",
            model + ":fp32",
            "--pictures",
            "3",
            "--max-batch",
            "2",
            "--steps",
            "2",
            "-q",
            "-o",
            results + ""
        };
        String said = run(0, arguments);
        assertTrue(said.contains("no path departs by more than 40.0 dB"), said);
        assertTrue(Files.readString(results.resolve("results.json")).contains("\"graph\" : \"ccnet\""));
        assertTrue(said.contains("in the mean of 3"), said);
    }
}
