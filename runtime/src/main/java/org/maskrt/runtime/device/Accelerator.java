package org.maskrt.runtime.device;

/**
 * A device and what loads engines onto it.
 *
 * @param device closed after the engines
 * @param engines for it
 */
public record Accelerator(Device device, EngineSource engines) {}
