/** Latency and memory, measured beside the machine's limits. */
@NullMarked
package org.maskrt.perf;

import org.jspecify.annotations.NullMarked;
