package org.maskrt.perf.metrics;

import java.nio.file.Path;
import java.util.Map;
import org.maskrt.exporter.GraphStyle;
import org.maskrt.exporter.OnnxFile;
import org.maskrt.exporter.OnnxGraph;
import org.maskrt.exporter.OnnxOps;
import org.maskrt.exporter.OnnxType;
import org.maskrt.exporter.OnnxValue;
import org.maskrt.models.ops.Conv2d;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;

/** The networks of {@code tests/record/metrics.py} as ONNX files. */
final class TinyNetworks {
    static final int WIDTH = 20;
    static final int HEIGHT = 16;

    private TinyNetworks() {}

    private static final class Builder {
        private final OnnxGraph graph = new OnnxGraph();
        private final OnnxOps ops = new OnnxOps(graph, GraphStyle.DEFAULT);

        OnnxValue input(String name, int... dims) {
            return graph.input(name, Shape.of(dims), OnnxType.FLOAT);
        }

        OnnxValue recorded(String name) {
            Tensor t = Recorded.tensor("network.npz", name);
            return ops.constant(t.values(), t.shape().dims());
        }

        Path write(Path folder) {
            OnnxFile.write(folder, graph, Map.of(), fraction -> {});
            return folder.resolve(OnnxFile.MODEL);
        }
    }

    /** Pixels [n,3,16,20] or [n,16,20,3], 0 to 255, to spatial, pool and logits. */
    static Path classifier(Path folder, boolean channelsLast, int batch) {
        Builder b = new Builder();
        OnnxValue x = channelsLast
                ? b.ops.transpose(b.input("pixels", batch, HEIGHT, WIDTH, 3), 0, 3, 1, 2)
                : b.input("pixels", batch, 3, HEIGHT, WIDTH);
        OnnxValue conv =
                b.ops.conv2d(x, b.recorded("conv"), b.ops.constant(new float[8], 8), new Conv2d(4, 0, 0, 0, 0));
        // max(x, 0) out of what the vocabulary has
        OnnxValue spatial = b.ops.scale(b.ops.add(conv, b.ops.sqrt(b.ops.mul(conv, conv))), 0.5f);
        OnnxValue pool = b.ops.mean(b.ops.mean(spatial, 3), 2);
        OnnxValue flat = b.ops.reshape(pool, batch, 8);
        b.ops.output("spatial", channelsLast ? b.ops.transpose(spatial, 0, 2, 3, 1) : spatial);
        b.ops.output("pool", pool);
        b.ops.output("logits", b.ops.matmul(flat, b.recorded("head")));
        return b.write(folder);
    }

    /** Two batches, -1 to 1, to weighted absolute differences [n,1]. */
    static Path distance(Path folder) {
        Builder b = new Builder();
        OnnxValue d =
                b.ops.sub(b.input("a", Shape.BATCH, 3, HEIGHT, WIDTH), b.input("b", Shape.BATCH, 3, HEIGHT, WIDTH));
        OnnxValue mean = b.ops.mean(b.ops.mean(b.ops.sqrt(b.ops.mul(d, d)), 3), 2);
        b.ops.output(
                "distance",
                b.ops.matmul(b.ops.reshape(mean, Shape.BATCH, 3), b.ops.reshape(b.recorded("distance"), 3, 1)));
        return b.write(folder);
    }

    /** Pixels [n,3,16,20], normalised, to class tokens [n,4], with another output before them. */
    static Path encoder(Path folder) {
        Builder b = new Builder();
        OnnxValue x = b.input("pixels", Shape.BATCH, 3, HEIGHT, WIDTH);
        OnnxValue mean = b.ops.reshape(b.ops.mean(b.ops.mean(x, 3), 2), Shape.BATCH, 3);
        b.ops.output("patch_tokens", b.ops.scale(mean, 2));
        b.ops.output("class_token", b.ops.matmul(mean, b.recorded("encoder")));
        return b.write(folder);
    }
}
