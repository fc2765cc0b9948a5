/**
 * Post-training quantisation to 8 bits: what activations do over the timesteps ({@link org.maskrt.calibration.Observations}), and the scales that
 * follow from it ({@link org.maskrt.calibration.ScaleTable}).
 */
@NullMarked
package org.maskrt.calibration;

import org.jspecify.annotations.NullMarked;
