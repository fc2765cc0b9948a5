package org.maskrt.exporter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.maskrt.exporter.ExportOptions.Validation;
import org.maskrt.exporter.GraphStyle.Attention;
import org.maskrt.exporter.GraphStyle.Target;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/** Every graph of the published models against what the published code recorded. */
class ReferenceParityTest {
    private static final double TOLERANCE = 1e-5;
    private static final Pattern GUIDED = Pattern.compile("guided_w([0-9.]+)(?:_s([0-9.]+))?_t([0-9]+)");

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "dit, DECOMPOSED, ONNXRUNTIME",
        "dit, ORT_MHA, ONNXRUNTIME",
        "mdtv1, DECOMPOSED, ONNXRUNTIME",
        "mdtv1, ORT_MHA, ONNXRUNTIME",
        "dit, DECOMPOSED, TENSORRT",
        "mdtv1, DECOMPOSED, TENSORRT",
        "mdtv2, DECOMPOSED, TENSORRT",
        "mdtv2, DECOMPOSED, ONNXRUNTIME",
        "mdtv2, ORT_MHA, ONNXRUNTIME"
    })
    void graphsEqualThePublishedCode(String name, Attention attention, Target target) throws IOException {
        ReferenceCase reference = ReferenceCase.open(name, folder);
        Set<String> graphs = Set.of("transformer", "conditioner", "denoiser", "guided_step");
        ExportOptions options = ExportOptions.DEFAULT
                .withGraphs(graphs)
                .withValidation(Validation.off())
                .withStyle(GraphStyle.DEFAULT.with(attention).with(target));
        Path onnx = folder.resolve("onnx");
        List<ExportReport> reports =
                Cases.export(options, EagerJudge.reference(), reference.model(), reference.weights(), onnx);
        assertEquals(
                List.of("transformer", "conditioner", "denoiser", "guided_step"),
                reports.stream().map(ExportReport::graph).toList());

        Tensor x = reference.get("x");
        Tensor out = reference.get("out");
        Tensor y = reference.get("y");
        Tensor t = reference.floats("t");
        Map<String, Tensor> plain = run(onnx, "transformer", Map.of("sample", x, "timestep", t, "class_labels", y));
        assertClose("transformer", out, plain.get("out_sample"));

        Tensor all = run(onnx, "conditioner", Map.of("timesteps", t, "class_labels", y))
                .get("modulation");
        int samples = x.dim(0);
        int k = reference.model().modulationSize();
        assertEquals(Shape.of(samples, samples, k), all.shape());
        float[] own = new float[samples * k];
        for (int i = 0; i < samples; i++) {
            System.arraycopy(all.values(), (i * samples + i) * k, own, i * k, k);
        }
        Map<String, Tensor> body = run(onnx, "denoiser", Map.of("sample", x, "modulation", Tensor.of(own, samples, k)));
        assertClose("denoiser", out, body.get("out_sample"));

        int guidedCases = 0;
        for (String key : reference.io().keys()) {
            Matcher guided = GUIDED.matcher(key);
            if (guided.matches()) {
                guidedStep(reference, target, onnx, key, guided);
                guidedCases++;
            }
        }
        assertEquals(name.equals("dit") ? 1 : 5, guidedCases);
        for (String graph : List.of("transformer", "denoiser", "guided_step")) {
            for (TensorProto weight : OnnxFile.read(onnx.resolve(graph).resolve(OnnxFile.MODEL))
                    .getGraph()
                    .getInitializerList()) {
                assertTrue(
                        !weight.getName().contains("sideblocks")
                                && !weight.getName().contains("mask_token"),
                        graph + " holds the training parameter " + weight.getName());
            }
        }
    }

    private static void guidedStep(ReferenceCase reference, Target target, Path onnx, String key, Matcher guided) {
        double w = Double.parseDouble(guided.group(1));
        double t = Double.parseDouble(guided.group(3));
        // forward_with_cfg of the published code: constant in DiT, power-cosine in MDT.
        double scale = guided.group(2) == null
                ? w
                : (w - 1) * (1 - Math.cos(Math.PI * Math.pow(1 - t / 1000, Double.parseDouble(guided.group(2))))) / 2
                        + 1;
        long nullClass = reference.model().numClasses();
        Tensor labels = Tensor.ofIndices(new long[] {1, 5, nullClass, nullClass}, 4);
        Tensor modulation = run(
                        onnx,
                        "conditioner",
                        Map.of("timesteps", Tensor.of(new float[] {(float) t}, 1), "class_labels", labels))
                .get("modulation")
                .reshape(4, reference.model().modulationSize());
        Tensor x = reference.get("x").rows(0, 2);
        Map<String, Tensor> in = new HashMap<>();
        in.put("sample", x);
        in.put("modulation", modulation.rows(0, 2));
        in.put("modulation_uncond", modulation.rows(2, 4));
        in.put("guidance", Tensor.of(new float[] {(float) scale, (float) scale}, 2));
        in.put("coefficients", Tensor.of(new float[] {0.5f, -0.25f, 2, 3, 1, 1, 0, 0}, 2, 4));
        in.put("eps_prev", reference.get("x").rows(1, 3));
        in.put("noise", reference.get("x").rows(1, 3));
        if (target == Target.TENSORRT) {
            in.put("rows", Tensor.ofIndices(new long[] {0, 0, 0, 1, 1, 1}, 2, 3));
            in.put("advance", Tensor.ofIndices(new long[6], 2, 3));
        }
        Map<String, Tensor> step = run(onnx, "guided_step", in);

        Tensor eps = firstChannels(reference.get(key).rows(0, 2), 4);
        assertClose(key, eps, step.get("eps"));
        Tensor next = Tensor.zeros(eps.shape().dims());
        float[] other = reference.get("x").rows(1, 3).values();
        for (int i = 0; i < next.size(); i++) {
            next.values()[i] = i < next.size() / 2
                    ? 0.5f * x.values()[i] - 0.25f * eps.values()[i] + 5 * other[i]
                    : x.values()[i] + eps.values()[i];
        }
        assertClose(key + " next_sample", next, step.get("next_sample"));
    }

    private static Tensor firstChannels(Tensor x, int channels) {
        int plane = x.dim(2) * x.dim(3);
        Tensor out = Tensor.zeros(x.dim(0), channels, x.dim(2), x.dim(3));
        for (int b = 0; b < x.dim(0); b++) {
            System.arraycopy(x.values(), b * x.dim(1) * plane, out.values(), b * channels * plane, channels * plane);
        }
        return out;
    }

    private static Map<String, Tensor> run(Path onnx, String graph, Map<String, Tensor> inputs) {
        try (ValidationSession session =
                ValidationSession.open(onnx.resolve(graph).resolve(OnnxFile.MODEL))) {
            return session.run(inputs);
        }
    }

    private static void assertClose(String what, Tensor expected, Tensor actual) {
        assertEquals(expected.shape(), actual.shape(), what);
        double difference = OnnxExporter.relative(expected, actual);
        assertTrue(difference <= TOLERANCE, what + ": max|diff|/max|expected| " + difference);
    }
}
