package org.maskrt.trainer;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.jni.JniUtils;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.ObjIntConsumer;
import org.maskrt.models.ExitCode;
import org.maskrt.models.MaskRtException;
import org.maskrt.models.ops.Conv2d;
import org.maskrt.models.ops.Ops;
import org.maskrt.models.ops.Params;
import org.maskrt.models.ops.Tensor;
import org.maskrt.trainer.data.Batch;
import org.maskrt.trainer.data.BatchOrder;
import org.maskrt.trainer.data.Batches;
import org.maskrt.trainer.data.ImageSource;
import org.maskrt.trainer.data.ReadAhead;

/**
 * A small convolutional classifier, which judges whether a generated picture shows the class that was asked for: four convolutions of stride 2,
 * each with group norm and SiLU, the mean over places, and a linear layer. For use by one thread at a time.
 */
public final class ImageClassifier implements AutoCloseable {
    private static final int FEATURES = 128;
    private static final int[] WIDTHS = {16, 32, 64, FEATURES};
    private static final int KERNEL = 3;
    private static final int GROUPS = 4;
    private static final float EPS = 1e-5f;
    private static final Conv2d HALVE = new Conv2d(2, 1, 1, 1, 1);
    private static final OptimizerConfig OPTIMIZER = new OptimizerConfig(3e-3, 50, true, 0.01, 1, List.of(0.99));
    private static final int JUDGED_AT_ONCE = 50;

    private final int size;
    private final int classes;
    private final NdOps ops;
    private final TrainState state;

    private ImageClassifier(int size, int classes, NdOps ops, TrainState state) {
        this.size = size;
        this.classes = classes;
        this.ops = ops;
        this.state = state;
    }

    /** How a classifier is trained: {@code steps} of {@code batch} pictures, in an order that follows from {@code seed}. */
    public record Options(int steps, int batch, long seed) {}

    /**
     * Trains a classifier of the pictures of a source with the cross-entropy of its labels.
     *
     * @param cancelled asked before each step
     * @throws MaskRtException INTERRUPTED when cancelled, NOT_FINITE where the loss is
     */
    public static ImageClassifier train(
            ImageSource source, Options options, TrainListener listener, BooleanSupplier cancelled) {
        NDManager manager = Torch.engine().newBaseManager(Device.cpu());
        NdOps ops = new NdOps(manager);
        int size = source.size();
        int classes = source.numClasses();
        NdParams layout =
                NdParams.of(manager, p -> logits(ops, p, manager.zeros(NdOps.shape(1, 3, size, size)), classes));
        float[] initial =
                layout.flatten((path, shape) -> Initialisation.TORCH.of(path, shape, layout.shapes(), options.seed()));
        ImageClassifier classifier =
                new ImageClassifier(size, classes, ops, TrainState.initial(manager, layout, initial, 1));
        listener.stage("classifier", 0, options.steps());
        BatchOrder order = new BatchOrder(source.count(), options.batch(), options.seed());
        try (ReadAhead<Batch> batches = new ReadAhead<>(new Batches(source, order, false)::at, 0)) {
            for (long step = 0; step < options.steps(); step++) {
                if (cancelled.getAsBoolean()) {
                    throw new MaskRtException(ExitCode.INTERRUPTED, "classifier: interrupted at step " + step);
                }
                float loss = classifier.step(batches.next(), options.steps());
                listener.progress(step + 1, Map.of("loss", loss));
            }
        } catch (RuntimeException e) {
            classifier.close();
            throw e;
        }
        return classifier;
    }

    private float step(Batch batch, long steps) {
        int b = batch.labels().length;
        float[] target = new float[b * classes];
        for (int i = 0; i < b; i++) {
            target[i * classes + (int) batch.labels()[i]] = -1f / b;
        }
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            float[] loss = new float[1];
            Torch.backward(() -> {
                NDArray x = ops.constant(batch.values(), b, 3, size, size);
                NDArray logits = logits(ops, state.layout().views(state.weights()), x, classes);
                NDArray crossEntropy = ops.mul(
                                JniUtils.logSoftmax(NdOps.pt(logits), 1, DataType.FLOAT32),
                                ops.constant(target, b, classes))
                        .sum();
                loss[0] = crossEntropy.getFloat();
                return crossEntropy;
            });
            float norm = state.update(OPTIMIZER, steps);
            if (!Float.isFinite(norm)) {
                throw new MaskRtException(
                        ExitCode.NOT_FINITE,
                        "classifier: expected a finite loss, received " + loss[0]
                                + "; look for bad values in the data");
            }
            return loss[0];
        }
    }

    /**
     * The class that each picture shows most.
     *
     * @param images [n,3,S,S] in [-1,1]
     */
    public int[] classify(float[] images) {
        int[] out = new int[images.length / (3 * size * size)];
        judge(images, (x, from) -> {
            long[] best = logits(ops, state.layout().views(state.average()), x, classes)
                    .argMax(1)
                    .toLongArray();
            for (int i = 0; i < best.length; i++) {
                out[from + i] = (int) best[i];
            }
        });
        return out;
    }

    /**
     * What the last layer reads of each picture.
     *
     * @param images [n,3,S,S] in [-1,1]
     * @return [n,128]
     */
    public Tensor features(float[] images) {
        int count = images.length / (3 * size * size);
        float[] out = new float[count * FEATURES];
        judge(images, (x, from) -> {
            float[] part =
                    features(ops, state.layout().views(state.average()), x).toFloatArray();
            System.arraycopy(part, 0, out, from * FEATURES, part.length);
        });
        return Tensor.of(out, count, FEATURES);
    }

    private void judge(float[] images, ObjIntConsumer<NDArray> each) {
        Torch.engine();
        int picture = 3 * size * size;
        int count = images.length / picture;
        for (int from = 0; from < count; from += JUDGED_AT_ONCE) {
            int n = Math.min(JUDGED_AT_ONCE, count - from);
            float[] part = new float[n * picture];
            System.arraycopy(images, from * picture, part, 0, part.length);
            try (NDScope scope = new NDScope()) {
                scope.suppressNotUsedWarning();
                each.accept(ops.constant(part, n, 3, size, size), from);
            }
        }
    }

    /** How many classes it tells apart. */
    public int classes() {
        return classes;
    }

    private static <T> T logits(Ops<T> ops, Params<T> p, T image, int classes) {
        return ops.linear(p.at("head"), features(ops, p, image), FEATURES, classes);
    }

    private static <T> T features(Ops<T> ops, Params<T> p, T image) {
        T x = image;
        int in = 3;
        for (int i = 0; i < WIDTHS.length; i++) {
            int width = WIDTHS[i];
            Params<T> block = p.at("blocks", i);
            x = ops.conv2d(
                    x, block.get("conv.weight", width, in, KERNEL, KERNEL), block.get("conv.bias", width), HALVE);
            x = ops.silu(ops.groupNorm(block.at("norm"), x, GROUPS, EPS));
            in = width;
        }
        int places = ops.shape(x).dim(2) * ops.shape(x).dim(3);
        T mean = ops.mean(ops.reshape(x, ops.shape(x).dim(0), in, places), 2);
        return ops.reshape(mean, ops.shape(x).dim(0), in);
    }

    @Override
    public void close() {
        ops.close();
        state.close();
    }
}
