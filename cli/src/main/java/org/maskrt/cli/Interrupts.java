package org.maskrt.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Ctrl-C: running work is told to stop and may tidy up before the process ends with 130. */
final class Interrupts {
    private static final CountDownLatch FINISHED = new CountDownLatch(1);
    private static final AtomicReference<@Nullable Runnable> CANCEL = new AtomicReference<>();
    private static final long PATIENCE_SECONDS = 20;

    private Interrupts() {}

    /** Makes this process heed Ctrl-C from now on. */
    static void install() {
        Runtime.getRuntime().addShutdownHook(new Thread(Interrupts::stop, "interrupt"));
    }

    private static void stop() {
        if (FINISHED.getCount() == 0) {
            return;
        }
        Runnable cancel = CANCEL.get();
        if (cancel == null) {
            System.err.println("maskrt: interrupted");
            return;
        }
        cancel.run();
        try {
            if (!FINISHED.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("maskrt: did not stop within " + PATIENCE_SECONDS + " s, ended");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The result of {@code work}; when the process is asked to stop meanwhile, {@code cancel} runs, and {@link #finished} is waited for. */
    static <R> R during(Runnable cancel, Supplier<R> work) {
        CANCEL.set(cancel);
        R result = work.get();
        CANCEL.set(null);
        return result;
    }

    /** The command has ended, whatever its outcome. */
    static void finished() {
        FINISHED.countDown();
    }
}
