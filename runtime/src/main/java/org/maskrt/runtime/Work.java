package org.maskrt.runtime;

/**
 * A request, ready to be run: what its latents are made from, and what becomes of them.
 *
 * @param sampling the sampler
 * @param noises of the pictures, and the guidance
 * @param source of the rows
 * @param finish makes the result
 */
record Work<R>(Sampling sampling, Generator.Noises noises, Batch.Source source, Finish<R> finish) {
    /** From latents to a result. */
    @FunctionalInterface
    interface Finish<R> {
        /**
         * The result.
         *
         * @param latents [n,C,H,W]
         * @param fusedSteps how many of the {@code steps} ran as one {@code guided_step}
         */
        R of(float[] latents, Progress progress, int fusedSteps, int steps);
    }

    /** How many pictures there will be. */
    int count() {
        return noises.count();
    }
}
