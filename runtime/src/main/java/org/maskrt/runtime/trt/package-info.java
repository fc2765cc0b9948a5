/**
 * TensorRT: its libraries, engines built from exported graphs, and the files that they are kept in. Nothing here touches a native
 * library before {@link org.maskrt.runtime.trt.GpuRuntime} has found the libraries, the driver and a GPU: without a GPU, TensorRT ends the
 * whole process.
 */
@NullMarked
package org.maskrt.runtime.trt;

import org.jspecify.annotations.NullMarked;
