package org.maskrt.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.maskrt.cli.Main;
import org.maskrt.exporter.ExportOptions;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.SafeTensors;

/** What users get wrong: one clear line, the right exit code, and nothing half-written. */
class BadInputTest {
    private static final String WEIGHTS = "transformer/diffusion_pytorch_model.safetensors";
    static final String CONFIG = """
            seed: 1
            data: {source: shapes, images: 16, classes: 0, size: 16, mirror: false}
            autoencoder:
              model: {in_channels: 3, latent_channels: 4, block_out_channels: [4, 4], layers_per_block: 1, norm_num_groups: 2, scaling_factor: 1, sample_size: 16}
              steps: 2
              batch: 2
              edge_weight: 1
              precision: fp32
              kl_weight: 1.0e-5
              optimizer: {learning_rate: 0.001, warmup_steps: 1, cosine: true, weight_decay: 0, clip_norm: 1, ema_decay: 0.99}
            transformer:
              model: {family: mdt-v2, patch_size: 2, hidden_size: 16, depth: 4, num_heads: 2, mlp_ratio: 2, decode_layer: 2, mask_ratio: 0.3}
              steps: 2
              batch: 2
              label_drop: 0.1
              precision: fp32
              optimizer: {learning_rate: 0.001, warmup_steps: 1, cosine: true, weight_decay: 0, clip_norm: 1, ema_decay: 0.99}
              preview: {steps: 2, guidance: 2, columns: 2}
            pace: {checkpoint: 1, preview: 2}
            """;

    @TempDir
    static Path temp;

    private static Path model;

    @BeforeAll
    static void export() {
        model = SampledModel.export(temp.resolve("model"), ExportOptions.DEFAULT);
    }

    /** What a case does to a copy of a good model folder. */
    @FunctionalInterface
    private interface Damage {
        void to(Path folder) throws IOException;
    }

    /**
     * A row of the table.
     *
     * @param exit the exit code
     * @param text what the line on stderr must hold
     * @param damage of a copy of the model, whose path stands for {@code MODEL} in the arguments; {@code OUT} is a free folder
     */
    private record Case(String name, int exit, List<String> text, Damage damage, String... args) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Case sample(String name, int exit, String text, String... options) {
        List<String> args = new ArrayList<>(List.of("sample", "MODEL", "-o", "OUT"));
        args.addAll(List.of(options));
        if (!args.contains("--steps")) {
            args.addAll(List.of("--steps", "2"));
        }
        return new Case(name, exit, List.of(text), folder -> {}, args.toArray(new String[0]));
    }

    private static Case broken(String name, int exit, List<String> text, Damage damage) {
        return new Case(
                name, exit, text, damage, "sample", "MODEL", "-o", "OUT", "--steps", "2", "--class-labels", "1");
    }

    private static Case export(String name, int exit, List<String> text, Damage damage, String... options) {
        List<String> args = new ArrayList<>(List.of("export", "MODEL", "-o", "OUT"));
        args.addAll(List.of(options));
        return new Case(name, exit, text, damage, args.toArray(new String[0]));
    }

    private static Case train(String name, int exit, String text, String from, String to) {
        return new Case(
                name,
                exit,
                List.of(text),
                folder -> Files.writeString(folder.resolve("run.yaml"), CONFIG.replaceFirst(from, to)),
                "train",
                "MODEL/run.yaml",
                "-o",
                "OUT");
    }

