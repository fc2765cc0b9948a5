/** Graphs against the clock: how long a run takes, in which part of it, what the machine could do, and whether that changed. */
@NullMarked
package org.maskrt.perf.bench;

import org.jspecify.annotations.NullMarked;
