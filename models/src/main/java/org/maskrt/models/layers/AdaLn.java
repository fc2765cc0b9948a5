package org.maskrt.models.layers;

import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.maskrt.models.ModulationSlot;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Shape;

/**
 * Where the blocks get their adaLN-Zero modulations (DiT, section 3.2): from the condition, or from vectors computed beforehand.
 *
 * @param <T> the interpreter's tensor
 */
@FunctionalInterface
public interface AdaLn<T> {
    /** The chunks of {@code slot}, each [B,1,D]; scales hold their 1 already. */
    List<T> chunks(Params<T> p, ModulationSlot slot);

    /** From the condition c [B,D]. */
    static <T> AdaLn<T> of(Ops<T> ops, T c) {
        T active = ops.silu(c);
        return (p, slot) -> chunks(
                ops, ops.reshape(modulation(ops, p.at(slot.path()), active, slot), Shape.BATCH, 1, slot.size()), slot);
    }

    /** From a vector [B,K] that holds the modulation of every slot in order. */
    static <T> AdaLn<T> hoisted(Ops<T> ops, T modulation, List<ModulationSlot> slots) {
        int[] sizes = slots.stream()
                .flatMapToInt(s -> IntStream.generate(s::width).limit(s.chunks()))
                .toArray();
        List<T> all = ops.split(
                ops.reshape(modulation, Shape.BATCH, 1, IntStream.of(sizes).sum()), 2, sizes);
        Map<String, List<T>> bySlot = new HashMap<>();
        int from = 0;
        for (ModulationSlot slot : slots) {
            bySlot.put(slot.path(), all.subList(from, from + slot.chunks()));
            from += slot.chunks();
        }
        return (p, slot) -> {
            List<T> found = bySlot.getOrDefault(slot.path(), Collections.emptyList());
            if (found.isEmpty()) {
                throw new IllegalArgumentException(slot.path() + " has no place in the hoisted modulation " + slots);
            }
            return found;
        };
    }

    /** Linear(SiLU(c)) of one slot with 1 added to its scales, by way of its bias: {@code active} [..,D] to [..,chunks*D]. */
    static <T> T modulation(Ops<T> ops, Params<T> p, T active, ModulationSlot slot) {
        float[] one = new float[slot.size()];
        for (int i = 0; i < slot.chunks(); i++) {
            if (slot.isScale(i)) {
                Arrays.fill(one, i * slot.width(), (i + 1) * slot.width(), 1);
            }
        }
        Params<T> linear =
                p.at("adaLN_modulation.1").with("bias", bias -> ops.add(bias, ops.constant(one, slot.size())));
        return ops.linear(linear, active, ops.shape(active).dim(-1), slot.size());
    }

    private static <T> List<T> chunks(Ops<T> ops, T modulation, ModulationSlot slot) {
        int[] sizes = new int[slot.chunks()];
        Arrays.fill(sizes, slot.width());
        return ops.split(modulation, 2, sizes);
    }
}
