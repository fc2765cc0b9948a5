/**
 * Diffusion on paper: noise schedules, samplers and guidance, as pure functions of numbers. Images, latents and models are elsewhere.
 *
 * <p>Symbols: T training timesteps, t one of them, i the index of a step of a respaced schedule (0 is the last that sampling reaches),
 * alpha_bar the product of (1 - beta), x the sample, eps the predicted noise, z fresh standard normal noise.
 */
@NullMarked
package org.maskrt.models.diffusion;

import org.jspecify.annotations.NullMarked;
