package org.maskrt.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Ctrl-C: the running work is told to stop and may tidy up before the process ends with 130. */
final class Interrupts {
    private static final CountDownLatch FINISHED = new CountDownLatch(1);
    private static final long PATIENCE_SECONDS = 20;

    private Interrupts() {}

    /** Runs {@code cancel} when the process is asked to stop, and then waits for {@link #finished}. */
    static AutoCloseable onInterrupt(Runnable cancel) {
        Thread hook = new Thread(
                () -> {
                    cancel.run();
                    try {
                        if (!FINISHED.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                            System.err.println("maskrt: did not stop within " + PATIENCE_SECONDS + " s, ended");
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "interrupt");
        Runtime.getRuntime().addShutdownHook(hook);
        return () -> {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // The process is ending already: the hook is at work.
                assert hook.getState() != Thread.State.NEW;
            }
        };
    }

    /** The command has ended, whatever its outcome. */
    static void finished() {
        FINISHED.countDown();
    }
}
