package org.maskrt.runtime;

import java.util.List;
import org.maskrt.models.image.RgbImage;

/**
 * What drawing objects into scenes gives.
 *
 * @param images the scenes with their objects, in the order of the request, each of its scene's size; outside the box each is its scene, exactly
 * @param squares what the model drew: the square around each box, of the model's size
 * @param seeds of each picture; with torch-cpu that of the request
 * @param timings how long it took
 * @param request the request
 * @param model name of the model folder
 * @param backend that ran it, with its version
 */
public record CustomizationResult(
        List<RgbImage> images,
        List<RgbImage> squares,
        List<Long> seeds,
        Timings timings,
        CustomizationRequest request,
        String model,
        String backend) {
    public CustomizationResult {
        images = List.copyOf(images);
        squares = List.copyOf(squares);
        seeds = List.copyOf(seeds);
    }
}
