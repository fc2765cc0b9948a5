package org.maskrt.perf.bench;

import java.util.Map;
import org.maskrt.models.ops.Tensor;

/** A way to run a graph that can be measured in turn with others. */
interface Contender extends AutoCloseable {
    String label();

    Map<String, String> settings();

    /** What runs it, by name, with versions. */
    Map<String, String> versions();

    /** Makes ready for {@code inputs}; the one before is closed by then. */
    Trial prepare(Problem inputs);

    @Override
    void close();

    /** Runs on fixed inputs. */
    interface Trial extends AutoCloseable {
        /** Runs once; how many milliseconds it took. */
        double run();

        /** What the last run gave for the output that contenders are compared by. */
        Tensor result();

        @Override
        void close();
    }

    /** The milliseconds of {@code work}. */
    static double millis(Runnable work) {
        long started = System.nanoTime();
        work.run();
        return (System.nanoTime() - started) / 1e6;
    }
}
