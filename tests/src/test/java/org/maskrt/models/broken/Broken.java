package org.maskrt.models.broken;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.util.Optional;
import org.maskrt.cli.Main;

/** Breaks every architecture rule, to show that they fail. */
@SuppressWarnings({"NonFinalStaticField", "OptionalUsedAsFieldOrParameterType", "unused"})
public class Broken {
    static int calls;

    private final Optional<String> name = Optional.empty();

    NDArray half(NDArray x) {
        calls++;
        return x.toType(DataType.BFLOAT16, false);
    }

    void run() {
        Main.main(new String[] {name.orElse("")});
        System.out.println(calls);
        System.exit(1);
    }
}
