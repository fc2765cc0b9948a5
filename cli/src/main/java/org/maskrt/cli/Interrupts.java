package org.maskrt.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Ctrl-C: running work is told to stop and may tidy up before the process ends with 130. */
final class Interrupts {
    private static final CountDownLatch FINISHED = new CountDownLatch(1);
    private static final long PATIENCE_SECONDS = 20;

    private Interrupts() {}

    /** The result of {@code work}; when the process is asked to stop meanwhile, {@code cancel} runs, and {@link #finished} is waited for. */
    static <R> R during(Runnable cancel, Supplier<R> work) {
        Thread hook = new Thread(
                () -> {
                    cancel.run();
                    awaitFinished();
                },
                "interrupt");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return work.get();
        } finally {
            // Once the hook runs, the process is ending and hooks can no longer be removed.
            if (hook.getState() == Thread.State.NEW) {
                Runtime.getRuntime().removeShutdownHook(hook);
            }
        }
    }

    private static void awaitFinished() {
        try {
            if (!FINISHED.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("maskrt: did not stop within " + PATIENCE_SECONDS + " s, ended");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The command has ended, whatever its outcome. */
    static void finished() {
        FINISHED.countDown();
    }
}
