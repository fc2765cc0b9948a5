package org.maskrt.trainer;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import org.maskrt.models.ops.Params;
import org.maskrt.trainer.data.Batch;

/**
 * Latents of known classes.
 *
 * @param batch values [B,C,h,w] and labels [B]
 * @param nullClass the index of the null class
 */
record Labelled(Batch batch, int nullClass) implements Conditioned {
    @Override
    public int size() {
        return batch.labels().length;
    }

    @Override
    public Conditioned rows(Rows rows) {
        long[] labels = Arrays.copyOfRange(batch.labels(), rows.from(), rows.to());
        return new Labelled(new Batch(batch.step(), rows.of(batch.values(), size()), labels), nullClass);
    }

    @Override
    public float[] latents() {
        return batch.values();
    }

    @Override
    public NDArray sample(NdOps ops, NDArray noisy) {
        return noisy;
    }

    @Override
    public NDArray condition(NdOps ops, Params<NDArray> p, boolean[] dropped) {
        long[] labels = batch.labels().clone();
        for (int i = 0; i < labels.length; i++) {
            if (dropped[i]) {
                labels[i] = nullClass;
            }
        }
        return ops.indices(labels, labels.length);
    }
}
