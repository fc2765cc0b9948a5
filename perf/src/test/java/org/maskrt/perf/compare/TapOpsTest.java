package org.maskrt.perf.compare;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.maskrt.exporter.graphs.ModelGraph;
import org.maskrt.exporter.graphs.ModelGraphs;
import org.maskrt.models.dit.Dit;
import org.maskrt.models.dit.DitConfig;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.ReferenceOps;
import org.maskrt.models.ops.Tensor;
import org.maskrt.models.vae.AutoencoderKl;
import org.maskrt.models.vae.AutoencoderKlConfig;

class TapOpsTest {
    private static final Dit DIT = new Dit(new DitConfig(4, 2, 4, 8, 1, 2, 2, 5, false));

    @Test
    void layersInTheOrderInWhichTheyRun() {
        assertEquals(
                List.of(
                        "x_embedder.proj",
                        "blocks.0.attn.qkv",
                        "blocks.0.attn",
                        "blocks.0.attn.proj",
                        "blocks.0.mlp.fc1",
                        "blocks.0.mlp.fc2",
                        "final_layer.linear",
                        "out_sample"),
                PathOutputs.of(new ModelGraphs.Body(DIT)));
        assertEquals(
                List.of(
                        "t_embedder.mlp.0",
                        "t_embedder.mlp.2",
                        "blocks.0.adaLN_modulation.1",
                        "final_layer.adaLN_modulation.1",
                        "modulation"),
                PathOutputs.of(new ModelGraphs.Conditioner(DIT)));
        AutoencoderKl vae = new AutoencoderKl(new AutoencoderKlConfig(3, 4, List.of(4, 4), 1, 2, 0.5, 8));
        List<String> decoder = PathOutputs.of(new ModelGraphs.VaeDecoder(vae, 8));
        assertEquals(List.of("post_quant_conv", "decoder.conv_in"), decoder.subList(0, 2));
    }

    /** Nothing changes, and what is seen is what each layer gives to the next. */
    @Test
    void valuesAreThoseOfTheLayers() {
        ModelGraph body = new ModelGraphs.Body(DIT);
        Random random = new Random(5);
        Map<String, Tensor> inputs = new LinkedHashMap<>();
        body.inputs().forEach(port -> inputs.put(port.name(), port.random(random, 2, 1)));
        Params<Tensor> weights = Params.of((path, shape) -> {
            Random own = new Random(path.hashCode());
            float[] values = new float[shape.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (0.2 * own.nextGaussian());
            }
            return Tensor.of(values, shape);
        });
        Tensor plain = body.build(new ReferenceOps(), weights, inputs).get("out_sample");
        Map<String, Tensor> seen = new LinkedHashMap<>();
        TapOps<Tensor> ops = new TapOps<>(new ReferenceOps(), seen::put);
        Tensor tapped = body.build(ops, ops.params(weights), inputs).get("out_sample");
        assertNotNull(plain);
        assertNotNull(tapped);
        assertArrayEquals(plain.values(), tapped.values());
        assertEquals("fp32[2,4,24]", String.valueOf(seen.get("blocks.0.attn.qkv")));
        assertEquals("fp32[2,4,8]", String.valueOf(seen.get("blocks.0.attn")));
        assertEquals("fp32[2,4,16]", String.valueOf(seen.get("final_layer.linear")));
        Tensor attended = seen.get("blocks.0.attn");
        assertNotNull(attended);
        Tensor projected = new ReferenceOps().linear(weights.at("blocks.0.attn.proj"), attended, 8, 8);
        Tensor proj = seen.get("blocks.0.attn.proj");
        assertNotNull(proj);
        assertArrayEquals(projected.values(), proj.values());
    }
}
