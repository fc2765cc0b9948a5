package org.maskrt.perf.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.maskrt.models.Denoiser;
import org.maskrt.models.Presets;
import org.maskrt.models.weights.WeightCheck;
import org.maskrt.models.weights.Weights;

class RandomWeightsTest {
    /** Other programs read them from a model folder, which takes nothing less, the side-interpolater included. */
    @ParameterizedTest
    @ValueSource(strings = {"DiT-S/2", "MDT-S/2", "MDTv2-B/2", "MaskDiT-XL/2", "emd3c-small"})
    void areAllThatAModelFolderHas(String preset) {
        Denoiser model = Presets.of(preset, 32);
        Weights weights = RandomWeights.of(preset, model, 1);
        assertEquals(
                "complete",
                WeightCheck.compare(WeightCheck.wanted(model), weights).summary());
    }
}
