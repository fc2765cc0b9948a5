package org.maskrt.calibration;

import java.util.Map;
import java.util.TreeMap;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.weights.Weights;

/** Makes scales of observations. */
public final class Calibrator {
    private final Recipe recipe;
    private final Observations observations;

    /** @throws org.maskrt.models.MaskRtException (USAGE) if the recipe asks for more groups than there are bins */
    public Calibrator(Recipe recipe, Observations observations) {
        observations.bins().groups(recipe.groups());
        this.recipe = recipe;
        this.observations = observations;
    }

    /**
     * The scales of everything that was observed: of a linear where the model has a weight under the path, otherwise of an operand of an
     * attention.
     *
     * @param listener is told of paths
     * @throws org.maskrt.models.MaskRtException naming the path if a weight is not finite, or a group of timesteps was never seen
     */
    public ScaleTable table(Provenance provenance, Weights weights, Calibration.Listener listener) {
        Map<String, LinearScales> linears = new TreeMap<>();
        Map<String, ActivationScales> tensors = new TreeMap<>();
        for (String path : observations.paths()) {
            listener.progress(
                    linears.size() + tensors.size(), observations.paths().size());
            String weight = path + ".weight";
            if (weights.keys().contains(weight)) {
                linears.put(path, linear(path, weights.tensor(weight)));
            } else {
                tensors.put(path, tensor(path));
            }
        }
        double[] edges = observations.bins().groups(recipe.groups()).edges();
        return new ScaleTable(provenance, edges, linears, tensors, Map.of());
    }

    /** The scales of the linear at {@code path} with these weights [out, in]. */
    public LinearScales linear(String path, Tensor weight) {
        LinearLayer layer = new LinearLayer(
                path, weight, observations.over(path, 0, observations.bins().count()));
        Smoothing smoothing = recipe.smoothing() ? Smoothing.search(layer, recipe) : Smoothing.none();
        float[] smoothed = layer.smoothedWeight(smoothing.factors());
        float[] weightScales = layer.rowScales(recipe.format(), smoothed);
        float[] inputScales = new float[recipe.groups()];
        for (int g = 0; g < inputScales.length; g++) {
            inputScales[g] = layer.inputScale(recipe, smoothing.factors(), group(path, g));
        }
        float[] correction = new float[0];
        if (recipe.biasCorrection()) {
            float[] rounded = recipe.format().roundTripRows(smoothed, weightScales);
            correction = BiasCorrection.of(
                    layer.weight(), smoothing.undo(rounded), layer.inputs().channelMean());
        }
        ActivationScales input =
                new ActivationScales(recipe.format(), recipe.clipping().label(), inputScales);
        return new LinearScales(input, weightScales, smoothing, correction, "a linear of a block");
    }

    /** The scale of the operand of an attention that was seen at {@code path}, for all timesteps. */
    public ActivationScales tensor(String path) {
        Statistics all = observations.over(path, 0, observations.bins().count());
        double threshold = recipe.clipping().threshold(all.magnitudes(), recipe.format());
        float scale = recipe.format().scale(path, threshold);
        return new ActivationScales(recipe.format(), recipe.clipping().label(), new float[] {scale});
    }

    private Statistics group(String path, int group) {
        TimestepBins bins = observations.bins();
        return observations.over(path, bins.first(group, recipe.groups()), bins.first(group + 1, recipe.groups()));
    }
}
