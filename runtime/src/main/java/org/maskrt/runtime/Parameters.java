package org.maskrt.runtime;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.maskrt.models.diffusion.Guidance;
import org.maskrt.models.image.Box;

/** What made a picture, as JSON that goes into its file. The same request gives the same text: no times, no paths. */
final class Parameters {
    private Parameters() {}

    static String of(GenerationResult result, int index) {
        GenerationRequest request = result.provenance().request();
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("model", result.provenance().model());
        json.put("class_label", request.labels().get(index));
        json.put("seed", result.seeds().get(index));
        json.put("index", index);
        return sampled(
                json,
                new Sampled(request.seeds(), request.sampling(), request.guidance()),
                result.provenance().backend());
    }

    static String of(CustomizationResult result, int index) {
        CustomizationRequest request = result.request();
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("model", result.model());
        Box box = request.pairs().get(index).box();
        json.putArray("box").add(box.x()).add(box.y()).add(box.width()).add(box.height());
        json.put("seed", result.seeds().get(index));
        json.put("index", index);
        return sampled(json, new Sampled(request.seeds(), request.sampling(), request.guidance()), result.backend());
    }

    private record Sampled(Seeds seeds, Sampling sampling, GuidanceOptions guidance) {}

    private static String sampled(ObjectNode json, Sampled how, String backend) {
        String version = Parameters.class.getPackage().getImplementationVersion();
        json.put("rng", how.seeds().rng().label());
        json.put("sampler", how.sampling().method().label());
        json.put("steps", how.sampling().steps());
        json.put("eta", how.sampling().eta());
        ObjectNode guidance = json.putObject("guidance");
        describe(guidance, how.guidance().guidance());
        guidance.put("channels", how.guidance().channels().label());
        guidance.put("skip_tolerance", how.guidance().skipTolerance());
        if (how.guidance().reuse() > 0) {
            guidance.put("reuse", how.guidance().reuse());
        }
        json.put("backend", backend);
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
