package org.maskrt.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Ctrl-C: while this is open, the running work is told to stop and may tidy up before the process ends with 130. */
final class Interrupts implements AutoCloseable {
    private static final CountDownLatch FINISHED = new CountDownLatch(1);
    private static final long PATIENCE_SECONDS = 20;

    private final Thread hook;

    private Interrupts(Thread hook) {
        this.hook = hook;
    }

    /** Runs {@code cancel} when the process is asked to stop, and then waits for {@link #finished}. */
    static Interrupts onInterrupt(Runnable cancel) {
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
        return new Interrupts(hook);
    }

    /** The command has ended, whatever its outcome. */
    static void finished() {
        FINISHED.countDown();
    }

    @Override
    public void close() {
        // Once the hook runs, the process is ending and hooks can no longer be removed.
        if (hook.getState() == Thread.State.NEW) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                assert e.getMessage() != null;
            }
        }
    }
}
