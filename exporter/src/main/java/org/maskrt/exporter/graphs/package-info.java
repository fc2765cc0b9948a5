/** The graphs of a model folder, each written once for every interpreter. */
@NullMarked
package org.maskrt.exporter.graphs;

import org.jspecify.annotations.NullMarked;
