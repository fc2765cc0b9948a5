package org.maskrt.perf.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.image.Images;
import org.maskrt.models.image.NpzFile;
import org.maskrt.models.image.RgbImage;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

class EvaluationTest {
    private static final Evaluation.Networks NO_NETWORKS = new Evaluation.Networks(null, null, null, null);
    private static final Set<Metric> OF_DISTRIBUTIONS =
            EnumSet.of(Metric.FID, Metric.SFID, Metric.INCEPTION_SCORE, Metric.PRECISION, Metric.RECALL);
    private static final double TOLERANCE = 1e-5;

    @TempDir
    Path folder;

    private static Evaluation.Report run(
            Path reference, Path samples, Evaluation.Networks networks, Metric... metrics) {
        return new Evaluation(reference, samples, networks, Evaluation.Options.DEFAULT)
                .run(Set.of(metrics), EvaluationListener.NONE);
    }

    private static Evaluation.Networks inception(Path file, @Nullable Path softmaxWeights) {
        return new Evaluation.Networks(new Inception(file, PixelRange.BYTES, Map.of()), softmaxWeights, null, null);
    }

    private static void assertRecorded(String path, Set<Metric> metrics, Evaluation.Report report) throws IOException {
        assertEquals(metrics, report.values().keySet());
        for (Metric metric : metrics) {
            double expected = Recorded.number("/" + path + "/" + metric.key());
            assertEquals(expected, report.values().get(metric), TOLERANCE * expected, metric.key());
        }
    }

    @Test
    void featuresOfArchives() throws IOException {
        Evaluation.Report report =
                run(Recorded.file("reference_features.npz"), Recorded.file("sample_features.npz"), NO_NETWORKS);
        assertRecorded("features", OF_DISTRIBUTIONS, report);
        assertEquals(60, report.reference());
        assertEquals(45, report.samples());
    }

    @Test
    void statisticsStandForTheReference() throws IOException {
        Evaluation.Report report =
                run(Recorded.file("statistics.npz"), Recorded.file("sample_features.npz"), NO_NETWORKS);
        assertRecorded("features", EnumSet.of(Metric.FID, Metric.SFID, Metric.INCEPTION_SCORE), report);
        assertEquals(0, report.reference());
    }

    @ParameterizedTest
    @CsvSource({"false,-1", "true,-1", "false,5", "true,12"})
    void picturesThroughAClassifier(boolean channelsLast, int batch) throws IOException {
        Path network = TinyNetworks.classifier(folder, channelsLast, batch);
        Evaluation.Report report = run(
                Recorded.file("reference_pictures.npz"),
                Recorded.file("sample_pictures.npz"),
                inception(network, null));
        assertRecorded("pictures", OF_DISTRIBUTIONS, report);
        assertEquals(12, report.reference());
        assertEquals(12, report.samples());
    }

    @Test
    void picturesThroughTorchScript() throws IOException {
        Path module = Recorded.file("network.pt");
        Evaluation.Networks networks = new Evaluation.Networks(
                new Inception(module, PixelRange.BYTES, Map.of()), null, Recorded.file("distance.ts"), null);
        Set<Metric> expected = EnumSet.copyOf(OF_DISTRIBUTIONS);
        expected.add(Metric.LPIPS);
        assertRecorded(
                "pictures",
                expected,
                run(Recorded.file("reference_pictures.npz"), Recorded.file("sample_pictures.npz"), networks));
    }

    @Test
    void weightsOfALastLayerGiveTheProbabilities() throws IOException {
        Path weights = folder.resolve("head.npy");
        Tensor head = Recorded.tensor("network.npz", "head");
        Files.write(weights, npy(head.values(), "8, 5"));
        Evaluation.Report report = run(
                Recorded.file("reference_pictures.npz"),
                Recorded.file("sample_pictures.npz"),
                inception(TinyNetworks.classifier(folder, false, Shape.BATCH), weights),
                Metric.INCEPTION_SCORE);
        assertRecorded("pictures", EnumSet.of(Metric.INCEPTION_SCORE), report);
    }

