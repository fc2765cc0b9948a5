package org.maskrt.perf.metrics;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.maskrt.models.ops.Shape;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.TorchScript;

/**
 * A network on PyTorch. A module names neither inputs nor outputs: it takes batches of pictures [n,3,H,W], and what it gives is called {@code
 * pool}, {@code spatial} and {@code logits}, in this order.
 */
final class TorchScriptNetwork implements Network {
    /** A size that every classifier and vision transformer takes: a multiple of 14, 16 and 32. */
    private static final int TRIED_SIZE = 224;

    private static final List<String> NAMES = List.of("pool", "spatial", "logits");

    private final TorchScript module;
    private final Map<String, Shape> inputs = new LinkedHashMap<>();
    private final Map<String, Shape> outputs = new LinkedHashMap<>();

    /** Loads a module, and runs it on a black picture to see what it gives. */
    TorchScriptNetwork(Path file, int inputs) {
        module = TorchScript.open(file);
        for (int i = 0; i < inputs; i++) {
            this.inputs.put("input" + i, Shape.of(Shape.BATCH, 3, Shape.BATCH, Shape.BATCH));
        }
        try {
            List<Tensor> results = module.run(Collections.nCopies(inputs, Tensor.zeros(1, 3, TRIED_SIZE, TRIED_SIZE)));
            for (int i = 0; i < Math.min(NAMES.size(), results.size()); i++) {
                Shape shape = results.get(i).shape();
                outputs.put(NAMES.get(i), shape.rank() == 0 ? shape : shape.with(0, Shape.BATCH));
            }
        } catch (RuntimeException e) {
            module.close();
            throw e;
        }
    }

    @Override
    public Map<String, Shape> inputs() {
        return inputs;
    }

    @Override
    public Map<String, Shape> outputs() {
        return outputs;
    }

    @Override
    public Map<String, Tensor> run(Map<String, Tensor> values, Set<String> wanted) {
        List<Tensor> results =
                module.run(inputs.keySet().stream().map(values::get).toList());
        Map<String, Tensor> named = new LinkedHashMap<>();
        for (String name : wanted) {
            named.put(name, results.get(NAMES.indexOf(name)));
        }
        return named;
    }

    @Override
    public void close() {
        module.close();
    }
}
