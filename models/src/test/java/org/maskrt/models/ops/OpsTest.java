package org.maskrt.models.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class OpsTest {
    @Test
    void theVocabularyStaysSmall() {
        long required = Arrays.stream(Ops.class.getMethods())
                .filter(m -> Modifier.isAbstract(m.getModifiers()))
                .count();
        assertTrue(required <= 32, "Ops has " + required + " abstract methods; above 32 needs a decision record");
    }

    @Test
    void referenceAgreesWithHandValues() {
        ReferenceOps ops = new ReferenceOps();
        Tensor a = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
        Tensor b = Tensor.of(new float[] {1, 0, 0, 1, 1, 1}, 3, 2);
        assertEquals(List.of(4f, 5f, 10f, 11f), values(ops.matmul(a, b)));
        assertEquals(List.of(1f, 4f, 2f, 5f, 3f, 6f), values(ops.transpose(a, 1, 0)));
        assertEquals(List.of(6f, 15f), values(ops.sum(a, 1)));
        assertEquals(List.of(3f, 4f, 5f, 6f, 7f, 8f), values(ops.add(a, Tensor.of(new float[] {2}, 1))));
        assertEquals(0.8427008f, ops.erf(Tensor.of(new float[] {1}, 1)).values()[0], 1e-7f);
        assertEquals(-0.9953223f, ops.erf(Tensor.of(new float[] {-2}, 1)).values()[0], 1e-7f);
        Tensor picture = Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 1, 3, 3);
        Tensor ones = Tensor.of(new float[] {1, 1, 1, 1}, 1, 1, 2, 2);
        Tensor bias = Tensor.of(new float[] {0.5f}, 1);
        assertEquals(
                List.of(12.5f, 16.5f, 24.5f, 28.5f),
                values(ops.conv2d(picture, ones, bias, new Conv2d(1, 0, 0, 0, 0))));
        assertEquals(
                List.of(12.5f, 9.5f, 15.5f, 9.5f), values(ops.conv2d(picture, ones, bias, new Conv2d(2, 0, 0, 1, 1))));
    }

    @Test
    void indicesAreSlicedAndAdded() {
        ReferenceOps ops = new ReferenceOps();
        Tensor rows = Tensor.ofIndices(new long[] {0, 7, 1, 8}, 2, 2);
        assertArrayEquals(new long[] {7, 8}, ops.slice(rows, 1, 1, 2).indices());
        assertEquals(Shape.of(2, 1), ops.slice(rows, 1, 1, 2).shape());
        Tensor advance = Tensor.ofIndices(new long[] {2, 1L << 40}, 2);
        assertArrayEquals(
                new long[] {2, 7 + (1L << 40), 3, 8 + (1L << 40)},
                ops.add(rows, advance).indices());
    }

    @Test
    void oneWeightCanBeChanged() {
        Params<String> all = Params.of((path, shape) -> path + shape);
        Params<String> changed = all.at("layer").with("bias", bias -> bias + " + 1");
        assertEquals("layer.bias[3] + 1", changed.get("bias", 3));
        assertEquals("layer.weight[3,2]", changed.get("weight", 3, 2));
        assertEquals("layer.inner.bias[3]", changed.at("inner").get("bias", 3));
        assertEquals("layer", changed.path());
    }

    @Test
    void symbolsHaveLetters() {
        assertEquals(
                "[B,S,R,U,N,4]",
                Shape.of(Shape.BATCH, Shape.STEPS, Shape.ROWS, Shape.ROWS_UNCOND, Shape.ROWS_NOISE, 4)
                        .toString());
    }

    @Test
    void shapesThatDoNotFitAreNamed() {
        Shape x = Shape.of(Shape.BATCH, 3, 8);
        assertEquals(
                "cannot reshape [B,3,8] to [B,5,5]",
                assertThrows(IllegalArgumentException.class, () -> Shape.reshape(x, Shape.BATCH, 5, 5))
                        .getMessage());
        assertEquals(
                "matmul needs [.., M, K] and [.., K, N], got [B,3,8] and [3,8]",
                assertThrows(IllegalArgumentException.class, () -> Shape.matmul(x, Shape.of(3, 8)))
                        .getMessage());
        assertEquals(
                "shapes [B,3,8] and [7] do not broadcast",
                assertThrows(IllegalArgumentException.class, () -> Shape.broadcast(x, Shape.of(7)))
                        .getMessage());
        assertEquals(
                Shape.of(Shape.STEPS, Shape.BATCH, 4),
                Shape.broadcast(Shape.of(Shape.STEPS, 1, 4), Shape.of(1, Shape.BATCH, 4)));
    }

    private static List<Float> values(Tensor t) {
        Float[] out = new Float[t.size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = t.values()[i];
        }
        return List.of(out);
    }
}
