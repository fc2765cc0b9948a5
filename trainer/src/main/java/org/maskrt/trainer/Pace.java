package org.maskrt.trainer;

/**
 * How often a run stops to do something else, in steps.
 *
 * @param checkpoint between saves; the last step is always saved
 * @param preview between pictures; the last step always has one
 */
public record Pace(int checkpoint, int preview) {}
