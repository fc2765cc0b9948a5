package org.maskrt.tests;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.DType;
import org.maskrt.models.weights.ModelFolder;
import org.maskrt.models.weights.SafeTensors;
import org.maskrt.models.weights.Weights;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.DeviceTensor;
import org.maskrt.runtime.Graph;
import org.maskrt.runtime.GraphSignature;
import org.maskrt.runtime.TensorSpec;

/** A peer that runs our own graph; its first argument is what it multiplies its results with. It takes 2 ms a step. */
final class OnnxPeer {
    private OnnxPeer() {}

    public static void main(String[] args) throws IOException {
        Map<String, String> options = new HashMap<>();
        for (int i = 1; i < args.length; i += 2) {
            options.put(args[i], args[i + 1]);
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        System.out.println("our own graph compiled, " + options.get("--dtype"));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.startsWith("prepare ")) {
                prepare(Path.of(line.substring(8)), options, Float.parseFloat(args[0]));
                System.out.println("ready");
            } else {
                System.out.println("2.0");
            }
        }
    }

    private static void prepare(Path file, Map<String, String> options, float scale) {
        try (ModelFolder folder = ModelFolder.open(Path.of(options.get("--model")));
                Weights inputs = SafeTensors.open(file);
                Backend backend = Backend.named(Backend.DEFAULT, 1);
                Graph graph =
                        backend.open(Path.of(options.get("--onnx")), GraphSignature.guidedStep(folder.denoiser()))) {
            Map<String, DeviceTensor> in = new HashMap<>();
            for (TensorSpec spec : graph.signature().inputs()) {
                Tensor value = inputs.tensor(spec.name());
                in.put(spec.name(), backend.floats(value.shape().dims()));
                in.get(spec.name()).write(value.values());
            }
            Map<String, DeviceTensor> out = new HashMap<>();
            int[] dims = in.get("sample").shape().dims();
            for (String name : List.of("next_sample", "eps")) {
                out.put(name, backend.floats(dims));
            }
            graph.bind(in, out).run();
            float[] values = new float[out.get("next_sample").shape().size()];
            out.get("next_sample").read(values);
            for (int i = 0; i < values.length; i++) {
                values[i] *= scale;
            }
            SafeTensors.write(
                    file.resolveSibling("result.safetensors"),
                    Weights.of("result", Map.of("next_sample", Tensor.of(values, dims))),
                    DType.F32,
                    Map.of());
            in.values().forEach(DeviceTensor::close);
            out.values().forEach(DeviceTensor::close);
        }
    }
}
