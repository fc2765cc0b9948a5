package org.maskrt.calibration;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Shape;

/**
 * The scales of a table that depend on the timestep, for rows that each have their own: a few operations on [B,G], once for all linears. For a linear
 * with the scales s_g, they are s_0 r with the ratio r = s_g / s_0 of the group g that the row's timestep lies in.
 *
 * @param <T> the interpreter's tensor
 */
public final class TimestepScales<T> {
    /** Before every timestep, so that all are in the first group at least. */
    private static final float EVER = -1e6f;

    /** Far less than what timesteps differ by, and its square is a number yet. */
    private static final float NOTHING = 1e-15f;

    private final Map<String, T> ratios;
    private final Map<String, T> inverses;

    /** @param timestep as the model is given it, fp32 [B] */
    public TimestepScales(Ops<T> ops, ScaleTable table, T timestep) {
        Map<String, float[]> varying = new TreeMap<>();
        table.linears().forEach((path, linear) -> {
            if (linear.input().scales().length > 1) {
                varying.put(path, linear.input().scales());
            }
        });
        T group = group(ops, table.timestepEdges(), timestep);
        ratios = columns(ops, group, varying, false);
        inverses = columns(ops, group, varying, true);
    }

    /** [B] to [B,G], 1 in the column of the timestep's group and 0 elsewhere. */
    private static <T> T group(Ops<T> ops, double[] edges, T timestep) {
        int groups = edges.length - 1;
        float[] from = new float[groups];
        float[] last = new float[groups * groups];
        for (int g = 0; g < groups; g++) {
            from[g] = g == 0 ? EVER : (float) edges[g];
            last[g * groups + g] = 1;
            if (g > 0) {
                last[g * groups + g - 1] = -1;
            }
        }
        T past = ops.sub(ops.reshape(timestep, Shape.BATCH, 1), ops.constant(from, groups));
        past = ops.shift(past, NOTHING);
        // 1 where the timestep has reached the group, and 0 elsewhere: the square root of a square is exact
        T sign = ops.div(past, ops.sqrt(ops.mul(past, past)));
        T reached = ops.scale(ops.shift(sign, 1), 0.5f);
        return ops.matmul(reached, ops.constant(last, groups, groups));
    }

    private static <T> Map<String, T> columns(Ops<T> ops, T group, Map<String, float[]> scales, boolean inverse) {
        int groups = ops.shape(group).dim(1);
        int count = scales.size();
        float[] table = new float[groups * count];
        int column = 0;
        for (float[] s : scales.values()) {
            for (int g = 0; g < groups; g++) {
                float ratio = s[g] / s[0];
                table[g * count + column] = inverse ? 1 / ratio : ratio;
            }
            column++;
        }
        T each = ops.reshape(ops.matmul(group, ops.constant(table, groups, count)), Shape.BATCH, 1, count);
        int[] ones = new int[count];
        Arrays.fill(ones, 1);
        List<T> parts = ops.split(each, 2, ones);
        Map<String, T> found = new HashMap<>();
        List<String> paths = new ArrayList<>(scales.keySet());
        for (int i = 0; i < count; i++) {
            found.put(paths.get(i), parts.get(i));
        }
        return found;
    }

    /** r of each row for the linear at {@code path}, [B,1,1]; null where it has one scale for all timesteps. */
    public @Nullable T ratio(String path) {
        return ratios.get(path);
    }

    /** 1 / r of each row, [B,1,1]; null where the linear has one scale for all timesteps. */
    public @Nullable T inverse(String path) {
        return inverses.get(path);
    }
}
