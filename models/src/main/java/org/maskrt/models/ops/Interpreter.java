package org.maskrt.models.ops;

import java.util.List;

/** A way to run a {@link Program} on tensors of the host. */
public interface Interpreter {
    /** As tables and messages call it. */
    String name();

    Tensor run(Program program, Params.Source<Tensor> weights, List<Tensor> inputs);

    /** {@link ReferenceOps}. */
    static Interpreter reference() {
        return new Interpreter() {
            @Override
            public String name() {
                return "reference";
            }

            @Override
            public Tensor run(Program program, Params.Source<Tensor> weights, List<Tensor> inputs) {
                return program.apply(new ReferenceOps(), Params.of(weights), inputs);
            }
        };
    }
}
