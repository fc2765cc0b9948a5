package org.maskrt.perf.compare;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.maskrt.models.image.RgbImage;
import org.maskrt.perf.CorePlacement;
import org.maskrt.perf.Spread;
import org.maskrt.perf.bench.Machine;
import org.maskrt.perf.bench.Verdict;
import org.maskrt.perf.metrics.ImageSimilarity;

/** Made-up comparisons. */
public final class Comparisons {
    /** The plots of {@link #page}. */
    public static final List<String> FIGURES = List.of(
            "PSNR of each picture",
            "Latents, step by step",
            "Layers in the order in which they run",
            "Lowest of all layers");

    private Comparisons() {}

    /** The page of a comparison with everything that a page can show. */
    public static String page() {
        Compare.Outcome outcome = full();
        return CompareReport.of(outcome.result(), outcome, List.of("expected more"))
                .html();
    }

    static RgbImage picture(long seed, int noise) {
        Random random = new Random(seed);
        Random other = new Random(noise);
        RgbImage image = new RgbImage(16, 16);
        for (int i = 0; i < image.pixels().length; i++) {
            int value = 20 + random.nextInt(200) + (noise == 0 ? 0 : other.nextInt(noise));
            image.pixels()[i] = (byte) value;
        }
        return image;
    }

    static Compare.Outcome full() {
        List<CompareResult.Step> steps = new ArrayList<>();
        for (int i = 1; i <= 50; i++) {
            steps.add(new CompareResult.Step(i, i == 1 ? Double.POSITIVE_INFINITY : 60 - 0.3 * i, 70 - 0.1 * i));
        }
        List<CompareResult.Path> paths = new ArrayList<>();
        paths.add(new CompareResult.Path("conditioner", "t_embedder.mlp.0", Double.POSITIVE_INFINITY, 0, 0));
        for (int block = 0; block < 12; block++) {
            for (String layer : List.of("attn.qkv", "attn", "attn.proj", "mlp.fc1", "mlp.fc2")) {
                double snr = 55 - 2 * block + layer.length() / 3.0;
                paths.add(new CompareResult.Path("denoiser", "blocks." + block + "." + layer, snr, snr - 3, 50));
            }
        }
        paths.add(new CompareResult.Path("denoiser", "out_sample", Double.NaN, Double.NaN, 1));
        List<RgbImage> a = new ArrayList<>();
        List<RgbImage> b = new ArrayList<>();
        List<CompareResult.Picture> pictures = new ArrayList<>();
        for (int i = 0; i < 14; i++) {
            a.add(picture(i, 0));
            b.add(picture(i, i));
            pictures.add(new CompareResult.Picture(
                    "star <& \"co\">",
                    ImageSimilarity.psnr(a.get(i), b.get(i)),
                    ImageSimilarity.ssim(a.get(i), b.get(i)),
                    a.get(i).pixels().length));
        }
        CompareResult result = new CompareResult(
                CompareResult.SCHEMA,
                new CompareResult.Run(
                        "2026-01-02T03:04:05Z",
                        "maskrt compare model model:fp16",
                        new Machine("Some processor", 2, 16L << 30, "Linux 6 amd64", Map.of("java", "17"))),
                new CompareResult.Side("model", Map.of("backend", "ort-cpu", "dtype", "fp32")),
                new CompareResult.Side("model:fp16 <&>", Map.of("backend", "ort-cpu", "dtype", "fp16")),
                steps,
                new CompareResult.Paths(1, List.of(1, 25, 50), 40, paths),
                pictures,
                List.of(new CompareResult.Time(
                        CorePlacement.Tag.NEAR, 8, 10, 8, new Spread(0.78, 0.8, 0.83), Verdict.FASTER)),
                new CompareResult.Accuracy("Class that was asked for", 0.97, 0.965, 200));
        return new Compare.Outcome(result, new Compare.Pictures(a, a), new Compare.Pictures(b, b));
    }
}
