package org.maskrt.trainer;

import java.util.Map;

/** Told how a run goes on, on the thread that trains. */
public interface TrainListener {
    /**
     * A part of the run begins.
     *
     * @param name what is done
     * @param done how much of it was done before
     * @param total of what is to be done, in steps or pictures
     */
    default void stage(String name, long done, long total) {}

    /**
     * Another piece of the part is done.
     *
     * @param done in all
     * @param metrics by name; empty where nothing is measured
     */
    default void progress(long done, Map<String, Float> metrics) {}

    /**
     * The last part was a training, and is done.
     *
     * @param seconds that its steps took
     * @param waited of those, the seconds in which training waited for data
     */
    default void trained(double seconds, double waited) {}

    /** A line for people. */
    default void note(String line) {}
}