    @Test
    void pairsOfFoldersAndArchives() throws IOException {
        Path a = pictures("reference_pictures.npz", "a", ".png");
        Path b = pictures("sample_pictures.npz", "b", ".PNG");
        Set<Metric> pixels = EnumSet.of(Metric.SSIM, Metric.PSNR);
        assertRecorded("pictures", pixels, run(a, b, NO_NETWORKS));
        assertRecorded("pictures", pixels, run(a, Recorded.file("sample_pictures.npz"), NO_NETWORKS));
        Evaluation.Networks networks = new Evaluation.Networks(
                null,
                null,
                TinyNetworks.distance(folder.resolve("lpips")),
                TinyNetworks.encoder(folder.resolve("dino")));
        assertRecorded("pictures", EnumSet.of(Metric.LPIPS, Metric.DINO), run(a, b, networks));
        assertRecorded(
                "pictures", EnumSet.of(Metric.LPIPS, Metric.SSIM), run(a, b, networks, Metric.SSIM, Metric.LPIPS));
        Evaluation.Report same = run(a, a, NO_NETWORKS);
        assertEquals(Map.of(Metric.SSIM, 1.0, Metric.PSNR, Double.POSITIVE_INFINITY), same.values());
    }

    /** The recorded pictures as files in two folders of a folder. */
    private Path pictures(String archive, String name, String ending) {
        Path into = folder.resolve(name);
        try (NpzFile npz = NpzFile.open(Recorded.file(archive));
                Pictures.Cursor cursor = new ArchivePictures(npz).open()) {
            List<RgbImage> images = cursor.next(100);
            for (int i = 0; i < images.size(); i++) {
                Images.writePng(
                        into.resolve(i < 6 ? "0" : "1").resolve(String.format("%06d", i) + ending),
                        images.get(i),
                        Map.of());
            }
            Images.writePng(into.resolve("grid.png"), new RgbImage(50, 50), Map.of());
        }
        return into;
    }

    @Test
    void rowsForPrecisionAndRecallAreSpreadOverTheSet() {
        Evaluation.Options few = new Evaluation.Options(0, 16, 0, 7, 9);
        List<String> heard = new ArrayList<>();
        Evaluation.Report report = new Evaluation(
                        Recorded.file("reference_features.npz"), Recorded.file("sample_features.npz"), NO_NETWORKS, few)
                .run(Set.of(Metric.RECALL), (what, done, total) -> heard.add(what + " " + done + "/" + total));
        assertEquals(Set.of(Metric.RECALL), report.values().keySet());
        double sevenths = report.values().get(Metric.RECALL) * 7;
        assertEquals(Math.rint(sevenths), sevenths, 1e-9);
        assertEquals(
                List.of(
                        Recorded.file("reference_features.npz") + " 60/60",
                        Recorded.file("sample_features.npz") + " 45/45",
                        "precision and recall 1/3",
                        "precision and recall 2/3",
                        "precision and recall 3/3"),
                heard);
    }

