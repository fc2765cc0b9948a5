package org.maskrt.models.ops;

import java.util.List;
import org.maskrt.models.weights.Weights;

/** A way to run a {@link Program} on tensors of the host. */
public interface Interpreter extends AutoCloseable {
    /** As tables and messages call it. */
    String name();

    Tensor run(Program program, Weights weights, List<Tensor> inputs);

    /** Releases what was kept between runs. */
    @Override
    default void close() {}

    /** {@link ReferenceOps}. */
    static Interpreter reference() {
        return new Interpreter() {
            @Override
            public String name() {
                return "reference";
            }

            @Override
            public Tensor run(Program program, Weights weights, List<Tensor> inputs) {
                return program.apply(new ReferenceOps(), Params.of(weights.source()), inputs);
            }
        };
    }
}
