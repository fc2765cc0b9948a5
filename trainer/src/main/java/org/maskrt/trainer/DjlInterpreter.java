package org.maskrt.trainer;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Interpreter;
import org.maskrt.models.ops.Program;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/** Programs on PyTorch; the weights of the last run stay loaded. */
public final class DjlInterpreter implements Interpreter {
    private @Nullable Weights loaded;
    private @Nullable EagerModel model;

    @Override
    public String name() {
        return "djl";
    }

    @Override
    public Tensor run(Program program, Weights weights, List<Tensor> inputs) {
        EagerModel eager = model;
        if (eager == null || loaded != weights) {
            close();
            eager = new EagerModel(weights);
            model = eager;
            loaded = weights;
        }
        return eager.run(program::apply, inputs.toArray(new Tensor[0]));
    }

    @Override
    public void close() {
        if (model != null) {
            model.close();
            model = null;
            loaded = null;
        }
    }
}
