package org.maskrt.runtime;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.maskrt.models.diffusion.Guidance;

/** What made a picture, as JSON that goes into its file. The same request gives the same text: no times, no paths. */
final class Parameters {
    private Parameters() {}

    static String of(GenerationResult result, int index) {
        GenerationResult.Provenance from = result.provenance();
        GenerationRequest request = from.request();
        String version = Parameters.class.getPackage().getImplementationVersion();
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("model", from.model());
        json.put("class_label", request.labels().get(index));
        json.put("seed", result.seeds().get(index));
        json.put("index", index);
        json.put("rng", request.seeds().rng().label());
        json.put("sampler", request.sampling().method().label());
        json.put("steps", request.sampling().steps());
        json.put("eta", request.sampling().eta());
        ObjectNode guidance = json.putObject("guidance");
        describe(guidance, request.guidance().guidance());
        guidance.put("channels", request.guidance().channels().label());
        guidance.put("skip_tolerance", request.guidance().skipTolerance());
        json.put("backend", from.backend());
        json.put("maskrt", version == null ? "development" : version);
        return json.toString();
    }

    private static void describe(ObjectNode json, Guidance guidance) {
        if (guidance instanceof Guidance.Constant g) {
            json.put("form", "constant").put("scale", g.scale());
        } else if (guidance instanceof Guidance.Linear g) {
            json.put("form", "linear").put("scale", g.scale());
        } else if (guidance instanceof Guidance.PowerCosine g) {
            json.put("form", "power-cosine").put("scale", g.scale()).put("power", g.power());
        } else if (guidance instanceof Guidance.PaperPowerCosine g) {
            json.put("form", "power-cosine-paper").put("scale", g.scale()).put("power", g.power());
        } else if (guidance instanceof Guidance.Interval g) {
            describe(json, g.inside());
            json.putArray("interval").add(g.low()).add(g.high());
        }
    }
}
