package org.maskrt.calibration;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * Where a table of scales comes from.
 *
 * @param model the class of the model
 * @param weightsSha256 of the weights that were calibrated
 * @param toolVersion of this program
 * @param settings what the calibration was asked for, such as seeds and steps
 */
public record Provenance(String model, String weightsSha256, String toolVersion, Map<String, String> settings) {
    public Provenance {
        settings = Collections.unmodifiableMap(new TreeMap<>(settings));
    }
}
