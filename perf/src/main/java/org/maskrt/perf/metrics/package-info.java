/**
 * How near generated pictures are to others: as distributions of features (FID, sFID, Inception Score, precision and recall) and picture by
 * picture (SSIM, PSNR, LPIPS, DINO score).
 *
 * <p>Shape letters: n rows, one a picture; D width of a feature; H and W height and width.
 */
@NullMarked
package org.maskrt.perf.metrics;

import org.jspecify.annotations.NullMarked;