    static Stream<Case> cases() {
        return Stream.of(
                new Case("no command", 2, List.of("a command is needed"), f -> {}),
                new Case("an unknown command", 2, List.of("smaple"), f -> {}, "smaple"),
                new Case(
                        "an unknown option",
                        2,
                        List.of("--stepz"),
                        f -> {},
                        "sample",
                        "MODEL",
                        "-o",
                        "OUT",
                        "--stepz",
                        "3"),
                new Case(
                        "no model folder",
                        1,
                        List.of("nowhere", "model_index.json"),
                        f -> {},
                        "sample",
                        "nowhere",
                        "-o",
                        "OUT"),
                new Case("an unknown preset", 1, List.of("MDT-XXL"), f -> {}, "inspect", "MDT-XXL"),
                new Case("a preset of another patch", 2, List.of("MDT-S/4"), f -> {}, "inspect", "MDT-S/4"),
                sample("a class index too large", 2, "expected a class from 0 to 9, got 10", "--class-labels", "10"),
                sample("a negative class", 2, "-1", "--class-labels=-1"),
                sample("an unknown class name", 2, "there is no class unicorn", "--class-labels", "unicorn"),
                sample("no steps", 2, "0", "--steps", "0"),
                sample("more steps than there are", 2, "1001", "--steps", "1001"),
                sample("a stride that does not exist", 2, "ddim999", "--steps", "ddim999"),
                sample("steps that are no number", 2, "many", "--steps", "many"),
                sample("an unknown sampler", 2, "euler", "--sampler", "euler"),
                sample("an unknown generator", 2, "dice", "--rng", "dice"),
                sample("an unknown guidance", 2, "--guidance", "--guidance", "strong"),
                sample("seeds that are no numbers", 2, "--seeds", "--seeds", "1,x"),
                sample("a wrong number of seeds", 2, "got 3", "--seeds", "1-3"),
                sample("a backend that is not there", 3, "TensorRT", "--backend", "trt"),
                sample("an unknown backend", 2, "abacus", "--backend", "abacus"),
                sample("an empty batch", 2, "batch", "--max-batch", "0"),
                sample("no pictures", 2, "--per-class", "--per-class", "0"),
                new Case(
                        "an output that is a file",
                        1,
                        List.of("model_index.json"),
                        f -> {},
                        "sample",
                        "MODEL",
                        "-o",
                        "MODEL/model_index.json",
                        "--steps",
                        "2"),
                new Case(
                        "pictures that are there already",
                        2,
                        List.of("000000.png", "--force"),
                        f -> Files.writeString(f.resolve("000000.png"), ""),
                        "sample",
                        "MODEL",
                        "-o",
                        "MODEL",
                        "--steps",
                        "2"),
                broken(
                        "weights that are missing",
                        1,
                        List.of("transformer", "safetensors"),
                        f -> Files.delete(f.resolve(WEIGHTS))),
                broken("weights that are cut", 1, List.of("safetensors"), f -> cut(f.resolve(WEIGHTS), 5000)),
                broken(
                        "keys missing, extra and misshapen",
                        1,
                        List.of("pos_embed", "novelty", "mask_token"),
                        f -> edit(f, t -> {
                            t.remove("pos_embed");
                            t.put("novelty", Tensor.zeros(2));
                            t.put("mask_token", Tensor.zeros(1, 1, 3));
                        })),
                broken(
                        "a graph whose data is gone",
                        1,
                        List.of("model.onnx.data"),
                        f -> Files.delete(f.resolve("onnx/guided_step/model.onnx.data"))),
                broken(
                        "a graph that is cut",
                        1,
                        List.of("guided_step"),
                        f -> cut(f.resolve("onnx/guided_step/model.onnx"), 500)),
                broken(
                        "a report that is missing",
                        1,
                        List.of("export.json"),
                        f -> Files.delete(f.resolve("onnx/guided_step/export.json"))),
                broken(
                        "a graph that was never exported",
                        1,
                        List.of("maskrt export"),
                        f -> deleteAll(f.resolve("onnx"))),
                broken(
                        "an index that is no JSON",
                        1,
                        List.of("model_index.json"),
                        f -> Files.writeString(f.resolve("model_index.json"), "{")),
                broken(
                        "a key of the configuration that is not known",
                        1,
                        List.of("hidden_sice"),
                        f -> Files.writeString(
                                f.resolve("transformer/config.json"),
                                Files.readString(f.resolve("transformer/config.json"))
                                        .replace("\"hidden_size\"", "\"hidden_sice\""))),
                export(
                        "NaN among the weights",
                        5,
                        List.of("pos_embed", "NaN"),
                        f -> edit(f, t -> t.get("pos_embed").values()[3] = Float.NaN)),
                export("an unknown graph", 2, List.of("unet"), f -> {}, "--graphs", "unet"),
                export("an unknown type", 2, List.of("--dtype", "fp12"), f -> {}, "--dtype", "fp12"),
                export("an unknown attention", 2, List.of("--attention"), f -> {}, "--attention", "flash"),
                export("a batch that is no number", 2, List.of("--batch"), f -> {}, "--batch", "some"),
                export(
                        "a tolerance that no graph meets",
                        4,
                        List.of("--atol"),
                        f -> {},
                        "--atol",
                        "1e-12",
                        "--graphs",
                        "conditioner"),
                train("an unknown key", 2, "'seed'", "seed: 1", "sead: 1"),
                train("a missing key", 2, "batch", "  batch: 2\n  edge", "  edge"),
                train("a wrong type", 2, "steps", "steps: 2", "steps: two"),
                train("an unknown family", 2, "mdt-v3", "mdt-v2", "mdt-v3"),
                train("sizes that do not fit", 2, "num_heads", "num_heads: 2", "num_heads: 3"),
                train(
                        "a folder of pictures that is not there",
                        2,
                        "nopictures",
                        "source: shapes",
                        "source: nopictures"),
                new Case(
                        "a training file that is not there",
                        2,
                        List.of("none.yaml"),
                        f -> {},
                        "train",
                        "none.yaml",
                        "-o",
                        "OUT"),
                new Case("training without a file", 2, List.of("CONFIG", "--explain"), f -> {}, "train"),
                new Case(
                        "a device that is none",
                        2,
                        List.of("--devices", "cuda:0"),
                        f -> Files.writeString(f.resolve("run.yaml"), CONFIG),
                        "train",
                        "MODEL/run.yaml",
                        "-o",
                        "OUT",
                        "--devices",
                        "gpu"),
                new Case(
                        "a GPU that is not there",
                        3,
                        List.of("cuda:7", "-Pgpu-train"),
                        f -> Files.writeString(f.resolve("run.yaml"), CONFIG),
                        "train",
                        "MODEL/run.yaml",
                        "-o",
                        "OUT",
                        "--devices",
                        "cuda:7"),
                new Case("a folder without cases", 2, List.of("case.json"), f -> {}, "verify", "MODEL"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void oneLineAndAnExitCode(Case c) throws IOException {
        Path folder = Files.createTempDirectory(temp, "case");
        Path copy = folder.resolve("model");
        copyAll(model, copy);
        c.damage.to(copy);
        Path out = folder.resolve("out");
        String[] args = Stream.of(c.args)
                .map(a -> a.equals("OUT") ? out.toString() : a.replaceFirst("^MODEL", copy.toString()))
                .toArray(String[]::new);
        StringWriter stdout = new StringWriter();
        StringWriter stderr = new StringWriter();

        int exit = Main.run(new PrintWriter(stdout, true), new PrintWriter(stderr, true), args);

        String err = stderr.toString().strip();
        assertEquals(c.exit, exit, () -> "exit code; stderr: " + err);
        assertEquals(1, err.lines().count(), () -> "one line on stderr, got: " + err);
        assertTrue(err.startsWith("maskrt: "), err);
        for (String text : c.text) {
            assertTrue(err.contains(text), () -> "'" + text + "' in: " + err);
        }
        if (Files.exists(out)) {
            try (Stream<Path> left = Files.walk(out)) {
                assertFalse(
                        left.anyMatch(p -> Files.isRegularFile(p)
                                && !p.getFileName().toString().equals("config.yaml")
                                && !p.toString().contains("training")),
                        "something was left in " + out);
            }
        }
    }

    @Test
    void trainingGoesOnAfterACorruptPictureAndSaysSo() throws IOException {
        Path pictures = Files.createDirectory(temp.resolve("pictures"));
        for (int i = 0; i < 4; i++) {
            BufferedImage image = new BufferedImage(20, 20, BufferedImage.TYPE_INT_RGB);
            image.setRGB(i, i, 0xff8000);
            ImageIO.write(
                    image, "png", pictures.resolve(i % 2 + "_" + i + ".png").toFile());
        }
        Files.write(pictures.resolve("1_corrupt.jpg"), new byte[] {(byte) 0xff, (byte) 0xd8, 1, 2, 3});
        Path config = temp.resolve("pictures.yaml");
        Files.writeString(config, CONFIG.replace("source: shapes", "source: " + pictures));
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        Path result = temp.resolve("trained");
        int exit = Main.run(
                new PrintWriter(out, true),
                new PrintWriter(err, true),
                "train",
                config.toString(),
                "-o",
                result.toString());
        assertEquals(0, exit, err::toString);
        assertEquals(1, err.toString().lines().count(), err::toString);
        assertTrue(err.toString().contains("1_corrupt.jpg"), err::toString);
        assertTrue(Files.exists(result.resolve("model_index.json")));
    }

    @Test
    void aRecordedNumberThatWasChangedFailsItsCase() throws IOException {
        Path folder = temp.resolve("cases/dit");
        Files.createDirectories(folder.getParent());
        copyAll(Path.of("../models/src/test/resources/reference/dit"), folder);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Path io = folder.resolve("io.safetensors");
        try (SafeTensors recorded = SafeTensors.open(io)) {
            recorded.keys().forEach(key -> tensors.put(key, recorded.tensor(key)));
        }
        tensors.get("out").values()[7] += 0.01f;
        SafeTensors.write(io, tensors, DType.F32);
        StringWriter out = new StringWriter();
        int exit = Main.run(new PrintWriter(out, true), new PrintWriter(out, true), "verify", folder.toString());
        assertEquals(4, exit, out::toString);
        assertTrue(out.toString().lines().anyMatch(l -> l.contains(" out ") && l.endsWith("FAILED")), out::toString);
    }

    private static void cut(Path file, int length) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        byte[] head = new byte[Math.min(length, bytes.length / 2)];
        System.arraycopy(bytes, 0, head, 0, head.length);
        Files.write(file, head);
    }

    /** A change of the tensors by name. */
    @FunctionalInterface
    private interface Edit {
        void apply(Map<String, Tensor> tensors);
    }

    private static void edit(Path folder, Edit change) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (SafeTensors weights = SafeTensors.open(folder.resolve(WEIGHTS))) {
            weights.keys().forEach(key -> tensors.put(key, weights.tensor(key)));
        }
        change.apply(tensors);
        SafeTensors.write(folder.resolve(WEIGHTS), tensors, DType.F32);
    }

    private static void copyAll(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            files.forEach(file -> {
                try {
                    Files.copy(file, to.resolve(from.relativize(file).toString()));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    private static void deleteAll(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