    private static byte[] npy(float[] values, String shape) {
        byte[] header = ("{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }\n")
                .getBytes(StandardCharsets.US_ASCII);
        ByteBuffer out = ByteBuffer.allocate(10 + header.length + values.length * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        out.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0})
                .putShort((short) header.length)
                .put(header);
        for (float value : values) {
            out.putFloat(value);
        }
        return out.array();
    }

    private Path archive(String name, Map<String, byte[]> arrays) throws IOException {
        Path file = folder.resolve(name);
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            for (Map.Entry<String, byte[]> e : arrays.entrySet()) {
                zip.putNextEntry(new ZipEntry(e.getKey() + ".npy"));
                zip.write(e.getValue());
                zip.closeEntry();
            }
        }
        return file;
    }

    private void assertRefused(
            ExitCode code,
            String message,
            Path reference,
            Path samples,
            Evaluation.Networks networks,
            Metric... metrics) {
        MaskRtException e = assertThrows(MaskRtException.class, () -> run(reference, samples, networks, metrics));
        assertEquals(message, e.getMessage().replace(folder + "/", "").replace("src/test/resources/metrics/", ""));
        assertEquals(code, e.code());
    }

    @Test
    void refusesWhatCannotBeCompared() throws IOException {
        Path features = Recorded.file("sample_features.npz");
        Path images = Recorded.file("sample_pictures.npz");
        Path a = pictures("reference_pictures.npz", "a", ".png");
        assertRefused(
                ExitCode.USAGE,
                "sample_pictures.npz: expected what sample_features.npz can be compared with, found no metric that both allow;"
                        + " give --inception for pictures",
                features,
                images,
                NO_NETWORKS);
        assertRefused(
                ExitCode.USAGE,
                "fid: expected pool features or mu and sigma of both sets, found less; give --inception with such an output, or"
                        + " archives that hold them",
                images,
                images,
                NO_NETWORKS,
                Metric.FID);
        assertRefused(
                ExitCode.USAGE,
                "sample_features.npz: expected pictures to compare one by one, found features or statistics only; name a"
                        + " folder, or an archive with arr_0",
                images,
                features,
                NO_NETWORKS,
                Metric.SSIM);
        assertRefused(
                ExitCode.USAGE,
                "lpips: expected a network, found none; give one with --lpips",
                images,
                images,
                NO_NETWORKS,
                Metric.LPIPS);
        assertRefused(
                ExitCode.USAGE,
                "network.npz: expected pictures (arr_0), features (pool, spatial, logits, probabilities) or statistics (mu,"
                        + " sigma, mu_s, sigma_s), found [conv, head, encoder, distance]; name the arrays that way",
                images,
                Recorded.file("network.npz"),
                NO_NETWORKS);
        assertRefused(
                ExitCode.FAILURE,
                "none.npz: there is no such file; check the path",
                images,
                folder.resolve("none.npz"),
                NO_NETWORKS);
        Path empty = Files.createDirectory(folder.resolve("empty"));
        assertRefused(
                ExitCode.USAGE,
                "empty: expected .png, .jpg or .bmp files, found none; name the folder that holds them",
                images,
                empty,
                NO_NETWORKS);
        Path one = folder.resolve("one");
        Images.writePng(one.resolve("0/000000.png"), new RgbImage(20, 16), Map.of());
        assertRefused(
                ExitCode.USAGE,
                "one: expected the names of a, missing 11 such as '0/000001'; pairs have one name",
                a,
                one,
                NO_NETWORKS);
        assertRefused(
                ExitCode.USAGE,
                "one: expected as many pictures as sample_pictures.npz has, 12, received 1; pairs need one each",
                images,
                one,
                NO_NETWORKS);
        Images.writePng(one.resolve("b.png"), new RgbImage(9, 9), Map.of());
        assertRefused(
                ExitCode.USAGE,
                "one/b.png: expected 20 x 16 pixels as the pictures before, received 9 x 9; crop all with --size",
                one,
                one,
                NO_NETWORKS);
    }

    @Test
    void refusesNetworksThatDoNotFit() throws IOException {
        Path images = Recorded.file("sample_pictures.npz");
        Path classifier = TinyNetworks.classifier(folder.resolve("n"), false, Shape.BATCH);
        Path distance = TinyNetworks.distance(folder.resolve("d"));
        assertRefused(
                ExitCode.USAGE,
                "d/model.onnx: expected one fp32 input [n,3,H,W] or [n,H,W,3], the graph has"
                        + " {a=[B,3,16,20], b=[B,3,16,20]}; export it that way",
                images,
                images,
                inception(distance, null));
        assertRefused(
                ExitCode.USAGE,
                "n/model.onnx: expected an output '2048' (pool), the graph has {spatial=[B,8,4,5], pool=[B,8,1,1],"
                        + " logits=[B,5]}; say which is which with --inception-output, such as pool=NAME",
                images,
                images,
                new Evaluation.Networks(
                        new Inception(classifier, PixelRange.BYTES, Map.of("pool", "2048")), null, null, null));
        assertEquals(
                "--inception-output: expected one of [pool, spatial, logits, probabilities], received 'pol'; write such as"
                        + " pool=NAME",
                assertThrows(
                                MaskRtException.class,
                                () -> new Inception(classifier, PixelRange.BYTES, Map.of("pol", "x")))
                        .getMessage());
        Path small = folder.resolve("small");
        Images.writePng(small.resolve("a.png"), new RgbImage(12, 12), Map.of());
        assertRefused(
                ExitCode.USAGE,
                "n/model.onnx: expected pictures of 20 x 16 pixels, received 12 x 12; export the graph for any size with its"
                        + " resizing inside, or crop the pictures with --size",
                small,
                small,
                inception(classifier, null));
        Path text = Files.writeString(folder.resolve("text.onnx"), "no graph");
        MaskRtException e = assertThrows(MaskRtException.class, () -> run(images, images, inception(text, null)));
        assertEquals(
                text + ": expected an ONNX graph, ONNX Runtime cannot open it; export it again",
                e.getMessage().replaceFirst(" \\(.*", ""));
        assertRefused(
                ExitCode.USAGE,
                "a.bin: expected a network as .onnx (ONNX), or as .pt or .ts (TorchScript), received another ending; export or"
                        + " rename it",
                images,
                images,
                inception(folder.resolve("a.bin"), null));
        Path weights = folder.resolve("head.npy");
        Files.write(weights, npy(new float[12], "4, 3"));
        assertRefused(
                ExitCode.USAGE,
                "head.npy: expected weights of 8 pool features, received (4, 3); name those of the network that the features come"
                        + " from",
                images,
                images,
                inception(classifier, weights));
    }

    @Test
    void refusesBrokenFeatures() throws IOException {
        Path features = Recorded.file("sample_features.npz");
        float[] nan = new float[12];
        nan[7] = Float.NaN;
        assertRefused(
                ExitCode.NOT_FINITE,
                "nan.npz: expected finite features, received NaN in pool of picture 1; check that picture and the graph",
                archive("nan.npz", Map.of("pool", npy(nan, "2, 6"))),
                features,
                NO_NETWORKS,
                Metric.FID);
        assertRefused(
                ExitCode.USAGE,
                "one.npz: expected two pictures or more for a distribution, received 1; add pictures",
                archive("one.npz", Map.of("arr_0", npy(new float[6], "1, 6"))),
                features,
                NO_NETWORKS,
                Metric.FID);
        assertRefused(
                ExitCode.USAGE,
                "sample_features.npz: expected 3 pool features as in narrow.npz, received 6; take both from one network",
                archive("narrow.npz", Map.of("pool", npy(new float[12], "4, 3"))),
                features,
                NO_NETWORKS,
                Metric.FID);
        assertRefused(
                ExitCode.USAGE,
                "precision and recall: expected samples of 3 features as the reference has, received 6; take both from one"
                        + " network",
                folder.resolve("narrow.npz"),
                features,
                NO_NETWORKS,
                Metric.RECALL);
        assertRefused(
                ExitCode.FAILURE,
                "flat.npz[pool]: expected features [n,D] with D up to 65536, received [12]; write one row for each picture",
                archive("flat.npz", Map.of("pool", npy(new float[12], "12,"))),
                features,
                NO_NETWORKS);
        assertRefused(
                ExitCode.FAILURE,
                "stats.npz[mu]: expected a mean [D] and a covariance [D,D] with D up to 8192, received [2] and [3]; write them again",
                archive("stats.npz", Map.of("mu", npy(new float[2], "2,"), "sigma", npy(new float[3], "3,"))),
                features,
                NO_NETWORKS,
                Metric.FID);
        assertRefused(
                ExitCode.USAGE,
                "wide.npz: expected at most 8192 pool features, received 8193; their covariance would not fit memory, take fewer",
                archive("wide.npz", Map.of("pool", npy(new float[8193], "1, 8193"))),
                features,
                NO_NETWORKS,
                Metric.FID);
        MaskRtException e = assertThrows(MaskRtException.class, () -> new Evaluation.Options(0, 0, 0, 4, 4));
        assertEquals("--batch: expected 1 or more, received 0", e.getMessage());
    }
}
