/** Two variants of a model on the same trajectories: where they part, by how much, and what it is worth in time. */
@NullMarked
package org.maskrt.perf.compare;

import org.jspecify.annotations.NullMarked;
