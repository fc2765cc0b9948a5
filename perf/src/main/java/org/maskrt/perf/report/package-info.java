/** Reports as one HTML page: text, tables and plots, without scripts and without anything to fetch. */
@NullMarked
package org.maskrt.perf.report;

import org.jspecify.annotations.NullMarked;
