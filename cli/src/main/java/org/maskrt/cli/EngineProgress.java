package org.maskrt.cli;

import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.maskrt.runtime.trt.EngineBuilds;
import org.maskrt.runtime.trt.TrtMessage;
import org.maskrt.runtime.trt.WorkerMessage;

/** A bar for the making of an engine, with the time left where one of its kind was made before; TensorRT's messages go to the log. */
final class EngineProgress implements EngineBuilds.Listener, AutoCloseable {
    private static final System.Logger LOG = System.getLogger("tensorrt");

    private final Progress bar;

    EngineProgress(boolean quiet) {
        bar = new Progress(quiet);
    }

    @Override
    public void progress(String graph, WorkerMessage.Stage stage, double seconds, @Nullable Double expected) {
        String name = graph + " " + stage.name().toLowerCase(Locale.ROOT);
        long total = expected == null ? -1 : Math.round(Math.max(expected, seconds));
        bar.update(name, Math.round(seconds), total);
    }

    @Override
    public void message(String graph, TrtMessage message) {
        boolean error = message.level().compareTo(TrtMessage.Level.ERROR) <= 0;
        if (error) {
            bar.end();
        }
        LOG.log(error ? System.Logger.Level.WARNING : System.Logger.Level.DEBUG, graph + ": " + message.text());
    }

    /** Ends the bar, so that other lines can follow. */
    void end() {
        bar.end();
    }

    @Override
    public void close() {
        bar.close();
    }
}
