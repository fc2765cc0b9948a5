package org.maskrt.cli;

import java.time.Duration;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** A progress bar with the time left, on a terminal's stderr, and only for work that lasts longer than two seconds. */
final class Progress implements AutoCloseable {
    private static final long PATIENCE_NANOS = 2_000_000_000;
    private static final int UPDATE_MILLIS = 200;

    private final boolean quiet;
    private final long started = System.nanoTime();
    private String task = "";
    private @Nullable ProgressBar bar;

    /** @param quiet whether there is to be no bar at all */
    // On JDK 22 and later there is a console without a terminal too; the bar then writes plain lines.
    @SuppressWarnings("SystemConsoleNull")
    Progress(boolean quiet) {
        this.quiet = quiet || System.console() == null;
    }

    /** {@code done} of {@code total} units of {@code name}; another name starts another bar. */
    void update(String name, long done, long total) {
        if (quiet || System.nanoTime() - started < PATIENCE_NANOS) {
            return;
        }
        if (bar == null || !name.equals(task)) {
            end();
            task = name;
            bar = new ProgressBarBuilder()
                    .setTaskName(name)
                    .setInitialMax(total)
                    .startsFrom(done, Duration.ZERO)
                    .setStyle(ProgressBarStyle.ASCII)
                    .setUpdateIntervalMillis(UPDATE_MILLIS)
                    .build();
        }
        bar.maxHint(total);
        bar.stepTo(done);
    }

    /** Whether there is a bar at the moment. */
    boolean isShown() {
        return bar != null;
    }

    void message(String text) {
        if (bar != null) {
            bar.setExtraMessage(" " + text);
        }
    }

    /** Ends the bar, so that other lines can follow; the next update begins another. */
    void end() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }

    @Override
    public void close() {
        end();
    }
}
