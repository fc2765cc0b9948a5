package org.maskrt.runtime.device;

import java.util.List;

/** A graph compiled for one device, with its weights there. Safe for several threads, each with its own context. */
public interface Engine extends AutoCloseable {
    /** Where it comes from, for messages. */
    String name();

    List<EngineTensor> inputs();

    List<EngineTensor> outputs();

    /** A context, whose intermediate results go to memory that the caller gives it. */
    EngineContext context();

    /** Frees the weights; the contexts must be closed before. Closing again does nothing. */
    @Override
    void close();
}
