package org.maskrt.perf.bench;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.runtime.Backend;
import org.maskrt.runtime.ForeignGraph;
import org.maskrt.runtime.OrtBackend;
import org.maskrt.runtime.OrtDevice;

/** An ONNX file of another maker on ONNX Runtime; its outputs are copied in the time of a run. */
final class ForeignContender implements Contender {
    private final Configuration configuration;
    private final String label;
    private final OrtBackend backend;
    private final ForeignGraph graph;
    private final String output;

    /** @throws MaskRtException if the file does not open, or another backend than ONNX Runtime's on the processor is asked for */
    ForeignContender(String label, Configuration configuration, Path file) {
        if (!configuration.backend().equals(Backend.DEFAULT) || configuration.exports()) {
            throw new MaskRtException(
                    ExitCode.USAGE,
                    file + ": an ONNX file on its own runs as it is, on " + Backend.DEFAULT + ", got "
                            + configuration.label() + "; name a preset or a model folder");
        }
        this.configuration = configuration;
        this.label = label;
        this.backend = new OrtBackend(OrtDevice.CPU, configuration.threads());
        this.graph = backend.openForeign(file);
        this.output = graph.outputs().keySet().stream()
                .findFirst()
                .orElseThrow(() -> new MaskRtException(
                        ExitCode.FAILURE, file + ": expected a graph with an fp32 output, found none; export another"));
    }

    /** Random inputs N(0,1); the first axis is the batch, others that are not fixed have the length 1. */
    Problem problem(int batch, Random random) {
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        graph.inputs().forEach((name, shape) -> {
            Shape s = shape;
            for (int i = 0; i < s.rank(); i++) {
                s = s.dim(i) < 0 ? s.with(i, i == 0 ? batch : 1) : s;
            }
            float[] values = new float[s.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            inputs.put(name, Tensor.of(values, s));
        });
        return new Problem(batch, inputs, Map.of(), output);
    }

    @Override
    public String label() {
        return label;
    }

    @Override
    public Map<String, String> settings() {
        return configuration.settings();
    }

    @Override
    public Map<String, String> versions() {
        return Map.of(backend.name(), backend.description());
    }

    @Override
    public Trial prepare(Problem problem) {
        return new Trial() {
            private Tensor last = Tensor.zeros(1);

            @Override
            public double run() {
                long started = System.nanoTime();
                Tensor out = graph.run(problem.inputs(), Set.of(output)).get(output);
                double millis = (System.nanoTime() - started) / 1e6;
                last = out == null ? last : out;
                return millis;
            }

            @Override
            public Tensor result() {
                return last;
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public void close() {
        graph.close();
        backend.close();
    }
}
